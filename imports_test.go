package sallyport_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/sallyport-io/sallyport/"

type pkg struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

// packages are the packages of this module, without their tests.
func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Deps", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		p.ImportPath = strings.TrimPrefix(p.ImportPath, module)
		all = append(all, p)
	}
}

// under reports whether path is one of the places or inside one. A place that
// ends in "*" is a prefix.
func under(path string, places ...string) bool {
	for _, p := range places {
		if prefix, ok := strings.CutSuffix(p, "*"); ok && strings.HasPrefix(path, prefix) {
			return true
		}
		if path == p || strings.HasPrefix(path, p+"/") {
			return true
		}
	}
	return false
}

// isMain reports whether path is the main of a function for a cloud: what it links
// is TestBinaries's matter.
func isMain(path string) bool {
	return strings.HasPrefix(path, "functions/") && (strings.HasSuffix(path, "/lambda") || strings.HasSuffix(path, "/gcf"))
}

// TestImports holds the house to its design: which way imports run, and which
// door each function cannot even see.
func TestImports(t *testing.T) {
	rules := []struct {
		who    []string
		never  []string
		deep   bool // not even through others
		except []string
		why    string
	}{
		{who: []string{"functions/ingest", "functions/mask"}, never: []string{module + "shared/deliver", "gocloud.dev/pubsub"}, deep: true,
			why: "two doors: what reads raw data has no way to a partner"},
		{who: []string{"functions/fanout"}, never: []string{module + "shared/keys", module + "shared/transform", "gocloud.dev/secrets"},
			why: "two doors: what reaches partners handles no raw data and no keys"},
		{who: []string{"functions/mask"}, never: []string{module + "shared/record/parquet", module + "shared/record/avro"}, deep: true,
			why: "formats of columns and blocks end at ingest and begin at fanout"},
		{who: []string{"functions/reveal"}, never: []string{module + "shared/deliver", module + "shared/ledger", module + "shared/record/parquet", module + "shared/record/avro"}, deep: true,
			why: "two doors: what gives values back has no way to a partner but its answers, and none to rows"},
		{who: []string{"functions/audit"}, never: []string{module + "shared/record", module + "shared/deliver", module + "shared/keys"},
			why: "audit reads events, never rows"},
		{who: []string{"functions/ingest"}, never: []string{module + "shared/keys"}, deep: true,
			why: "ingest has no business with keys"},
		{who: []string{"functions/ingest", "functions/mask", "functions/fanout", "functions/audit", "functions/reveal"}, never: []string{module + "functions/*"},
			why: "functions speak by events only"},
		{who: []string{"functions", "shared"}, never: []string{module + "localdev"}, deep: true,
			why: "what runs in a cloud does not carry the laptop"},
		{who: []string{"shared"}, never: []string{module + "functions"}, deep: true,
			why: "imports run from functions to shared"},
		{who: []string{"shared/event", "shared/fault", "shared/record", "shared/keys", "shared/telemetry", "shared/yamldoc", "shared/store"},
			never: []string{module + "shared/contract", module + "shared/policy", module + "shared/exchange", module + "shared/deliver", module + "shared/ledger", module + "shared/host"}, deep: true,
			why: "leaves know no domain"},
		{who: []string{"shared", "functions"}, never: []string{"github.com/nats-io/nats-server/v2"}, deep: true, except: []string{"shared/jetstream/embedded"},
			why: "a server is linked only where one is embedded"},
		{who: []string{"*"}, never: []string{"github.com/aws/aws-lambda-go"}, except: []string{"shared/host/lambdahost"},
			why: "only lambdahost knows Lambda"},
		{who: []string{"*"}, never: []string{"github.com/GoogleCloudPlatform/functions-framework-go"}, except: []string{"shared/host/gcfhost"},
			why: "only gcfhost knows the functions framework"},
		{who: []string{"shared", "functions"}, never: []string{
			"gocloud.dev/blob/s3blob", "gocloud.dev/blob/gcsblob", "gocloud.dev/blob/azureblob", "gocloud.dev/blob/fileblob", "gocloud.dev/blob/memblob",
			"gocloud.dev/pubsub/awssnssqs", "gocloud.dev/pubsub/gcppubsub", "gocloud.dev/pubsub/mempubsub", "gocloud.dev/secrets/awskms", "gocloud.dev/secrets/gcpkms",
			"gocloud.dev/secrets/azurekeyvault", "gocloud.dev/secrets/hashivault", "gocloud.dev/secrets/localsecrets",
			"gocloud.dev/runtimevar/awssecretsmanager", "gocloud.dev/runtimevar/filevar", "gocloud.dev/runtimevar/gcpsecretmanager"}, deep: true,
			why: "drivers are chosen by a main"},
		{who: []string{"shared", "functions"}, never: []string{"encoding/gob", "unsafe", "net/http/pprof"},
			why: "what partners send is hostile"},
	}
	all := packages(t)
	for _, r := range rules {
		matched := false
		for _, p := range all {
			if !under(p.ImportPath, r.who...) || under(p.ImportPath, r.except...) || isMain(p.ImportPath) {
				continue
			}
			matched = true
			imports := p.Imports
			if r.deep {
				imports = p.Deps
			}
			for _, i := range imports {
				if i != module+p.ImportPath && under(i, r.never...) && !strings.HasPrefix(i, module+p.ImportPath+"/") {
					t.Errorf("%s imports %s: %s", p.ImportPath, i, r.why)
				}
			}
		}
		if !matched {
			t.Errorf("the rule %q matches no package", r.why)
		}
	}
}
