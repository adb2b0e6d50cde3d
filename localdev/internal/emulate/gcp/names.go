package gcp

import (
	"net/url"

	"github.com/sallyport-io/sallyport/localdev/internal/emulate"
)

// Project is the project that everything is in.
const Project = "sallyport"

// Names of resources are those of the wiring behind this prefix.
const prefix = "sallyport-"

// Name is what a bucket, topic or function of the wiring is called.
func Name(of string) string { return prefix + of }

// BucketURL is the URL of a bucket of the wiring, as in a real project.
func BucketURL(of string) string { return bucketURL(Name(of), "") }

// bucketURL is the URL of a bucket by its full name, below a prefix of keys.
func bucketURL(bucket, below string) string {
	u := url.URL{Scheme: "gs", Host: bucket}
	if below != "" {
		u.RawQuery = url.Values{"prefix": {below}}.Encode()
	}
	return u.String()
}

// cloud is how the functions find what they have.
var cloud = emulate.Cloud{
	Bucket: BucketURL,
	Topic:  func(of string) string { return "gcppubsub://" + topicName(Name(of)) },
}

// topicName is the full name of a topic.
func topicName(name string) string { return "projects/" + Project + "/topics/" + name }

// subscriptionName is the full name of a subscription.
func subscriptionName(name string) string { return "projects/" + Project + "/subscriptions/" + name }

// deadTopic is the topic, and its subscription, for what could not be pushed to a
// function.
func deadTopic(function string) string { return Name(function) + "-dead" }

// subscription is what the subscription of a function to a topic of the wiring is
// called.
func subscription(function, topic string) string { return Name(function) + "-from-" + topic }
