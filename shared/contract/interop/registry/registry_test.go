package registry_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/sallyport-io/sallyport/shared/contract/interop"
	"github.com/sallyport-io/sallyport/shared/contract/interop/registry"
	"github.com/sallyport-io/sallyport/shared/fault"
)

func client(t *testing.T, address string) *sr.Client {
	t.Helper()
	c, err := sr.NewClient(sr.URLs(address))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestImport(t *testing.T) {
	fake := srfake.New()
	t.Cleanup(fake.Close)
	c := client(t, fake.URL())
	for _, s := range []struct {
		subject string
		schema  sr.Schema
	}{
		{"orders-value", sr.Schema{Schema: `{"type":"record","name":"Order","fields":[{"name":"id","type":"string"}]}`}},
		{"orders-value", sr.Schema{Schema: `{"type":"record","name":"Order","fields":[{"name":"id","type":"string"},{"name":"note","type":["null","string"],"default":null}]}`}},
		{"people-value", sr.Schema{Type: sr.TypeJSON, Schema: `{"type":"object","properties":{"name":{"type":"string"}},"required":["name"],"additionalProperties":false}`}},
		{"calls-value", sr.Schema{Type: sr.TypeProtobuf, Schema: `syntax = "proto3"; message Call { string id = 1; }`}},
		{"numbers-value", sr.Schema{Schema: `"long"`}},
	} {
		if _, err := c.CreateSchema(t.Context(), s.subject, s.schema); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name, subject string
		version       int
		properties    int
		code          string
		kind          fault.Kind
	}{
		{"Avro, the first", "orders-value", 1, 1, "", 0},
		{"Avro, the newest", "orders-value", registry.Latest, 2, "", 0},
		{"JSON Schema", "people-value", 1, 1, "", 0},
		{"Protobuf", "calls-value", 1, 0, "registry-protobuf", fault.Invalid},
		{"no record", "numbers-value", 1, 0, "schema-not-record", fault.Invalid},
		{"no such subject", "nothing", 1, 0, "registry-subject", fault.Invalid},
		{"no such version", "orders-value", 9, 0, "registry-subject", fault.Invalid},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, _, err := registry.Import(t.Context(), fake.URL(), test.subject, test.version, interop.Head{})
			if fault.CodeOf(err) != test.code || test.code != "" && fault.KindOf(err) != test.kind {
				t.Fatalf("want %q, got %v", test.code, err)
			}
			if err == nil && (len(got.Schema[0].Properties) != test.properties || got.Name != test.subject || !strings.Contains(got.AuthoritativeDefinitions[0].URL, "/subjects/"+test.subject+"/versions/")) {
				t.Errorf("it is %+v", got)
			}
		})
	}
}

func TestDenied(t *testing.T) {
	fake := srfake.New(srfake.WithAuth("Basic dTpw")) // u:p
	t.Cleanup(fake.Close)
	if _, _, err := registry.Import(t.Context(), fake.URL(), "x", 1, interop.Head{}); fault.CodeOf(err) != "registry-denied" || fault.KindOf(err) != fault.Denied {
		t.Errorf("without a password: %v", err)
	}
	known := strings.Replace(fake.URL(), "://", "://u:p@", 1)
	_, _, err := registry.Import(t.Context(), known, "x", 1, interop.Head{})
	if fault.CodeOf(err) != "registry-subject" {
		t.Errorf("with it: %v", err)
	}
	if strings.Contains(err.Error(), "u:p") {
		t.Error("the password is in the error")
	}
}

func TestHostile(t *testing.T) {
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if _, err := w.Write([]byte(`{"subject":"x","version":1,"id":1,"schema":"`)); err != nil {
			return
		}
		chunk := []byte(strings.Repeat("x", 1<<20))
		for range 64 {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}))
	t.Cleanup(endless.Close)
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if _, err := w.Write([]byte("<html>")); err != nil {
			return
		}
	}))
	t.Cleanup(page.Close)
	refers := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if _, err := w.Write([]byte(`{"subject":"x","version":1,"id":1,"schema":"{}","references":[{"name":"a","subject":"a","version":1}]}`)); err != nil {
			return
		}
	}))
	t.Cleanup(refers.Close)
	for _, test := range []struct{ name, address, code string }{
		{"endless", endless.URL, "registry-answer"},
		{"no registry", page.URL, "registry"},
		{"references", refers.URL, "registry-references"},
		{"nobody there", "http://127.0.0.1:1", "registry"},
		{"a file", "file:///etc/passwd", "registry-url"},
		{"no URL", "://", "registry-url"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, _, err := registry.Import(t.Context(), test.address, "x", 1, interop.Head{}); fault.CodeOf(err) != test.code {
				t.Errorf("want %s, got %v", test.code, err)
			}
		})
	}
}
