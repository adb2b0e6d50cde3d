// Command audit is the function audit on Google Cloud Run functions.
package main

import (
	_ "gocloud.dev/blob/gcsblob"     // gs://: buckets
	_ "gocloud.dev/pubsub/gcppubsub" // gcppubsub://: topics

	"github.com/sallyport-io/sallyport/functions/audit"
	"github.com/sallyport-io/sallyport/shared/host/gcfhost"
)

func main() { gcfhost.Main("audit", audit.Open) }
