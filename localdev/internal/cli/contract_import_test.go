package cli_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/sr"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/sallyport-io/sallyport/localdev/internal/cli"
)

// imported runs sallyport contract import.
func imported(t *testing.T, args ...string) (stdout, stderr string, code cli.Code) {
	t.Helper()
	var out, err bytes.Buffer
	code = cli.Run(t.Context(), append([]string{"contract", "import"}, args...), &out, &err, func(string) string { return "" })
	return out.String(), err.String(), code
}

func TestImportFromRegistry(t *testing.T) {
	fake := srfake.New()
	t.Cleanup(fake.Close)
	client, err := sr.NewClient(sr.URLs(fake.URL()))
	if err != nil {
		t.Fatal(err)
	}
	schema := sr.Schema{Schema: `{"type":"record","name":"Order","fields":[{"name":"id","type":"long"}]}`}
	if _, err := client.CreateSchema(t.Context(), "orders-value", schema); err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"1", "latest"} {
		out, text, code := imported(t, fake.URL(), "--from", "registry", "--subject", "orders-value", "--subject-version", version)
		if code != cli.OK || !strings.Contains(out, "name: orders-value\n") || !strings.Contains(out, "/subjects/orders-value/versions/1") {
			t.Errorf("version %s: code %d\n%s%s", version, code, out, text)
		}
	}
	if _, text, code := imported(t, fake.URL(), "--from", "registry", "--subject", "nothing"); code != cli.Failed || !strings.Contains(text, "registry-subject") {
		t.Errorf("code %d: %s", code, text)
	}
}

func TestImportFromURL(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/order.schema.json":
			if _, err := w.Write([]byte(`{"type":"object","additionalProperties":false,"properties":{"id":{"type":"integer"}}}`)); err != nil {
				t.Error(err)
			}
		case "/large.json":
			if _, err := w.Write(bytes.Repeat([]byte(" "), 5<<20)); err != nil {
				return // the reader has had enough
			}
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	out, text, code := imported(t, server.URL+"/order.schema.json", "--from", "jsonschema")
	if code != cli.OK || !strings.Contains(out, "id: order\n") {
		t.Errorf("code %d\n%s%s", code, out, text)
	}
	for path, want := range map[string]string{"/large.json": "larger than", "/none.json": "status 404"} {
		if _, text, code := imported(t, server.URL+path, "--from", "jsonschema"); code != cli.Failed || !strings.Contains(text, want) {
			t.Errorf("%s: code %d, %s", path, code, text)
		}
	}
}
