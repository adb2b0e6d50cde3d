package lambdahost_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/host/lambdahost"
)

// byType fails as the type of an event says.
func byType(_ context.Context, e event.Event) error {
	switch e.Type() {
	case "invalid":
		return fault.New(fault.Invalid, "row-too-long", "it is too long", "shorten it")
	case "retry":
		return errors.New("the disk said " + secret)
	case "panic":
		panic(secret)
	}
	return nil
}

func TestPartialFailures(t *testing.T) {
	bodies := []string{cloudEvent("a", "ok"), cloudEvent("b", "retry"), secret, cloudEvent("c", "invalid"), cloudEvent("d", "panic"), cloudEvent("e", "ok"),
		notification(put("acme/a.csv"), strings.Replace(put("acme/b.csv"), `"name":"sourcebucket"`, `"name":"other"`, 1))}
	for _, batch := range []bool{false, true} {
		w := &world{handle: byType}
		handler := host.Handler(single{w})
		if batch {
			handler = together{w}
		}
		w.open(t, handler, "s3://sourcebucket")
		answer, err := w.Invoke(t.Context(), []byte(queued(t, queue, bodies...)))
		if err != nil || string(answer) != `{"batchItemFailures":[{"itemIdentifier":"m1"}]}` {
			t.Errorf("batch %v: %s, %v", batch, answer, err)
		}
		if len(w.out) != 3 || len(w.dead) != 4 {
			t.Errorf("batch %v: %d answers, %d dead letters", batch, len(w.out), len(w.dead))
		}
	}
	w := &world{handle: byType}
	w.open(t, w, "")
	if answer, err := w.Invoke(t.Context(), []byte(queued(t, queue, cloudEvent("a", "ok")))); err != nil || string(answer) != `{"batchItemFailures":[]}` {
		t.Errorf("%s, %v", answer, err)
	}
}

// single hides that a handler takes batches, together makes it one of those.
type single struct{ host.Handler }

type together struct{ *world }

func (b together) HandleBatch(ctx context.Context, events []event.Event) ([]event.Event, error) {
	failed := fault.Batch{}
	var out []event.Event
	for i, e := range events {
		made, err := b.Handle(ctx, e)
		if err != nil {
			failed[i] = err
		}
		out = append(out, made...)
	}
	if len(failed) > 0 {
		return out, failed
	}
	return out, nil
}

// Of other invocations the whole comes again, or nothing.
func TestAsynchronous(t *testing.T) {
	w := &world{handle: func(_ context.Context, e event.Event) error {
		if e.Subject() == "acme/b.csv" {
			return errors.New(secret)
		}
		return nil
	}}
	w.open(t, w, "s3://sourcebucket")
	_, err := w.Invoke(t.Context(), []byte(notification(put("acme/a.csv"), put("acme/b.csv"), put("acme/c.csv"))))
	if fault.CodeOf(err) != "again" || fault.KindOf(err) != fault.Retry || strings.Contains(err.Error(), secret) {
		t.Error(err)
	}
	if len(w.seen) != 3 || len(w.out) != 2 || len(w.dead) != 0 {
		t.Errorf("%d seen, %d answered", len(w.seen), len(w.out))
	}
	if answer, err := w.Invoke(t.Context(), []byte(notification(put("acme/a.csv")))); err != nil || string(answer) != "null" {
		t.Errorf("%s, %v", answer, err)
	}
}

func TestFIFO(t *testing.T) {
	message := func(id, group, body string) string {
		return fmt.Sprintf(`{"messageId":%q,"body":%s,"attributes":{"MessageGroupId":%q},"eventSource":"aws:sqs","eventSourceARN":"%s.fifo"}`, id, quote(t, body), group, queue)
	}
	payload := `{"Records":[` + strings.Join([]string{
		message("1", "x", cloudEvent("x1", "ok")),
		message("2", "y", cloudEvent("y1", "retry")),
		message("3", "x", cloudEvent("x2", "invalid")), // dead-lettered, which is done
		message("4", "y", cloudEvent("y2", "ok")),
		message("5", "x", cloudEvent("x3", "ok")),
		message("6", "y", "undecodable, but not its turn"),
		message("7", "z", cloudEvent("z1", "ok")),
	}, ",") + `]}`
	for _, batch := range []bool{false, true} {
		w := &world{handle: byType}
		handler := host.Handler(single{w})
		if batch {
			handler = together{w}
		}
		w.open(t, handler, "")
		answer, err := w.Invoke(t.Context(), []byte(payload))
		if err != nil || string(answer) != `{"batchItemFailures":[{"itemIdentifier":"2"},{"itemIdentifier":"4"},{"itemIdentifier":"6"}]}` {
			t.Errorf("batch %v: %s, %v", batch, answer, err)
		}
		if ids := slices.Compact(w.ids()); !slices.Equal(ids, []string{"x1", "x2", "x3", "y1", "z1"}) || len(w.dead) != 1 {
			t.Errorf("batch %v: saw %v, %d dead letters", batch, ids, len(w.dead))
		}
		var order []string
		for _, e := range w.seen {
			if e.ID()[0] == 'x' {
				order = append(order, e.ID())
			}
		}
		if !slices.IsSorted(order) {
			t.Errorf("batch %v: %v", batch, order)
		}
	}
	// A group of a queue that is not FIFO (a fair queue) promises no order.
	w := &world{handle: byType}
	w.open(t, w, "")
	if answer, _ := w.Invoke(t.Context(), []byte(strings.ReplaceAll(payload, ".fifo", ""))); string(answer) != `{"batchItemFailures":[{"itemIdentifier":"2"}]}` {
		t.Errorf("%s", answer)
	}
}

// What cannot finish is handed back before the invocation's deadline, and what
// has finished is not.
func TestDeadline(t *testing.T) {
	for _, c := range []struct {
		name   string
		handle func(ctx context.Context, release chan struct{}) error
	}{
		{"heeded", func(ctx context.Context, _ chan struct{}) error { <-ctx.Done(); return ctx.Err() }},
		{"ignored", func(_ context.Context, release chan struct{}) error { <-release; return nil }},
	} {
		t.Run(c.name, func(t *testing.T) {
			release := make(chan struct{})
			defer close(release)
			w := &world{handle: func(ctx context.Context, e event.Event) error {
				if e.Type() == "slow" {
					return c.handle(ctx, release)
				}
				return nil
			}}
			w.open(t, w, "")
			deadline := time.Now().Add(600 * time.Millisecond)
			ctx, cancel := context.WithDeadline(t.Context(), deadline)
			defer cancel()
			answer, err := w.Invoke(ctx, []byte(queued(t, queue, cloudEvent("a", "ok"), cloudEvent("b", "slow"), cloudEvent("c", "ok"))))
			if err != nil || string(answer) != `{"batchItemFailures":[{"itemIdentifier":"m1"},{"itemIdentifier":"m2"}]}` {
				t.Errorf("%s, %v", answer, err)
			}
			if !time.Now().Before(deadline) {
				t.Error("too late")
			}
			if ids := w.ids(); !slices.Equal(ids, []string{"a", "b"}) {
				t.Errorf("saw %v", ids)
			}
		})
	}
}

// request is one of a function URL.
func request(path, headers, body string) string {
	text, _ := json.Marshal(body)
	return fmt.Sprintf(`{"version":"2.0","routeKey":"$default","rawPath":%q,"rawQueryString":"","headers":%s,"requestContext":{"stage":"$default","http":{"method":"POST","path":%q}},"body":%s,"isBase64Encoded":false}`, path, headers, path, text)
}

func TestHTTP(t *testing.T) {
	const (
		structured = `{"content-type":"application/cloudevents+json; charset=utf-8"}`
		batched    = `{"content-type":"application/cloudevents-batch+json"}`
		binary     = `{"ce-specversion":"1.0","ce-id":"1","ce-source":"/s","ce-type":"com.acme.order","content-type":"text/csv"}`
	)
	post := func(headers, body string) string { return request("/partners/acme/orders/new", headers, body) }
	base64 := strings.NewReplacer(`"isBase64Encoded":false`, `"isBase64Encoded":true`)
	for _, c := range []struct{ name, payload, want string }{
		{"structured", post(structured, cloudEvent("1", "com.acme.order")), "saw com.acme.order of acme at orders/new; status 202"},
		{"binary", post(binary, "a,b\n"), "saw com.acme.order of acme at orders/new; status 202"},
		{"base64", base64.Replace(post(binary, "YSxiCg==")), "saw com.acme.order of acme at orders/new; status 202"},
		{"base64 that is none", base64.Replace(post(binary, "?")), "status 400"},
		{"batch", post(batched, "["+cloudEvent("1", "com.acme.order")+","+cloudEvent("2", "com.acme.return")+"]"), "saw com.acme.order of acme at orders/new; saw com.acme.return of acme at orders/new; status 202"},
		{"stage", strings.Replace(request("/prod/partners/acme/orders", structured, cloudEvent("1", "com.acme.order")), `"stage":"$default"`, `"stage":"prod"`, 1), "saw com.acme.order of acme at orders; status 202"},
		{"the chain's own", post(structured, cloudEvent("1", event.TypeTick)), "status 403"},
		{"no event", post(structured, secret), "status 400"},
		{"plain JSON", post(`{"content-type":"application/json"}`, "{}"), "status 415"},
		{"no path", request("/partners/acme", structured, cloudEvent("1", "t")), "status 404"},
		{"a path that is encoded", request("/partners/acme%2Forders/x", structured, cloudEvent("1", "t")), "status 404"},
		{"another path", request("/", structured, cloudEvent("1", "t")), "status 404"},
		{"GET", strings.Replace(post(structured, ""), "POST", "GET", 1), "status 405"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := newWorld(t).invoke(t, c.payload); got != c.want {
				t.Errorf("%s\nwant %s", got, c.want)
			}
		})
	}
	w := newWorld(t)
	w.open(t, w, "") // a function that takes no drops takes no partner's events either
	if got := w.invoke(t, post(structured, cloudEvent("1", "t"))); got != "status 404" {
		t.Error(got)
	}
}

// The sender is told how it went with each event, and there are no dead letters.
func TestHTTPAnswers(t *testing.T) {
	w := &world{handle: byType}
	w.open(t, together{w}, "s3://sourcebucket")
	items := []string{cloudEvent("1", "ok"), cloudEvent("2", "invalid"), "{}", cloudEvent("3", "retry"), cloudEvent("4", event.TypeTick)}
	answer, err := w.Invoke(t.Context(), []byte(request("/partners/acme/orders", `{"Content-Type":"application/cloudevents-batch+json"}`, "["+strings.Join(items, ",")+"]")))
	if err != nil {
		t.Fatal(err)
	}
	var response struct {
		StatusCode int
		Headers    map[string]string
		Body       string
	}
	var body struct {
		Events []struct {
			Status int
			Code   string
		}
	}
	if err := errors.Join(json.Unmarshal(answer, &response), json.Unmarshal([]byte(response.Body), &body)); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(body.Events); response.StatusCode != 503 || response.Headers["Retry-After"] == "" ||
		got != "[{202 } {400 row-too-long} {400 event-undecodable} {503 internal} {403 reserved-type}]" {
		t.Errorf("%s", answer)
	}
	if len(w.dead) != 0 || strings.Contains(string(answer), secret) {
		t.Errorf("%d dead letters; %s", len(w.dead), answer)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, cfg := range []lambdahost.Config{{Drops: "nonsense"}, {Drops: ":"}, {Sources: map[string]string{partnersQueue: "acme"}}, {Sources: map[string]string{partnersQueue: "/orders"}}} {
		if _, err := lambdahost.New(host.Func{}, cfg); fault.CodeOf(err) != "environment" {
			t.Errorf("%v: %v", cfg, err)
		}
	}
	cfg, err := host.Environment[lambdahost.Config]([]string{"SALLYPORT_SOURCES=" + partnersQueue + "=acme/orders/new,1/com.acme=acme/x", "SALLYPORT_DROPS=s3://b"})
	if err != nil || cfg.Drops != "s3://b" || cfg.Sources[partnersQueue] != "acme/orders/new" || cfg.Sources["1/com.acme"] != "acme/x" {
		t.Errorf("%v, %v", cfg, err)
	}
}
