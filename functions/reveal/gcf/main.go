// Command reveal is the function reveal on Google Cloud Run functions.
package main

import (
	_ "gocloud.dev/blob/gcsblob"     // gs://: buckets
	_ "gocloud.dev/pubsub/gcppubsub" // gcppubsub://: its topic
	_ "gocloud.dev/secrets/gcpkms"   // gcpkms://: the key ring

	"github.com/sallyport-io/sallyport/functions/reveal"
	"github.com/sallyport-io/sallyport/shared/host/gcfhost"
)

func main() { gcfhost.MainHTTP("reveal", reveal.Open) }
