package policy

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// manyVersions are versions of the contract people, of which each has another name
// for note: note1, note2 and so on. The first is dropped; migrations are pairs of
// versions, as "1 2".
func manyVersions(last int, migrations []string, subscriptions ...string) map[string]string {
	files := map[string]string{
		"partners/maker.yaml":  "apiVersion: sallyport.io/v1\nkind: Partner\nid: maker\ndrops:\n  - {contract: people, version: ^1}\n",
		"partners/reader.yaml": partnerFile("reader", subscriptions...),
	}
	for v := 1; v <= last; v++ {
		name := fmt.Sprintf("contracts/people-%d.odcs.yaml", v)
		if v == 1 {
			name = "contracts/people.odcs.yaml"
		}
		files[name] = strings.NewReplacer("version: 1.0.0", fmt.Sprintf("version: %d.0.0", v),
			"{name: note,", fmt.Sprintf("{name: note%d,", v)).Replace(contractFile)
	}
	for _, m := range migrations {
		from, to, _ := strings.Cut(m, " ")
		files["migrations/"+from+"-"+to+".yaml"] = fmt.Sprintf("apiVersion: sallyport.io/v1\nkind: Migration\ncontract: people\nfrom: ^%s\nto: ^%s\nsteps:\n  - rename: {from: note%s, to: note%s}\n", from, to, from, to)
	}
	return files
}

func TestChains(t *testing.T) {
	for _, tt := range []struct {
		migrations []string
		from, want string // the versions that are fed from there, each with the length of its chain
	}{
		{[]string{"1 2", "2 3"}, "1.0.0", "1:0 2:1 3:2"},
		{[]string{"1 2", "2 3"}, "2.0.0", "2:0 3:1"},
		{[]string{"1 2", "2 3"}, "3.0.0", "3:0"},
		{[]string{"1 2", "2 3", "3 4"}, "1.0.0", "1:0 2:1 3:2 4:3"},
		{[]string{"1 2", "2 3", "1 3"}, "1.0.0", "1:0 2:1 3:1"},                   // the direct one
		{[]string{"3 2", "2 1"}, "3.0.0", "3:0 2:1 1:2"},                          // back
		{[]string{"2 1", "1 3"}, "2.0.0", "2:0 1:1"},                              // not back and on again
		{[]string{"1 2", "2 1", "2 3", "3 2"}, "1.0.0", "1:0 2:1 3:2"},            // in a circle
		{[]string{"2 3"}, "1.0.0", "1:0"},                                         // a step is missing
		{[]string{"1 2", "1 3", "2 4", "3 4", "1 4"}, "1.0.0", "1:0 2:1 3:1 4:1"}, // not ambiguous
	} {
		p := compile(t, manyVersions(4, tt.migrations, "version: ^1", "version: ^2", "version: ^3", "version: ^4"))
		var got []string
		for _, f := range p.Feeds("people-v1", tt.from, "person") {
			got = append(got, fmt.Sprintf("%c:%d", f.Views[0].Contract.Version[0], len(f.Migration)))
			if f.Schema.Lookup("note"+tt.from[:1]) < 0 {
				t.Errorf("%v: a feed has not the schema of the drop", tt.migrations)
			}
		}
		if got := strings.Join(got, " "); got != tt.want {
			t.Errorf("%v from %s: %s, want %s", tt.migrations, tt.from, got, tt.want)
		}
	}
}

// TestAmbiguousChains: two ways of one length are refused where a drop would take
// one, and only there.
func TestAmbiguousChains(t *testing.T) {
	ways := []string{"1 2", "1 3", "2 4", "3 4"}
	_, err := Compile(bundle(t, manyVersions(4, ways, "version: ^4")))
	var problems yamldoc.Problems
	if !errors.As(err, &problems) || len(problems) != 1 || problems[0].File != "migrations/3-4.yaml" || problems[0].Line != 4 ||
		!strings.Contains(problems[0].Message, "version 1.0.0 of contract people-v1 become version 4.0.0 in several ways: through 2.0.0; or through 3.0.0") ||
		!strings.Contains(problems[0].Hint, "from 1.0.0 to 4.0.0") {
		t.Errorf("%v", err)
	}
	if _, err := Compile(bundle(t, manyVersions(4, ways, "version: ^3"))); err != nil {
		t.Errorf("nobody is subscribed to version 4: %v", err)
	}
	files := manyVersions(4, ways, "version: ^4")
	files["partners/maker.yaml"] = strings.Replace(files["partners/maker.yaml"], "^1", "^2", 1)
	if _, err := Compile(bundle(t, files)); err != nil {
		t.Errorf("nobody drops version 1: %v", err)
	}
}

func TestLeads(t *testing.T) {
	p := compile(t, manyVersions(4, []string{"1 3", "3 4", "2 1"}, "version: ^1"))
	versions := p.Bundle().Versions("people")
	for i, want := range []string{"[3.0.0 4.0.0]", "[1.0.0]", "[4.0.0]", "[]"} {
		got := []string{}
		for _, doc := range p.Leads(versions[i], "person") {
			got = append(got, doc.Version)
		}
		if fmt.Sprint(got) != want {
			t.Errorf("from %s migrations lead to %v, want %s", versions[i].Version, got, want)
		}
	}
}
