// Package drivers links the drivers of the command sallyport: what each URL
// scheme of buckets, queues, secrets and key services means. Functions that are
// deployed link those of their own cloud instead, in their mains.
//
// Each driver reads the settings of its service from where that service's own
// tools do. All of them together cost a process some 35 ms at its start and 57 MB
// of program, most of it for Google's storage and AWS's sign-on.
package drivers

import (
	"sync"

	"gocloud.dev/blob"

	"github.com/sallyport-io/sallyport/shared/filebucket"

	// Buckets.
	_ "gocloud.dev/blob/azureblob" // azblob://container: AZURE_STORAGE_*
	_ "gocloud.dev/blob/gcsblob"   // gs://bucket: application default credentials
	_ "gocloud.dev/blob/s3blob"    // s3://bucket?region=: AWS_*, ~/.aws

	// Queues. Subscription and topic URLs where they differ. NATS is
	// shared/jetstream's, by SALLYPORT_NATS_*: gocloud's own driver for it
	// delivers at most once.
	_ "gocloud.dev/pubsub/awssnssqs"    // awssqs://host/account/queue, awssns:///arn:...: AWS_*
	_ "gocloud.dev/pubsub/azuresb"      // azuresb://topic?subscription=name: SERVICEBUS_CONNECTION_STRING
	_ "gocloud.dev/pubsub/gcppubsub"    // gcppubsub://projects/p/subscriptions/s, .../topics/t: application default credentials
	_ "gocloud.dev/pubsub/kafkapubsub"  // kafka://group?topic=name&offset=oldest, kafka://topic: KAFKA_BROKERS
	_ "gocloud.dev/pubsub/rabbitpubsub" // rabbit://queue, rabbit://exchange: RABBIT_SERVER_URL

	// Secrets, which hold the key that signs the ledger.
	_ "gocloud.dev/runtimevar/awssecretsmanager" // awssecretsmanager://name?region=: AWS_*, ~/.aws
	_ "gocloud.dev/runtimevar/filevar"           // file:///path
	_ "gocloud.dev/runtimevar/gcpsecretmanager"  // gcpsecretmanager://projects/p/secrets/s: application default credentials

	// Key services, which wrap the keys of a ring.
	_ "gocloud.dev/secrets/awskms"        // awskms://key
	_ "gocloud.dev/secrets/azurekeyvault" // azurekeyvault://name.vault.azure.net/keys/name
	_ "gocloud.dev/secrets/gcpkms"        // gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k
	_ "gocloud.dev/secrets/hashivault"    // hashivault://key of the transit engine: VAULT_SERVER_URL, VAULT_SERVER_TOKEN
)

// Files makes file:// a folder (shared/filebucket, every object synced) on
// gocloud's default mux, for workers that share a disk. A relative folder,
// file://./folder, is one of the working directory.
var Files = sync.OnceFunc(func() {
	blob.DefaultURLMux().RegisterBucket(filebucket.Scheme, &filebucket.URLOpener{Sync: true})
})
