package gcfhost_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/host/gcfhost"
)

// TestSamples holds every request of testdata to what must become of it.
func TestSamples(t *testing.T) {
	drop := event.DropReceived{Key: "folder/Test.cs", Generation: "1587627537231057", ETag: `"CNHZkbuF/ugCEAE="`, Size: 352,
		Time: time.Date(2020, 4, 23, 7, 38, 57, 230e6, time.UTC)}
	unknown := drop // without a payload
	unknown.ETag, unknown.Size, unknown.Time = "", 0, time.Date(2020, 4, 23, 7, 38, 57, 230516e3, time.UTC)
	tick := []string{"e-1"}
	wants := map[string]struct {
		drop   event.DropReceived
		events []string // ids of events of the chain
		dead   string   // code of the dead letter
	}{
		"eventarc-finalized-binary":     {drop: drop},
		"eventarc-finalized-structured": {drop: drop},
		"eventarc-deleted":              {},
		"eventarc-archived":             {},
		"eventarc-metadataUpdated":      {},
		"legacy-finalize":               {drop: drop},
		"legacy-change-created":         {drop: drop},
		"legacy-change-deleted":         {},
		"legacy-delete":                 {},
		"legacy-firebase":               {dead: "event-unknown"},
		"gcs-wrapped":                   {drop: drop},
		"gcs-unwrapped":                 {drop: drop},
		"gcs-eventarc-message":          {drop: drop},
		"gcs-wrapped-none":              {drop: unknown},
		"gcs-wrapped-delete":            {},
		"gcs-wrapped-archive":           {},
		"gcs-wrapped-metadata_update":   {},
		"event-wrapped":                 {events: tick},
		"event-wrapped-new-names":       {events: tick},
		"event-wrapped-old-names":       {events: tick},
		"event-unwrapped":               {events: tick},
		"event-unwrapped-bare":          {events: tick},
		"event-eventarc-message":        {events: tick},
		"event-legacy-message":          {events: tick},
		"event-structured":              {events: tick},
		"event-binary":                  {events: tick},
		"event-batch":                   {events: []string{"e-1", "e-2"}},
		"message-text":                  {dead: "event-undecodable"},
		"message-binary":                {dead: "event-undecodable"},
		"message-json":                  {dead: "event-undecodable"},
		"message-empty":                 {dead: "event-undecodable"},
		"message-not-base64":            {dead: "message-undecodable"},
	}
	files, err := filepath.Glob("testdata/*.http")
	if err != nil || len(files) != len(wants) {
		t.Fatalf("%d samples, %d expectations: %v", len(files), len(wants), err)
	}
	for name, want := range wants {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if status, code, _ := w.do(t, sample(t, name)); status != http.StatusNoContent {
				t.Errorf("%d %s", status, code)
			}
			seen := w.gate.events()
			if want.drop != (event.DropReceived{}) {
				if len(seen) != 1 {
					t.Fatalf("%d events", len(seen))
				}
				e := seen[0]
				got, err := event.Decode[event.DropReceived](e)
				if err != nil || got != want.drop {
					t.Errorf("got  %+v\nwant %+v", got, want.drop)
				}
				id := event.DropID(want.drop.Key, want.drop.Generation)
				if e.ID() != id || e.Type() != event.TypeDropReceived || e.Subject() != "folder/Test.cs" || e.Source() != gcfhost.Source ||
					!e.Time().Equal(want.drop.Time) || event.Extension(e, event.ExtCorrelationID) != id {
					t.Errorf("got %v", e)
				}
			} else if got := ids(seen); !slices.Equal(got, want.events) {
				t.Errorf("saw %v, want %v", got, want.events)
			}
			for _, e := range seen {
				if err := e.Validate(); err != nil {
					t.Error(err)
				}
			}
			if got := strings.Join(w.dead.letters(t), " "); got != want.dead {
				t.Errorf("dead letters %q, want %q", got, want.dead)
			}
			// The same again is the same.
			w.do(t, sample(t, name))
			if again := w.gate.events(); !slices.Equal(ids(again[len(seen):]), ids(seen)) {
				t.Errorf("saw %v again", ids(again))
			}
			if all := ids(w.dead.all()); len(all) == 2 && all[0] != all[1] {
				t.Errorf("dead letters %v", all)
			}
		})
	}
}

// resource is an object as notifications tell of it, changed.
func resource(t *testing.T, change map[string]any) string {
	t.Helper()
	o := map[string]any{"bucket": "some-bucket", "name": "in/acme/stock/a b+c=%2F.csv", "generation": "7", "size": "10", "etag": "x", "timeCreated": "2026-11-01T00:00:00Z"}
	for k, v := range change {
		if o[k] = v; v == nil {
			delete(o, k)
		}
	}
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestObjects(t *testing.T) {
	const name = "acme/stock/a b+c=%2F.csv" // names are not encoded
	for about, c := range map[string]struct {
		change map[string]any
		drops  string
		source string
		key    string // "": it is no drop
		dead   string
	}{
		"taken":                  {key: "in/" + name},
		"below the prefix":       {drops: "gs://some-bucket?prefix=in/", key: name},
		"beside the prefix":      {drops: "gs://some-bucket?prefix=out/"},
		"the prefix itself":      {drops: "gs://some-bucket?prefix=in/", change: map[string]any{"name": "in/"}},
		"other bucket":           {drops: "gs://other", dead: "bucket-unknown"},
		"no drops here":          {drops: "-", dead: "bucket-unknown"},
		"numbers":                {change: map[string]any{"generation": 7, "size": 10}, key: "in/" + name},
		"no size":                {change: map[string]any{"size": nil}, key: "in/" + name},
		"no etag":                {change: map[string]any{"etag": nil}, key: "in/" + name},
		"etag in quotes":         {change: map[string]any{"etag": `"x"`}, key: "in/" + name},
		"unicode":                {change: map[string]any{"name": "acme/Größe/☺.csv"}, key: "acme/Größe/☺.csv"},
		"folder":                 {change: map[string]any{"name": "in/acme/", "size": "0"}},
		"file like a folder":     {change: map[string]any{"name": "in/acme/"}, key: "in/acme/"},
		"no generation":          {change: map[string]any{"generation": nil}, dead: "notification-undecodable"},
		"generation of letters":  {change: map[string]any{"generation": secret + "x"}, dead: "notification-undecodable"},
		"size of letters":        {change: map[string]any{"size": "ten"}, dead: "notification-undecodable"},
		"no name":                {change: map[string]any{"name": nil}, dead: "notification-undecodable"},
		"no bucket":              {change: map[string]any{"bucket": nil}, dead: "notification-undecodable"},
		"name that is a number":  {change: map[string]any{"name": 7}, dead: "notification-undecodable"},
		"source of its own":      {source: "//storage.googleapis.com/projects/_/buckets/some-bucket", key: "in/" + name},
		"source of another":      {source: "//storage.googleapis.com/projects/_/buckets/other", dead: "notification-contradiction"},
		"source of its own file": {source: "//storage.googleapis.com/projects/_/buckets/some-bucket/objects/x", key: "in/" + name},
	} {
		t.Run(about, func(t *testing.T) {
			w := newWorld(t, func(_ *host.Func, cfg *gcfhost.Config) {
				if c.drops != "" {
					cfg.Drops = strings.Trim(c.drops, "-")
				}
			})
			status, code, _ := w.do(t, request(t, "/", resource(t, c.change), "Ce-Specversion", "1.0", "Ce-Id", "n-1", "Ce-Source", c.source,
				"Ce-Type", "google.cloud.storage.object.v1.finalized", "Content-Type", "application/json"))
			if status != http.StatusNoContent {
				t.Errorf("%d %s", status, code)
			}
			if got := strings.Join(w.dead.letters(t), " "); got != c.dead {
				t.Errorf("dead letters %q, want %q", got, c.dead)
			}
			for _, e := range w.dead.all() {
				if l, _ := event.Decode[event.DeadLetter](e); l.ID != "n-1" || l.Type != "google.cloud.storage.object.v1.finalized" {
					t.Errorf("the dead letter is for %+v", l)
				}
			}
			seen := w.gate.events()
			if len(seen) == 0 && c.key == "" {
				return
			}
			if len(seen) != 1 {
				t.Fatalf("saw %v", ids(seen))
			}
			got, err := event.Decode[event.DropReceived](seen[0])
			if err != nil || got.Key != c.key || got.Generation != "7" || got.ETag != `"x"` && (got.ETag != "" || about != "no etag") {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func TestNotificationContradiction(t *testing.T) {
	attributes := func(change ...string) map[string]string {
		a := map[string]string{"eventType": "OBJECT_FINALIZE", "payloadFormat": "JSON_API_V1", "bucketId": "some-bucket", "objectId": "in/acme/stock/a b+c=%2F.csv", "objectGeneration": "7"}
		for i := 0; i < len(change); i += 2 {
			a[change[i]] = change[i+1]
		}
		return a
	}
	for about, c := range map[string]struct {
		attributes map[string]string
		dead       string
	}{
		"agrees":              {attributes(), ""},
		"other name":          {attributes("objectId", "acme/x"), "notification-contradiction"},
		"other generation":    {attributes("objectGeneration", "8"), "notification-contradiction"},
		"other bucket":        {attributes("bucketId", "other"), "notification-contradiction"},
		"no generation":       {attributes("objectGeneration", "", "payloadFormat", "NONE"), "notification-undecodable"},
		"generation of words": {attributes("objectGeneration", "seven"), "notification-undecodable"},
		"type of its own":     {attributes("eventType", "OBJECT_PAINTED"), "event-unknown"},
	} {
		t.Run(about, func(t *testing.T) {
			w := newWorld(t)
			status, code, _ := w.do(t, request(t, "/", pushed(t, resource(t, nil), c.attributes), "Content-Type", "application/json"))
			if status != http.StatusNoContent {
				t.Errorf("%d %s", status, code)
			}
			if got := strings.Join(w.dead.letters(t), " "); got != c.dead || (len(w.gate.events()) == 1) != (c.dead == "") {
				t.Errorf("dead letters %q, want %q; saw %v", got, c.dead, ids(w.gate.events()))
			}
		})
	}
}

// An event that comes where no partner sends is nobody's, whatever it claims.
func TestClaimsDoNotCount(t *testing.T) {
	w := newWorld(t)
	for i, r := range []*http.Request{
		request(t, "/", pushed(t, structured("1", "com.example.a"), nil), "Content-Type", "application/json"),
		request(t, "/", structured("2", "com.example.a"), "Content-Type", "application/cloudevents+json"),
		request(t, "/", structured("3", event.TypeTick), "X-Goog-Pubsub-Message-Id", "1"),
	} {
		if status, code, _ := w.do(t, r); status != http.StatusNoContent {
			t.Errorf("%d: %d %s", i, status, code)
		}
	}
	seen := w.gate.events()
	if len(seen) != 3 {
		t.Fatalf("saw %v", ids(seen))
	}
	for _, e := range seen {
		if event.Extension(e, event.ExtPartner) != "" || event.Extension(e, event.ExtContract) != "" {
			t.Errorf("%s still says whose it is", e.ID())
		}
	}
}

// One event of a batch that is none is buried; the others are handled.
func TestBatchWithBrokenEvent(t *testing.T) {
	w := newWorld(t)
	status, code, _ := w.do(t, request(t, "/", "["+structured("1", event.TypeTick)+`, {"card":"`+secret+`"}, `+structured("2", event.TypeTick)+"]", "Content-Type", "application/cloudevents-batch+json"))
	if status != http.StatusNoContent || !slices.Equal(ids(w.gate.events()), []string{"1", "2"}) || !slices.Equal(w.dead.letters(t), []string{"event-undecodable"}) {
		t.Errorf("%d %s: saw %v, dead %v", status, code, ids(w.gate.events()), w.dead.letters(t))
	}
}

// What is nothing of the platform's is told so, and is nobody's dead letter.
func TestRefusedRequests(t *testing.T) {
	for about, c := range map[string]struct {
		r      *http.Request
		status int
		code   string
	}{
		"nothing":        {request(t, "/", ""), 400, "request-unknown"},
		"no JSON":        {request(t, "/", secret), 400, "request-unknown"},
		"JSON":           {request(t, "/", `{"card":"`+secret+`"}`), 400, "request-unknown"},
		"an array":       {request(t, "/", `[]`), 400, "request-unknown"},
		"half a batch":   {request(t, "/", "["+structured("1", "a"), "Content-Type", "application/cloudevents-batch+json"), 400, "batch-undecodable"},
		"too large":      {request(t, "/", strings.Repeat(" ", gcfhost.MaxDelivery+1)), 413, "request-too-large"},
		"tick, no time":  {request(t, "/tick", ""), 400, "tick-time"},
		"tick, bad time": {request(t, "/tick", "", "X-CloudScheduler-ScheduleTime", "noon"), 400, "tick-time"},
	} {
		t.Run(about, func(t *testing.T) {
			w := newWorld(t)
			status, code, _ := w.do(t, c.r)
			if status != c.status || code != c.code || len(w.gate.events())+len(w.dead.all()) > 0 {
				t.Errorf("%d %s: saw %v, dead %v", status, code, ids(w.gate.events()), w.dead.letters(t))
			}
		})
	}
}

// A message of 6 MB is no event, but it is read, so that it is buried and does
// not come for ever.
func TestLargeMessage(t *testing.T) {
	w := newWorld(t)
	large := structured("1", "a"+strings.Repeat("x", 6<<20))
	status, code, _ := w.do(t, request(t, "/", pushed(t, large, nil), "Content-Type", "application/json"))
	if status != http.StatusNoContent || !slices.Equal(w.dead.letters(t), []string{"event-too-large"}) {
		t.Errorf("%d %s, dead %v", status, code, w.dead.letters(t))
	}
	// One of the largest that are events is handled.
	w = newWorld(t)
	near := strings.Replace(structured("1", event.TypeTick), secret, strings.Repeat("9", host.MaxEvent-400), 1)
	status, code, _ = w.do(t, request(t, "/", pushed(t, near, nil), "Content-Type", "application/json"))
	if status != http.StatusNoContent || len(w.gate.events()) != 1 || len(w.dead.all()) != 0 {
		t.Errorf("%d %s, dead %v", status, code, w.dead.letters(t))
	}
}

// FuzzDelivery: whatever comes is answered with one of the promised statuses, and
// nothing that claims a partner passes.
func FuzzDelivery(f *testing.F) {
	files, err := filepath.Glob("testdata/*.http")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		r := sample(f, strings.TrimSuffix(filepath.Base(name), ".http"))
		var body strings.Builder
		if err := r.Write(&body); err != nil {
			f.Fatal(err)
		}
		_, text, _ := strings.Cut(body.String(), "\r\n\r\n")
		f.Add(text, r.Header.Get("Content-Type"), r.Header.Get("Ce-Type"), r.Header.Get("X-Goog-Pubsub-Message-Id"), r.Header.Get("Eventtype"))
	}
	f.Fuzz(func(t *testing.T, body, contentType, ceType, messageID, eventType string) {
		w := newWorld(t)
		header := []string{"Content-Type", contentType}
		for name, value := range map[string]string{"Ce-Type": ceType, "X-Goog-Pubsub-Message-Id": messageID, "Eventtype": eventType, "Bucketid": eventType} {
			if value != "" {
				header = append(header, name, value)
			}
		}
		if ceType != "" {
			header = append(header, "Ce-Specversion", "1.0", "Ce-Id", "1", "Ce-Source", "/s")
		}
		status, code, _ := w.do(t, request(t, "/", body, header...))
		switch status {
		case http.StatusNoContent:
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType:
			if len(w.gate.events()) > 0 {
				t.Errorf("%d %s, but %v were handled", status, code, ids(w.gate.events()))
			}
		case http.StatusServiceUnavailable:
			if !strings.Contains(w.log.String(), "will be retried") {
				t.Errorf("%d %s", status, code)
			}
		default:
			t.Errorf("%d %s", status, code)
		}
		for _, e := range w.gate.events() {
			if event.Extension(e, event.ExtPartner) != "" || e.Validate() != nil {
				t.Errorf("%v", e)
			}
		}
	})
}
