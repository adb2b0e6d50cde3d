package aws

import (
	"net/url"

	"github.com/sallyport-io/sallyport/localdev/internal/emulate"
	"github.com/sallyport-io/sallyport/localdev/internal/emulate/lambda"
)

// Names of resources are those of the wiring behind this prefix.
const prefix = "sallyport-"

// Name is what a bucket, topic, queue or function of the wiring is called.
func Name(of string) string { return prefix + of }

// BucketURL is the URL of a bucket of the wiring, the same as in a real account.
func BucketURL(of string) string { return bucketURL(Name(of), "") }

// bucketURL is the URL of a bucket by its full name, below a prefix of keys.
func bucketURL(bucket, below string) string {
	q := url.Values{"region": {lambda.Region}}
	if below != "" {
		q.Set("prefix", below)
	}
	return "s3://" + bucket + "?" + q.Encode()
}

func topicARN(of string) string {
	return "arn:aws:sns:" + lambda.Region + ":" + lambda.Account + ":" + Name(of)
}

func queueARN(name string) string {
	return "arn:aws:sqs:" + lambda.Region + ":" + lambda.Account + ":" + name
}

// topicURL is the URL of a topic of the wiring, the same as in a real account.
func topicURL(of string) string {
	return "awssns:///" + topicARN(of) + "?region=" + lambda.Region
}

// deadQueue is the queue for what the queue of a function could not get rid of.
func deadQueue(function string) string { return Name(function) + "-dead" }

// cloud is how the functions find what they have.
var cloud = emulate.Cloud{Bucket: BucketURL, Topic: topicURL}
