// Command mask is the function mask on Google Cloud Run functions.
package main

import (
	_ "gocloud.dev/blob/gcsblob"     // gs://: buckets
	_ "gocloud.dev/pubsub/gcppubsub" // gcppubsub://: topics
	_ "gocloud.dev/secrets/gcpkms"   // gcpkms://: the key ring

	"github.com/sallyport-io/sallyport/functions/mask"
	"github.com/sallyport-io/sallyport/shared/host/gcfhost"
)

func main() { gcfhost.Main("mask", mask.Open) }
