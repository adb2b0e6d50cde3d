package policy

import (
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// twoVersions are versions 1 and 2 of the contract people, of which 2 has no note
// and a nick instead; both may be dropped.
func twoVersions(subscriptions ...string) map[string]string {
	second := strings.NewReplacer("version: 1.0.0", "version: 2.0.0", "{name: note, logicalType: string}", "{name: nick, logicalType: string, classification: public}").Replace(contractFile)
	return map[string]string{
		"contracts/people.odcs.yaml":   strings.Replace(contractFile, "status: active", "status: deprecated", 1),
		"contracts/people-2.odcs.yaml": second,
		"partners/maker.yaml": "apiVersion: sallyport.io/v1\nkind: Partner\nid: maker\ndrops:\n" +
			"  - {contract: people, version: ^1, path: old/**}\n  - {contract: people, path: new/**}\n",
		"partners/reader.yaml": partnerFile("reader", subscriptions...),
	}
}

func TestVersions(t *testing.T) {
	p := compile(t, twoVersions("version: ^1", "version: ^2", "version: 1.x", "version: ^2\nfilter: nick == 'x'"))
	for key, want := range map[string]string{"maker/old/a.csv": "1.0.0", "maker/new/a.csv": "2.0.0"} {
		intake, err := p.Intake(key)
		if err != nil {
			t.Fatal(err)
		}
		if got := intake.Contract.Version; got != want || intake.Compiled.Schema.Lookup("nick") > 0 != (want == "2.0.0") {
			t.Errorf("%s is held to version %s", key, got)
		}
	}
	count := func(version string) (views, subs int) {
		for _, f := range p.Feeds("people-v1", version, "person") {
			for _, v := range f.Views {
				if version != "" && v.Contract.Version != version {
					t.Errorf("a drop of version %s is rendered for a view of %s", version, v.Contract)
				}
				views, subs = views+1, subs+len(v.Subscriptions)
			}
		}
		return views, subs
	}
	for version, want := range map[string][2]int{"1.0.0": {1, 2}, "2.0.0": {2, 2}, "": {2, 2}, "3.0.0": {0, 0}} {
		if views, subs := count(version); views != want[0] || subs != want[1] {
			t.Errorf("version %q has %d views of %d subscriptions, want %v", version, views, subs, want)
		}
	}
	all := p.Views("people-v1", "person")
	if len(all) != 3 || all[0].Contract.Version != "1.0.0" || all[1].ID >= all[2].ID {
		t.Errorf("%d views of all versions", len(all))
	}
	if c := p.Contract("people-v1", "person"); c == nil || c.Schema.Lookup("nick") < 0 {
		t.Error("of two versions the highest is not found")
	}
}

func TestVersionsOnOnePath(t *testing.T) {
	files := twoVersions("version: ^1")
	files["partners/maker.yaml"] = strings.Replace(files["partners/maker.yaml"], "new/**", "old/n/**", 1)
	_, err := compile(t, files).Intake("maker/old/n/a.csv")
	if fault.CodeOf(err) != "ambiguous-contract" || !strings.Contains(err.Error(), "version 2.0.0") {
		t.Errorf("%v", err)
	}
}

// TestVersionsKeepViews: a second version of a contract leaves the views of the
// first as they are.
func TestVersionsKeepViews(t *testing.T) {
	files := twoVersions("version: ^1", "version: ^1\ncolumns: [id]")
	delete(files, "contracts/people-2.odcs.yaml")
	files["partners/maker.yaml"] = makerFile
	one := compile(t, files).Views("people-v1", "person")
	two := compile(t, twoVersions("version: ^1", "version: ^1\ncolumns: [id]")).Views("people-v1", "person")
	if len(one) != 2 || len(two) != 2 || one[0].ID != two[0].ID || one[1].ID != two[1].ID {
		t.Error("the views differ")
	}
}

// migrationFile leads from one version of people to the other.
const migrationFile = "apiVersion: sallyport.io/v1\nkind: Migration\ncontract: people\nfrom: ^1\nto: ^2\nsteps:\n  - rename: {from: note, to: nick}\n"

func TestMigrations(t *testing.T) {
	files := twoVersions("version: ^1", "version: ^2", "version: ^2\nfilter: nick == 'x'")
	plain := compile(t, files).Views("people-v1", "person")
	files["migrations/people.yaml"] = migrationFile
	p := compile(t, files)
	feeds := p.Feeds("people-v1", "1.0.0", "person")
	if len(feeds) != 2 || feeds[0].Migration != nil || len(feeds[0].Views) != 1 || feeds[1].Migration == nil || len(feeds[1].Views) != 2 {
		t.Fatalf("a drop of version 1 has the feeds %+v", feeds)
	}
	if feeds[1].Schema.Lookup("note") < 0 || feeds[1].Views[0].Schema.Lookup("nick") < 0 {
		t.Error("a feed has the schema of the wrong version")
	}
	if feeds := p.Feeds("people-v1", "2.0.0", "person"); len(feeds) != 1 || feeds[0].Migration != nil {
		t.Errorf("a drop of version 2 has %d feeds: the migration leads in one direction", len(feeds))
	}
	for i, v := range p.Views("people-v1", "person") {
		if v.ID != plain[i].ID {
			t.Error("a migration changes a view")
		}
	}
	files["migrations/people.yaml"] = strings.Replace(migrationFile, "to: nick", "to: nik", 1)
	_, err := Compile(bundle(t, files))
	if err == nil || !strings.Contains(err.Error(), `migrations/people.yaml:7:13: steps[0].rename: the field "nik" is not one of version 2.0.0`) {
		t.Errorf("%v", err)
	}
}
