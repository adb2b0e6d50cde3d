package lambdahost_test

import (
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/shared/event"
)

// samples are those of aws-lambda-go's events/testdata that this host knows.
// Every other file there must be refused as payload-unknown.
var samples = map[string]string{
	"s3-event.json":                 `saw drop Happy Face.jpg version "d41d8cd98f00b204e9800998ecf8427e" 1024`,
	"s3-event-with-decoded.json":    `saw drop Happy Face.jpg version "d41d8cd98f00b204e9800998ecf8427e" 1024`,
	"s3-glacier-event.json":         "ignored",
	"s3-intelligenttier-event.json": "ignored",
	"s3-lifecycle-event.json":       "ignored",
	"s3-replication-event.json":     "ignored",
	"s3-restore-event.json":         "ignored",

	// Messages, but not of events.
	"sqs-event.json": "refused poison event-undecodable",
	"sns-event.json": "refused poison event-undecodable",
	"cloudwatch-alarm-sns-payload-single-metric.json":    "refused poison event-undecodable",
	"cloudwatch-alarm-sns-payload-multiple-metrics.json": "refused poison event-undecodable",

	"autoscaling-event-launch-successful.json":              "saw EC2 Instance Launch Successful",
	"autoscaling-event-launch-unsuccessful.json":            "saw EC2 Instance Launch Unsuccessful",
	"autoscaling-event-lifecycle-action.json":               "saw EC2 Instance-launch Lifecycle Action",
	"autoscaling-event-terminate-action.json":               "saw EC2 Instance-terminate Lifecycle Action",
	"autoscaling-event-terminate-successful.json":           "saw EC2 Instance Terminate Successful",
	"autoscaling-event-terminate-unsuccessful.json":         "saw EC2 Instance Terminate Unsuccessful",
	"codebuild-phase-change.json":                           "saw CodeBuild Build Phase Change",
	"codebuild-state-change.json":                           "saw CodeBuild Build State Change",
	"codedeploy-deployment-event.json":                      "saw CodeDeploy Deployment State-change Notification",
	"codedeploy-instance-event.json":                        "saw CodeDeploy Instance State-change Notification",
	"codepipeline-action-execution-stage-change-event.json": "saw CodePipeline Action Execution State Change",
	"codepipeline-execution-stage-change-event.json":        "saw CodePipeline Stage Execution State Change",
	"codepipeline-execution-state-change-event.json":        "saw CodePipeline Pipeline Execution State Change",
	"ecr-image-push-event.json":                             "saw ECR Image Action",
	"ecr-image-scan-event.json":                             "saw ECR Image Scan",
	"ecs-container-instance-state-change.json":              "saw ECS Container Instance State Change",

	// Requests, but none for the path of a partner.
	"lambda-urls-request.json":                "status 404",
	"apigw-v2-request-iam.json":               "status 404",
	"apigw-v2-request-jwt-authorizer.json":    "status 404",
	"apigw-v2-request-lambda-authorizer.json": "status 404",
	"apigw-v2-request-no-authorizer.json":     "status 404",
}

func TestSamplesOfAWS(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-lambda-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "events", "testdata", "*.json"))
	if err != nil || len(files) < len(samples) {
		t.Fatalf("%d samples, %v", len(files), err)
	}
	unseen := maps.Clone(samples)
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			payload, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want, ok := samples[name]
			if !ok {
				want = "refused denied payload-unknown"
			}
			if got := newWorld(t).invoke(t, string(payload)); got != want {
				t.Errorf("%s\nwant %s", got, want)
			}
		})
		delete(unseen, name)
	}
	if len(unseen) > 0 {
		t.Errorf("not there: %v", slices.Collect(maps.Keys(unseen)))
	}
}

func TestSampleOfS3InSQS(t *testing.T) {
	payload, err := os.ReadFile("../../../../shared/data/s3SqsEvent.json")
	if err != nil {
		t.Skip("no ../shared/data beside the checkout")
	}
	w := newWorld(t)
	if got := w.invoke(t, string(payload)); got != "refused denied bucket-unknown" {
		t.Error(got)
	}
	w.open(t, w, "s3://xxx?region=us-east-1")
	if got := w.invoke(t, string(payload)); got != `saw drop test.pdf yd3d4HaWOT2zguDLvIQLU6ptDTwKBnQV "2e3ad1e983318bbd8e73b080e2997980" 104681` {
		t.Error(got)
	}
}

const queue = "arn:aws:sqs:eu-central-1:123456789012:sallyport-ingest"

func TestPayloads(t *testing.T) {
	const drop = `saw drop acme/a.csv v1 "e1" 7`
	object := `{"version":"0","bucket":{"name":"sourcebucket"},"object":{"key":"acme/a+b%2F c.csv","size":7,"etag":"e1","version-id":"v1","sequencer":"0A"},"request-id":"x","reason":"PutObject"}`
	const bridgedDrop = `saw drop acme/a+b%2F c.csv v1 "e1" 7`
	test := `{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2014-10-13T15:57:02.089Z","Bucket":"sourcebucket","RequestId":"5582815E1AEA5ADF","HostId":"x"}`
	a := notification(put("acme/a.csv"))
	for _, c := range []struct{ name, payload, want string }{
		{"S3", a, drop},
		{"S3 in SQS", queued(t, queue, a), drop},
		{"S3 in SNS", told(t, "arn:aws:sns:x:1:drops", a), drop},
		{"S3 in SNS in SQS", queued(t, queue, enveloped(t, a)), drop},
		{"S3 through EventBridge", bridged("aws.s3", "Object Created", object), bridgedDrop},
		{"S3 through EventBridge in SQS", queued(t, queue, bridged("aws.s3", "Object Created", object)), bridgedDrop},
		{"S3 through EventBridge in SNS in SQS", queued(t, queue, enveloped(t, bridged("aws.s3", "Object Created", object))), bridgedDrop},
		{"several records", notification(put("acme/a.csv"), put("acme/b.csv")), drop + `; saw drop acme/b.csv v1 "e1" 7`},
		{"several records in SQS", queued(t, queue, notification(put("acme/a.csv"), put("acme/b.csv"))), drop + `; saw drop acme/b.csv v1 "e1" 7`},
		{"several messages of SNS", told(t, "arn:aws:sns:x:1:drops", a, a), drop + "; " + drop},

		{"plus and escapes", notification(put("acme/a+b%2Bc%3Dd%2Fe%252F.csv")), `saw drop acme/a b+c=d/e%2F.csv v1 "e1" 7`},
		{"unicode", notification(put("acme/%E2%98%BA+%C3%A9.csv")), `saw drop acme/☺ é.csv v1 "e1" 7`},
		{"an escape that is none", notification(put("acme/%zz")), "refused poison notification-undecodable"},
		{"not UTF-8", notification(put("acme/%ff")), "refused poison notification-undecodable"},
		{"no key", notification(put("")), "refused poison notification-undecodable"},
		{"no version", notification(strings.Replace(put("acme/a.csv"), `"versionId":"v1",`, "", 1)), `saw drop acme/a.csv  "e1" 7`},
		{"null version", notification(strings.Replace(put("acme/a.csv"), `"v1"`, `"null"`, 1)), `saw drop acme/a.csv  "e1" 7`},
		{"quoted ETag", notification(strings.Replace(put("acme/a.csv"), `"e1"`, `"\"e1\""`, 1)), drop},
		{"no ETag", notification(strings.Replace(put("acme/a.csv"), `"eTag":"e1",`, "", 1)), "saw drop acme/a.csv v1  7"},
		{"neither", notification(strings.NewReplacer(`"eTag":"e1",`, "", `"versionId":"v1",`, "").Replace(put("acme/a.csv"))), "refused poison notification-undecodable"},
		{"no time", notification(strings.Replace(put("acme/a.csv"), "2026-11-01T02:03:04.567Z", "noon", 1)), "refused poison notification-undecodable"},
		{"name with its prefix", notification(strings.Replace(put("acme/a.csv"), "ObjectCreated:Put", "s3:ObjectCreated:CompleteMultipartUpload", 1)), drop},
		{"folder", notification(strings.Replace(put("acme/a/"), `"size":7`, `"size":0`, 1)), "ignored"},
		{"another bucket", notification(strings.Replace(put("acme/a.csv"), `"name":"sourcebucket"`, `"name":"ledger"`, 1)), "refused denied bucket-unknown"},
		{"another bucket beside", notification(strings.Replace(put("acme/b.csv"), `"name":"sourcebucket"`, `"name":"ledger"`, 1), put("acme/a.csv")), drop + "; refused denied bucket-unknown"},
		{"another bucket through EventBridge", bridged("aws.s3", "Object Created", strings.Replace(object, "sourcebucket", "ledger", 1)), "refused denied bucket-unknown"},
		{"removed", notification(strings.Replace(put("acme/a.csv"), "ObjectCreated:Put", "ObjectRemoved:Delete", 1)), "ignored"},
		{"delete marker", queued(t, queue, notification(strings.Replace(put("acme/a.csv"), "ObjectCreated:Put", "ObjectRemoved:DeleteMarkerCreated", 1))), "ignored"},
		{"expired", notification(strings.Replace(put("acme/a.csv"), "ObjectCreated:Put", "LifecycleExpiration:Delete", 1)), "ignored"},
		{"deleted, by EventBridge", bridged("aws.s3", "Object Deleted", object), "ignored"},
		{"test event", test, "ignored"},
		{"test event in SQS", queued(t, queue, test), "ignored"},
		{"test event in SNS in SQS", queued(t, queue, enveloped(t, test)), "ignored"},
		{"test event in SNS", told(t, "arn:aws:sns:x:1:drops", test), "ignored"},
		{"no records", `{"Records":[]}`, "refused denied payload-unknown"},
		{"records of two sources", notification(put("acme/a.csv"), `{"eventSource":"aws:ses"}`), "refused denied payload-unknown"},
		{"records that are none", queued(t, queue, `{"Records":[{"eventSource":"aws:s3"}]}`), "refused poison notification-undecodable"},

		{"rule", bridged("aws.events", "Scheduled Event", "{}"), "saw " + event.TypeTick},
		{"schedule", bridged("aws.scheduler", "Scheduled Event", `"{}"`), "saw " + event.TypeTick},
		{"schedule in SQS", queued(t, queue, bridged("aws.scheduler", "Scheduled Event", `"{}"`)), "saw " + event.TypeTick},
		{"EventBridge", bridged("com.example.shop", "Order Placed", `{"card":"`+secret+`"}`), "saw Order Placed"},
		{"EventBridge of a partner", bridged("com.acme.shop", "Order Placed", `{"card":"`+secret+`"}`), "saw Order Placed of acme at orders/bus"},
		{"CloudEvent in EventBridge", bridged("com.acme.shop", "x", cloudEvent("1", "com.acme.order")), "saw com.acme.order of acme at orders/bus"},
		{"EventBridge with a type of the chain", bridged("com.example.shop", event.TypeTick, `{}`), "refused denied reserved-type"},
		{"EventBridge of a partner with one", bridged("com.acme.shop", "x", cloudEvent("1", event.TypeTick)), "refused denied reserved-type"},
		{"EventBridge without id", strings.Replace(bridged("com.example.shop", "x", "{}"), `"id":"17793124-05d4-b198-2fde-7ededc63b103",`, "", 1), "refused poison event-undecodable"},
		{"EventBridge whose source is none", bridged("%zz", "x", "{}"), "refused poison event-unencodable"},

		{"CloudEvent", cloudEvent("1", event.TypeSegmentAccepted), "saw " + event.TypeSegmentAccepted},
		{"CloudEvent in SQS", queued(t, queue, cloudEvent("1", event.TypeSegmentAccepted)), "saw " + event.TypeSegmentAccepted},
		{"CloudEvent in SNS", told(t, "arn:aws:sns:x:1:drops", cloudEvent("1", event.TypeSegmentAccepted)), "saw " + event.TypeSegmentAccepted},
		{"CloudEvent in SNS in SQS", queued(t, queue, enveloped(t, cloudEvent("1", event.TypeSegmentAccepted))), "saw " + event.TypeSegmentAccepted},
		{"whose nobody says", queued(t, queue, cloudEvent("1", "com.example.order")), "saw com.example.order"},
		{"unreadable", queued(t, queue, secret), "refused poison event-undecodable"},
		{"unreadable CloudEvent", queued(t, queue, `{"specversion":"1.0","card":"`+secret+`"}`), "refused poison event-undecodable"},
		{"a member twice", queued(t, queue, `{"Records":[],`+a[1:]), "refused poison event-undecodable"},
		{"large CloudEvent", queued(t, queue, cloudEvent("1", strings.Repeat("x", 1<<20))), "refused poison event-too-large"},
		{"wrapped without end", queued(t, queue, enveloped(t, enveloped(t, enveloped(t, enveloped(t, a))))), "refused poison event-undecodable"},

		{"partner's queue", queued(t, partnersQueue, cloudEvent("1", "com.acme.order")), "saw com.acme.order of acme at orders/new"},
		{"partner's topic in the partner's queue", queued(t, partnersQueue, enveloped(t, cloudEvent("1", "com.acme.order"))), "saw com.acme.order of acme at orders/new"},
		{"partner's topic", told(t, partnersTopic, cloudEvent("1", "com.acme.order")), "saw com.acme.order of acme at orders/new"},
		{"partner who speaks for the chain", queued(t, partnersQueue, cloudEvent("1", event.TypeDropReceived)), "refused denied reserved-type"},
		{"partner who speaks for S3", queued(t, partnersQueue, a), "refused denied notification-untrusted"},
		{"partner who speaks for S3 by EventBridge", queued(t, partnersQueue, bridged("aws.s3", "Object Created", object)), "refused denied notification-untrusted"},
		{"partner who speaks for the clock", told(t, partnersTopic, bridged("aws.events", "Scheduled Event", "{}")), "refused denied notification-untrusted"},
		{"topic that a body claims", queued(t, queue, enveloped(t, cloudEvent("1", "com.acme.order"))), "saw com.acme.order"},

		{"no JSON", "SECRET", "refused denied payload-unknown"},
		{"nothing", "", "refused denied payload-unknown"},
		{"an array", "[" + a + "]", "refused denied payload-unknown"},
		{"SQS without ids", strings.Replace(queued(t, queue, a), `"m0"`, `""`, 1), "error batch-undecodable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			if got := w.invoke(t, c.payload); got != c.want {
				t.Errorf("%s\nwant %s", got, c.want)
			}
		})
	}
}

func TestPrefixOfDrops(t *testing.T) {
	w := newWorld(t)
	w.open(t, w, "s3://sourcebucket?region=us-east-1&prefix=in/")
	for key, want := range map[string]string{"in/acme/a.csv": `saw drop acme/a.csv v1 "e1" 7`, "acme/a.csv": "ignored", "in/": "ignored"} {
		if got := w.invoke(t, notification(put(key))); got != want {
			t.Errorf("%s: %s, want %s", key, got, want)
		}
	}
	w.open(t, w, "") // a function that takes no drops
	if got := w.invoke(t, notification(put("acme/a.csv"))); got != "refused denied bucket-unknown" {
		t.Error(got)
	}
}

// By whatever way a notification comes, the event is the same.
func TestSameDrop(t *testing.T) {
	w := newWorld(t)
	object := `{"bucket":{"name":"sourcebucket"},"object":{"key":"acme/a b.csv","size":7,"etag":"e1","version-id":"v1","sequencer":"0A"}}`
	for _, payload := range []string{notification(put("acme/a+b.csv")), queued(t, queue, notification(put("acme/a%20b.csv"))), bridged("aws.s3", "Object Created", object)} {
		if _, err := w.Invoke(t.Context(), []byte(payload)); err != nil {
			t.Fatal(err)
		}
	}
	if ids := w.ids(); len(ids) != 3 || ids[0] != event.DropID("acme/a b.csv", "v1") || ids[0] != ids[2] {
		t.Error(ids)
	}
	if got := event.Extension(w.seen[0], "sequence"); got != "0A" {
		t.Errorf("sequence %q", got)
	}
}

// traced is a context with the trace of an invocation, as the runtime makes it.
type traced struct {
	context.Context
	trace string
}

func (c traced) Value(key any) any {
	if key == "x-amzn-trace-id" {
		return c.trace
	}
	return c.Context.Value(key)
}

func TestTrace(t *testing.T) {
	const (
		invocation = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
		mine       = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	)
	ce := cloudEvent("1", event.TypeTick)
	own := strings.Replace(ce, `"id":`, `"traceparent":"`+mine+`","id":`, 1)
	for _, c := range []struct{ name, trace, payload, want string }{
		{"of the invocation", invocation, ce, "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01"},
		{"not sampled", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0;Lineage=1:a:0", ce, "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-00"},
		{"its own", invocation, own, mine},
		{"of the message", invocation, strings.Replace(queued(t, queue, ce), `"attributes":{}`, `"attributes":{"AWSTraceHeader":"Root=1-11111111-222222222222222222222222;Parent=3333333333333333;Sampled=1"}`, 1), "00-11111111222222222222222222222222-3333333333333333-01"},
		{"of a drop", invocation, notification(put("acme/a.csv")), "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01"},
		{"without a parent", "Root=1-5759e988-bd862e3fe1be46a994272793", ce, ""},
		{"of zeros", "Root=1-00000000-000000000000000000000000;Parent=53995c3f42cd8ad8", ce, ""},
		{"broken", "Root=1-5759e988-bd862e3fe1be46a99427279X;Parent=53995c3f42cd8ad8;;=", ce, ""},
		{"none", "", ce, ""},
	} {
		w := newWorld(t)
		if _, err := w.Invoke(traced{t.Context(), c.trace}, []byte(c.payload)); err != nil || len(w.seen) != 1 {
			t.Fatal(err, w.seen)
		}
		if got := event.Extension(w.seen[0], event.ExtTraceparent); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
