// Command lambda is reveal on AWS Lambda (package lambdahost): exchanges and the key
// ring in S3, its topic in SNS or SQS, wrapped keys by KMS.
package main

import (
	_ "gocloud.dev/blob/s3blob"
	_ "gocloud.dev/pubsub/awssnssqs"
	_ "gocloud.dev/secrets/awskms"

	"github.com/sallyport-io/sallyport/functions/reveal"
	"github.com/sallyport-io/sallyport/shared/host/lambdahost"
)

func main() { lambdahost.MainHTTP("reveal", reveal.Open) }
