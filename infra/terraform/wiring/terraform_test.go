package wiring_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/functions/audit"
	"github.com/sallyport-io/sallyport/functions/fanout"
	"github.com/sallyport-io/sallyport/functions/ingest"
	"github.com/sallyport-io/sallyport/functions/mask"
	"github.com/sallyport-io/sallyport/functions/reveal"
	"github.com/sallyport-io/sallyport/infra/terraform/wiring"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/host/gcfhost"
)

var updatePage = flag.Bool("update-page", false, "write the table of infra/terraform/README.md anew")

// configs are what the functions read of their environment.
var configs = map[string]any{"ingest": ingest.Config{}, "mask": mask.Config{}, "fanout": fanout.Config{}, "audit": audit.Config{}, "reveal": reveal.Config{}}

// TestEnvironment: the variables that Terraform sets (its own tests hold them to the
// golden files) are those that the functions and their host take: all that are
// required, and none that nobody knows.
func TestEnvironment(t *testing.T) {
	w, err := wiring.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, cloud := range []struct {
		name           string
		host, endpoint any
		platform       string // a variable of the platform that hosts read; "": none
	}{
		{"aws", host.Settings{}, host.EndpointSettings{}, ""},
		{"gcp", gcfhost.Settings{}, gcfhost.EndpointSettings{}, "GOOGLE_CLOUD_PROJECT"},
	} {
		t.Run(cloud.name, func(t *testing.T) {
			data, err := os.ReadFile("../" + cloud.name + "/tests/golden/environment.json")
			if err != nil {
				t.Fatal(err)
			}
			var set map[string][]string
			if err := json.Unmarshal(data, &set); err != nil {
				t.Fatal(err)
			}
			if len(set) != len(configs) {
				t.Errorf("%d functions are given variables, there are %d", len(set), len(configs))
			}
			for name, config := range configs {
				settings := cloud.host
				if w.Functions[name].Serves {
					settings = cloud.endpoint
				}
				known := variables(config, settings)
				if cloud.platform != "" {
					known[cloud.platform] = true
				}
				for _, variable := range set[name] {
					if _, ok := known[variable]; !ok {
						t.Errorf("%s is given %s, which it does not know", name, variable)
					}
				}
				for variable, required := range known {
					if required && !slices.Contains(set[name], variable) {
						t.Errorf("%s is not given %s", name, variable)
					}
				}
			}
		})
	}
}

// variables are the environment variables of some structs, and whether each is
// required.
func variables(structs ...any) map[string]bool {
	known := map[string]bool{}
	for _, of := range structs {
		for _, field := range reflect.VisibleFields(reflect.TypeOf(of)) {
			tag, options, _ := strings.Cut(field.Tag.Get("env"), ",")
			if tag != "-" && tag != "" {
				known[host.EnvPrefix+tag] = slices.Contains(strings.Split(options, ","), "required")
			}
		}
	}
	return known
}

const (
	tableBegin = "<!-- made by go test ./infra/terraform/wiring -run TestTable -update-page -->\n"
	tableEnd   = "<!-- end -->\n"
)

// TestTable holds the table of rights in the README to the wiring.
func TestTable(t *testing.T) {
	w, err := wiring.Load()
	if err != nil {
		t.Fatal(err)
	}
	const page = "../README.md"
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(data), tableBegin)
	_, after, closed := strings.Cut(rest, tableEnd)
	if !ok || !closed {
		t.Fatal("the page has no place for the table")
	}
	want := before + tableBegin + table(w) + tableEnd + after
	if *updatePage {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(data) != want {
		t.Error("the table of infra/terraform/README.md is not what wiring.yaml says: go test ./infra/terraform/wiring -run TestTable -update-page")
	}
}

// table is who may do what, in Markdown.
func table(w wiring.Wiring) string {
	var b strings.Builder
	b.WriteString("| identity | reads | creates in | hears | publishes to | besides |\n|---|---|---|---|---|---|\n")
	for _, name := range w.Names() {
		f := w.Functions[name]
		with := func(right wiring.Right) string {
			var names []string
			for bucket, rights := range f.Buckets {
				if slices.Contains(rights, right) {
					names = append(names, bucket)
				}
			}
			slices.Sort(names)
			return strings.Join(names, ", ")
		}
		var publishes, besides []string
		if f.Publishes {
			publishes = append(publishes, name)
		}
		if len(f.Hears) > 0 {
			publishes = append(publishes, "dead")
		}
		if f.Keys {
			besides = append(besides, "the key ring of tokens")
		}
		if f.Partners {
			besides = append(besides, "the destinations of partners")
		}
		if f.Serves {
			besides = append(besides, "answers to requests")
		}
		if f.Signs {
			besides = append(besides, "the signing key of the ledger")
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", name, with(wiring.Read), with(wiring.Create), strings.Join(f.Hears, ", "), strings.Join(publishes, ", "), strings.Join(besides, ", "))
	}
	b.WriteString("| a partner that drops | its own refusals in quarantine | its own prefix in drops | | | its own key, if it asked for one |\n")
	return b.String()
}
