// Command lambda is fanout on AWS Lambda (package lambdahost): buckets in S3,
// topics in SNS or SQS; those of partners as well.
package main

import (
	_ "gocloud.dev/blob/s3blob"
	_ "gocloud.dev/pubsub/awssnssqs"

	"github.com/sallyport-io/sallyport/functions/fanout"
	"github.com/sallyport-io/sallyport/shared/host/lambdahost"
)

func main() { lambdahost.Main("fanout", fanout.Open) }
