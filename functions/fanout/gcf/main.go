// Command fanout is the function fanout on Google Cloud Run functions.
package main

import (
	_ "gocloud.dev/blob/gcsblob"     // gs://: buckets, also those of partners
	_ "gocloud.dev/pubsub/gcppubsub" // gcppubsub://: topics, also those of partners

	"github.com/sallyport-io/sallyport/functions/fanout"
	"github.com/sallyport-io/sallyport/shared/host/gcfhost"
)

func main() { gcfhost.Main("fanout", fanout.Open) }
