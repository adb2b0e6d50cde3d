// Command lambda is audit on AWS Lambda (package lambdahost): the ledger in
// S3, topics in SNS or SQS, the key that signs in Secrets Manager.
package main

import (
	_ "gocloud.dev/blob/s3blob"
	_ "gocloud.dev/pubsub/awssnssqs"
	_ "gocloud.dev/runtimevar/awssecretsmanager"

	"github.com/sallyport-io/sallyport/functions/audit"
	"github.com/sallyport-io/sallyport/shared/host/lambdahost"
)

func main() { lambdahost.Main("audit", audit.Open) }
