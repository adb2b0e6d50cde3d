// Command ingest is the function ingest on Google Cloud Run functions.
package main

import (
	_ "gocloud.dev/blob/gcsblob"     // gs://: buckets
	_ "gocloud.dev/pubsub/gcppubsub" // gcppubsub://: topics

	"github.com/sallyport-io/sallyport/functions/ingest"
	"github.com/sallyport-io/sallyport/shared/host/gcfhost"
)

func main() { gcfhost.Main("ingest", ingest.Open) }
