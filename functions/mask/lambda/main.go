// Command lambda is mask on AWS Lambda (package lambdahost): buckets in S3,
// topics in SNS or SQS, keys wrapped by KMS.
package main

import (
	_ "gocloud.dev/blob/s3blob"
	_ "gocloud.dev/pubsub/awssnssqs"
	_ "gocloud.dev/secrets/awskms"

	"github.com/sallyport-io/sallyport/functions/mask"
	"github.com/sallyport-io/sallyport/shared/host/lambdahost"
)

func main() { lambdahost.Main("mask", mask.Open) }
