// Command lambda is ingest on AWS Lambda (package lambdahost): buckets in S3,
// topics in SNS or SQS.
package main

import (
	_ "gocloud.dev/blob/s3blob"
	_ "gocloud.dev/pubsub/awssnssqs"

	"github.com/sallyport-io/sallyport/functions/ingest"
	"github.com/sallyport-io/sallyport/shared/host/lambdahost"
)

func main() { lambdahost.Main("ingest", ingest.Open) }
