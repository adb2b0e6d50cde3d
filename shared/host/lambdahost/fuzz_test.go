package lambdahost

import (
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host"
)

// Whatever arrives becomes events that can be written, each in its place, or is
// refused for good, or ignored; from a partner no event of the chain's.
func FuzzRead(f *testing.F) {
	const (
		record = `{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","eventTime":"2026-11-01T02:03:04Z","s3":{"bucket":{"name":"b"},"object":{"key":"acme/a+b%20c","size":7,"eTag":"e","versionId":"v","sequencer":"0A"}}}`
		detail = `{"bucket":{"name":"b"},"object":{"key":"acme/a","size":7,"etag":"e","version-id":"v"}}`
		bridge = `{"version":"0","id":"1","detail-type":"Object Created","source":"aws.s3","account":"1","time":"2026-11-01T02:03:04Z","detail":` + detail + `}`
		cloud  = `{"specversion":"1.0","id":"1","source":"/s","type":"t","partner":"x","data":{"a":1}}`
	)
	for _, payload := range []string{
		`{"Records":[` + record + `,` + record + `]}`, bridge, cloud,
		strings.NewReplacer("Object Created", "Scheduled Event", "aws.s3", "aws.scheduler", detail, `"{}"`).Replace(bridge),
		strings.NewReplacer("Object Created", "Order", "aws.s3", "shop", detail, cloud).Replace(bridge),
		`{"Type":"Notification","TopicArn":"t","Message":"{\"Event\":\"s3:TestEvent\",\"Service\":\"Amazon S3\"}"}`,
		`{"Records":[{"EventSource":"aws:sns","Sns":{"TopicArn":"t","Message":"{}"}}]}`,
	} {
		f.Add([]byte(payload), false)
		f.Add([]byte(payload), true)
	}
	f.Fuzz(func(t *testing.T, payload []byte, partners bool) {
		at := place{"acme", "orders"}
		r := reader{drops: drops{bucket: "b"}, sources: map[string]place{"1/shop": at}}
		if partners {
			r.from = &at
		}
		m, _ := members(payload)
		items := append(r.message(payload, 0), (&Handler{reader: r}).direct(m, payload)...)
		if len(items) < 2 {
			t.Fatal("nothing became of it")
		}
		for _, it := range items {
			switch {
			case it.ignored != "":
			case it.refused != nil:
				if !fault.KindOf(it.refused).Final() || it.event.ID() == "" {
					t.Error(it.refused)
				}
			default:
				if _, err := host.EncodeEvent(it.event); err != nil {
					t.Errorf("%v: %v", err, it.event)
				}
				p, ours := event.Extension(it.event, event.ExtPartner), event.FromChain(it.event)
				if ours && p != "" || p != "" && p != "acme" || partners && (ours || p != "acme") {
					t.Errorf("of %q: %v", p, it.event)
				}
			}
		}
	})
}
