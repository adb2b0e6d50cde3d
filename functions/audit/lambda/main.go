// Command lambda is audit on AWS Lambda (package lambdahost): the ledger in
// S3, topics in SNS or SQS.
package main

import (
	_ "gocloud.dev/blob/s3blob"
	_ "gocloud.dev/pubsub/awssnssqs"

	"github.com/sallyport-io/sallyport/functions/audit"
	"github.com/sallyport-io/sallyport/shared/host/lambdahost"
)

func main() { lambdahost.Main("audit", audit.Open) }
