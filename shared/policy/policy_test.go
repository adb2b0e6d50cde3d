package policy

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// Parts of the folders that the tests load.
const (
	mainFile = "apiVersion: sallyport.io/v1\nkind: Exchange\nname: demo\n"

	contractFile = `apiVersion: v3.1.0
kind: DataContract
id: people-v1
name: people
version: 1.0.0
status: active
schema:
  - name: person
    logicalType: object
    tags: [everything]
    properties:
      - {name: id, logicalType: string, classification: Internal}
      - {name: country, logicalType: string, classification: public}
      - {name: age, logicalType: integer, classification: confidential}
      - {name: note, logicalType: string}
      - {name: born, logicalType: date}
      - name: place
        logicalType: object
        properties:
          - {name: lat, logicalType: number}
          - {name: lon, logicalType: number}
      - name: name
        logicalType: object
        classification: restricted
        tags: [pii]
        properties:
          - {name: family, logicalType: string, tags: [surname]}
          - name: given
            logicalType: array
            items: {logicalType: string}
          - {name: title, logicalType: string, classification: public}
      - name: phones
        logicalType: array
        items:
          logicalType: object
          properties:
            - {name: number, logicalType: string, tags: [pii]}
            - {name: kind, logicalType: string, classification: public}
      - {name: blob, logicalType: object, classification: internal}
`
	makerFile = "apiVersion: sallyport.io/v1\nkind: Partner\nid: maker\ndrops:\n  - contract: people\n"
)

// profileFile is a profile of rules, one a line: "tag pii: {type: token}".
func profileFile(id string, rules ...string) string {
	text := "apiVersion: sallyport.io/v1\nkind: Profile\nid: " + id + "\nrules:\n"
	for _, rule := range rules {
		head, spec, _ := strings.Cut(rule, ": ")
		kind, name, _ := strings.Cut(head, " ")
		text += fmt.Sprintf("  - %s: %s\n    transform: %s\n", kind, name, spec)
	}
	return text
}

// partnerFile is a partner with subscriptions, each the lines that it has
// besides what all have.
func partnerFile(id string, subscriptions ...string) string {
	text := "apiVersion: sallyport.io/v1\nkind: Partner\nid: " + id + "\nsubscriptions:\n"
	for i, extra := range subscriptions {
		text += fmt.Sprintf("  - id: %s-%d\n    contract: people\n    purpose: test\n    legalBasis: consent\n    destination: {url: \"mem://%s-%d\"}\n", id, i, id, i)
		for line := range strings.SplitSeq(extra, "\n") {
			if line != "" {
				text += "    " + line + "\n"
			}
		}
	}
	return text
}

func bundle(t testing.TB, files map[string]string) *exchange.Bundle {
	t.Helper()
	fsys := fstest.MapFS{
		"exchange.yaml":              {Data: []byte(mainFile)},
		"contracts/people.odcs.yaml": {Data: []byte(contractFile)},
		"partners/maker.yaml":        {Data: []byte(makerFile)},
	}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	b, err := exchange.Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func compile(t testing.TB, files map[string]string) *Policy {
	t.Helper()
	p, err := Compile(bundle(t, files))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// view compiles one subscription and answers what it sees.
func view(t *testing.T, subscription string, rules ...string) *View {
	t.Helper()
	files := map[string]string{}
	if len(rules) > 0 {
		files["profiles/p.yaml"] = profileFile("p", rules...)
		subscription += "\nprofile: p"
	}
	files["partners/reader.yaml"] = partnerFile("reader", subscription)
	views := compile(t, files).Views("people-v1", "person")
	if len(views) != 1 {
		t.Fatalf("%d views", len(views))
	}
	return views[0]
}

// shown words what a view lets through: the fields that do not drop, in the
// order of the schema, with what is done to them.
func shown(v *View) string {
	var parts []string
	for id, f := range v.Fields {
		switch path := v.Schema.Fields[id].Path; {
		case id == 0 || f.Op == record.Drop:
		case f.Op == record.Keep:
			parts = append(parts, path)
		case f.Op == record.Descend:
			parts = append(parts, path+"/")
		case f.Op == record.Nullify:
			parts = append(parts, path+"=null")
		default:
			parts = append(parts, path+"="+f.Transform.Type)
		}
	}
	return strings.Join(parts, " ")
}

func TestRules(t *testing.T) {
	tests := []struct {
		name, columns string
		rules         []string
		want          string
	}{
		{"nothing named: public and internal leave, and what is inside by what holds it", "", nil,
			"id country name/ name.title phones/ phones[]/ phones[].kind blob"},
		{"columns take away", "columns: [country, name, age]", nil,
			"country name/ name.title"},
		{"a path before a tag before a classification", "columns: [name]",
			[]string{"classification restricted: {type: drop}", "tag pii: {type: token}", "path name.family: {type: mask, keepFirst: 1}"},
			"name/ name.family=mask name.given/ name.given[]=token name.title=token"},
		{"the longest path", "columns: [name]",
			[]string{"path name: {type: drop}", "path name.given[]: {type: keep}"},
			"name/ name.given name.given[]"},
		{"the tag of a field before that of what holds it", "columns: [name]",
			[]string{"tag pii: {type: drop}", "tag surname: {type: keep}"},
			"name/ name.family"},
		{"the first of two rules with a tag of the field", "columns: [phones]",
			[]string{"tag pii: {type: mask, keepLast: 2}"},
			"phones/ phones[]/ phones[].number=mask phones[].kind"},
		{"the tag of the object covers all that has no closer one", "columns: [id, note, phones]",
			[]string{"tag everything: {type: keep}", "tag pii: {type: drop}"},
			"id note phones/ phones[]/ phones[].kind"},
		{"an inherited classification, in any case", "columns: [name]",
			[]string{"classification RESTRICTED: {type: token}"},
			"name/ name.family=token name.given/ name.given[]=token name.title"},
		{"what is not classified is confidential", "columns: [note, age]",
			[]string{"classification confidential: {type: mask}"},
			"age=mask note=mask"},
		{"a rule on an object covers what is inside", "columns: [name]",
			[]string{"path name: {type: keep}"},
			"name name.family name.given name.given[] name.title"},
		{"an object is null as a whole", "columns: [name, id]",
			[]string{"path name: {type: \"null\"}"},
			"id name=null name.family=null name.given=null name.given[]=null name.title=null"},
		{"an object is null but for what has a rule of its own", "columns: [name]",
			[]string{"path name: {type: \"null\"}", "path name.title: {type: keep}"},
			"name/ name.family=null name.given=null name.given[]=null name.title"},
		{"a constant takes the place of an object", "columns: [name]",
			[]string{"path name: {type: constant, value: hidden}"},
			"name=constant"},
		{"an array of which everything drops is not there", "columns: [id, phones]",
			[]string{"path phones[].number: {type: drop}", "path phones[].kind: {type: drop}"},
			"id"},
		{"what the contract does not describe inside goes as a whole", "columns: [blob]",
			[]string{"path blob: {type: \"null\"}"},
			"blob=null"},
	}
	for _, tt := range tests {
		if got := shown(view(t, tt.columns, tt.rules...)); got != tt.want {
			t.Errorf("%s:\n%s, want\n%s", tt.name, got, tt.want)
		}
	}
}

func TestWhy(t *testing.T) {
	v := view(t, "columns: [id, country, name, age]", "path name.family: {type: token}", "tag pii: {type: drop}")
	for path, want := range map[string]string{
		"id":          "classified Internal",
		"age":         "classified confidential, and no rule names it",
		"note":        "columns",
		"name.family": "rule 1 of profile p: path name.family",
		"name.title":  "rule 2 of profile p: tag pii",
	} {
		if got := v.Fields[v.Schema.Lookup(path)].Why; !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if f := v.Fields[v.Schema.Lookup("name.family")]; f.Out != record.String {
		t.Errorf("a token is of type %s", f.Out)
	}
}

func TestViewsMerge(t *testing.T) {
	files := map[string]string{
		"profiles/token.yaml": profileFile("token", "path name.family: {type: token}"),
		"profiles/same.yaml":  profileFile("same", "path name.family: {type: token}", "path age: {type: drop}"),
		"profiles/plain.yaml": profileFile("plain", "path name.family: {type: mask}"),
		"partners/one.yaml": partnerFile("one", "profile: token", "profile: same", "profile: plain", "filter: country == \"DE\"",
			"filter: country == \"DE\"\nrevoked: true"),
		"partners/two.yaml": partnerFile("two", "profile: token", "profile: token\ntokenDomain: one", "profile: plain", "filter: country == \"FR\"",
			"filter: country == \"DE\"\ncolumns: [id, country, name, phones, blob]"),
	}
	p := compile(t, files)
	var got []string
	domains := map[string]int{}
	for _, v := range p.Views("people-v1", "person") {
		var ids []string
		for _, s := range v.Subscriptions {
			ids = append(ids, s.ID)
		}
		got = append(got, strings.Join(ids, "+"))
		domains[v.TokenDomain]++
	}
	want := map[string]bool{
		"one-0+one-1+two-1": true, // the same tokens
		"two-0":             true, // tokens of another domain
		"one-2+two-2":       true, // no tokens: the domain does not matter
		"one-3+one-4+two-4": true,
		"two-3":             true,
	}
	for _, ids := range got {
		if !want[ids] {
			t.Errorf("a view of %s", ids)
		}
	}
	if len(got) != len(want) || domains["one"] != 1 || domains["two"] != 1 || domains[""] != 3 {
		t.Errorf("views of %v in domains %v", got, domains)
	}
	// A bundle that went through a bucket compiles to the same views.
	decoded, err := exchange.Decode(p.Bundle().Encode())
	if err != nil {
		t.Fatal(err)
	}
	again, err := Compile(decoded)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range again.Views("people-v1", "person") {
		if v.ID != p.Views("people-v1", "person")[i].ID {
			t.Error("a view has another id once its bundle was decoded")
		}
	}
	// The contract is part of what a view shows.
	files["contracts/people.odcs.yaml"] = contractFile + "# a comment\n"
	for _, v := range compile(t, files).Views("people-v1", "person") {
		for _, w := range p.Views("people-v1", "person") {
			if v.ID == w.ID {
				t.Error("a view of another contract has the same id")
			}
		}
	}
}

func TestStandingOfViews(t *testing.T) {
	p := compile(t, map[string]string{"partners/one.yaml": partnerFile("one", "", "revoked: true", "expires: 2026-06-30")})
	v := p.Views("people-v1", "person")
	if len(v) != 1 || len(v[0].Subscriptions) != 3 {
		t.Fatalf("%d views", len(v))
	}
	for day, want := range map[string]int{"2026-06-30": 2, "2026-07-01": 1} {
		at, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		if got := v[0].Standing(at); len(got) != want {
			t.Errorf("on %s %d stand, want %d", day, len(got), want)
		}
	}
}

func TestCompileProblems(t *testing.T) {
	tests := []struct {
		name, subscription string
		rules              []string
		want               []string // parts of one problem
	}{
		{"a filter", "filter: contry == \"DE\"", nil, []string{"partners/reader.yaml:", "subscriptions[0].filter", "undeclared reference to 'contry'"}},
		{"a filter of another type", "filter: country", nil, []string{"subscriptions[0].filter", "must be bool"}},
		{"a path", "", []string{"path name.famly: {type: drop}"}, []string{"profiles/p.yaml:", "rules[0].path", `"name.famly"`}},
		{"a transform", "", []string{"tag pii: {type: tokn}"}, []string{"rules[0].transform", "name.family", "tokn"}},
		{"a transform's option", "", []string{"path id: {type: date}"}, []string{"rules[0].transform", "id", "month"}},
		{"a transform on another type", "", []string{"path id: {type: bucket, size: 10}"}, []string{"rules[0].transform", "id"}},
		{"a token of an object", "", []string{"path name: {type: token}"}, []string{"rules[0].transform", "field name of"}},
		{"a token of an array", "", []string{"path name.given: {type: token}"}, []string{"rules[0].transform", "field name.given of"}},
		{"a token of what is not described", "", []string{"path blob: {type: token}"}, []string{"rules[0].transform", "field blob of"}},
		{"the entity of a date is no field", "", []string{"path born: {type: dateShift, days: 9, by: patient}"}, []string{"rules[0].transform", "born", `names "patient"`}},
		{"the entity of a date has no text", "", []string{"path born: {type: dateShift, days: 9, by: name}"}, []string{"rules[0].transform", "born", "of type object"}},
		{"the subject of a token is no field", "", []string{"path born: {type: token, subject: patient}"}, []string{"rules[0].transform", "born", `subject of token names "patient"`}},
		{"a grid of what is no number", "", []string{"path name: {type: geo}"}, []string{"rules[0].transform", "name.family", "takes number"}},
		{"nothing leaves", "columns: [age]", nil, []string{"subscriptions[0]", "nothing would leave"}},
	}
	for _, tt := range tests {
		files := map[string]string{}
		if len(tt.rules) > 0 {
			files["profiles/p.yaml"] = profileFile("p", tt.rules...)
			tt.subscription += "\nprofile: p"
		}
		files["partners/reader.yaml"] = partnerFile("reader", tt.subscription)
		_, err := Compile(bundle(t, files))
		var problems yamldoc.Problems
		if !errors.As(err, &problems) {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		found := false
		for _, p := range problems {
			text, all := fmt.Sprintf("%s:%d %s %s %s", p.File, p.Line, p.Path, p.Message, p.Hint), p.Line > 0
			for _, part := range tt.want {
				all = all && strings.Contains(text, part)
			}
			found = found || all
		}
		if !found {
			t.Errorf("%s: %v\nlacks %q with a line", tt.name, err, tt.want)
		}
	}
}

// TestRuleOfCoordinates: a rule that names an object of coordinates is one of each.
func TestRuleOfCoordinates(t *testing.T) {
	p := compile(t, map[string]string{"profiles/p.yaml": profileFile("p", "path place: {type: geo, decimals: 1}"), "partners/reader.yaml": partnerFile("reader", "profile: p")})
	v := p.Views("people-v1", "person")[0]
	for path, want := range map[string]record.Op{"place": record.Descend, "place.lat": record.Replace, "place.lon": record.Replace} {
		if got := v.Fields[v.Schema.Lookup(path)].Op; got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
}

func TestCompileTellsAllProblemsOnce(t *testing.T) {
	_, err := Compile(bundle(t, map[string]string{
		"profiles/p.yaml":      profileFile("p", "path id: {type: bucket, size: 10}", "path nothing: {type: drop}"),
		"partners/reader.yaml": partnerFile("reader", "profile: p\nfilter: a", "profile: p\nfilter: b"),
	}))
	var problems yamldoc.Problems
	if !errors.As(err, &problems) || len(problems) != 4 {
		t.Errorf("%d problems: %v", len(problems), err)
	}
}

// TestRulesOfSeveralContracts: a rule must name a field of one contract that
// its profile is used with, not of each.
func TestRulesOfSeveralContracts(t *testing.T) {
	other := strings.NewReplacer("people-v1", "things-v1", "name: people", "name: things", "name: person", "name: thing", "name: age", "name: weight").Replace(contractFile)
	p := compile(t, map[string]string{
		"contracts/things.odcs.yaml": other,
		"profiles/p.yaml":            profileFile("p", "path age: {type: keep}", "path weight: {type: keep}"),
		"partners/reader.yaml":       partnerFile("reader", "profile: p") + strings.Replace(strings.SplitAfter(partnerFile("other", "profile: p"), "subscriptions:\n")[1], "people", "things", 1),
	})
	if len(p.Views("people-v1", "person")) != 1 || len(p.Views("things-v1", "thing")) != 1 || p.Contract("things-v1", "thing") == nil || p.Contract("people-v1", "thing") != nil {
		t.Error("the views of two contracts are not there")
	}
}

func TestIntake(t *testing.T) {
	maker := makerFile + "  - {contract: people, path: more/*.csv}\n  - {contract: things, path: \"**/things-*\"}\n"
	p := compile(t, map[string]string{
		"contracts/things.odcs.yaml": strings.NewReplacer("people-v1", "things-v1", "name: people", "name: things").Replace(contractFile),
		"partners/maker.yaml":        maker,
		"partners/reader.yaml":       partnerFile("reader", ""),
	})
	tests := []struct {
		key, contract, code string
		kind                fault.Kind
		says                []string
	}{
		{key: "maker/people/a.csv", contract: "people-v1"},
		{key: "maker/people/2026/a b+c=d.csv", contract: "people-v1"},
		{key: "maker/more/ü.csv", contract: "people-v1"},
		{key: "maker/x/things-1", contract: "things-v1"},
		{key: "maker/people/things-1", code: "ambiguous-contract", kind: fault.Denied, says: []string{"people-v1", "things-v1"}},
		{key: "maker/other/a.csv", code: "no-contract", kind: fault.Denied, says: []string{"maker/people/**", "maker/more/*.csv"}},
		{key: "maker/people", code: "no-contract", kind: fault.Denied},
		{key: "reader/people/a.csv", code: "no-contract", kind: fault.Denied, says: []string{"may not drop anything"}},
		{key: "nobody/people/a.csv", code: "unknown-partner", kind: fault.Denied},
		{key: "MAKER/people/a.csv", code: "unknown-partner", kind: fault.Denied},
		{key: "", code: "bad-key"},
		{key: "maker", code: "bad-key"},
		{key: "/maker/people/a", code: "bad-key"},
		{key: "maker/people/", code: "bad-key"},
		{key: "maker//people/a", code: "bad-key"},
		{key: "maker/people/../x/things-1", code: "bad-key"},
		{key: "maker/people/./a", code: "bad-key"},
		{key: "../maker/people/a", code: "bad-key"},
		{key: `maker\people/a`, code: "bad-key"},
		{key: "maker/people/a\x00b", code: "bad-key"},
		{key: "maker/people/a\nb", code: "bad-key"},
		{key: "maker/people/a\u202eb", code: "bad-key"},
		{key: "maker/people/\xff", code: "bad-key"},
		{key: "maker/people/" + strings.Repeat("a", 1024), code: "bad-key"},
	}
	for _, tt := range tests {
		in, err := p.Intake(tt.key)
		if tt.code == "bad-key" {
			tt.kind = fault.Invalid
		}
		if tt.code == "" {
			if err != nil || in.Contract.ID != tt.contract || in.Partner.ID != "maker" || in.Compiled != p.Contract(tt.contract, "person") {
				t.Errorf("%q: %+v, %v", tt.key, in, err)
			}
			continue
		}
		if fault.CodeOf(err) != tt.code || fault.KindOf(err) != tt.kind {
			t.Errorf("%.40q: %v", tt.key, err)
			continue
		}
		for _, part := range tt.says {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q: %v lacks %s", tt.key, err, part)
			}
		}
	}
}

func FuzzIntake(f *testing.F) {
	p := compile(f, nil)
	f.Add("maker/people/a.csv")
	f.Add("maker/people/../a")
	f.Fuzz(func(t *testing.T, key string) {
		in, err := p.Intake(key)
		if err != nil {
			if fault.CodeOf(err) == "" {
				t.Errorf("%q: %v is no fault", key, err)
			}
			return
		}
		if in.Partner.ID != "maker" || !strings.HasPrefix(key, "maker/people/") || strings.Contains(key, "..") && strings.Contains(key, "/../") {
			t.Errorf("%q is taken", key)
		}
	})
}

// TestPolicyIsShared uses one policy from many goroutines, for the race
// detector.
func TestPolicyIsShared(t *testing.T) {
	p := compile(t, map[string]string{"partners/reader.yaml": partnerFile("reader", `filter: phones.exists(n, n.kind == "home") || country == "DE"`)})
	v := p.Views("people-v1", "person")[0]
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			b := read(t, record.Format{Codec: record.NDJSON}, v.Schema, `{"country":"FR","phones":[{"kind":"home"}]}`+"\n"+`{"country":"FR"}`+"\n")
			m := v.Filter.Matcher()
			for range 50 {
				if _, err := p.Intake("maker/people/x"); err != nil || !m.Match(b, 0) || m.Match(b, 1) {
					t.Error("another answer from another goroutine")
				}
			}
		})
	}
	wait.Wait()
}
