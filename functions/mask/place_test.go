package mask_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
)

const visitsFile = `apiVersion: v3.2.0
kind: DataContract
id: orders
version: 1.0.0
status: active
schema:
- name: orders
  properties:
  - {name: visit, logicalType: integer, classification: public}
  - {name: patient, logicalType: string}
  - {name: born, logicalType: date}
  - {name: admitted, logicalType: timestamp}
  - {name: discharged, logicalType: date}
  - {name: name, logicalType: string}
  - name: tests
    logicalType: array
    items:
      logicalType: object
      properties:
      - {name: at, logicalType: date}
`

const visitsProfile = `apiVersion: sallyport.io/v1
kind: Profile
id: visits
rules:
- {path: born, transform: {type: age}}
- {path: admitted, transform: {type: dateShift, days: 30, by: patient}}
- {path: discharged, transform: {type: dateShift, days: 30, by: patient}}
- {path: name, transform: {type: token, algorithm: aes-gcm}}
- {path: "tests[].at", transform: {type: dateShift, days: 30, by: patient}}
`

// visits publishes an exchange of visits and answers its digest.
func (w *world) visits() string {
	w.t.Helper()
	bundle, err := exchange.Load(fstest.MapFS{
		"exchange.yaml":              {Data: []byte("apiVersion: sallyport.io/v1\nkind: Exchange\nname: visits\n")},
		"contracts/orders.odcs.yaml": {Data: []byte(visitsFile)},
		"partners/p.yaml":            {Data: []byte("apiVersion: sallyport.io/v1\nkind: Partner\nid: p\nsubscriptions:\n" + subscription("study", "  profile: visits\n"))},
		"profiles/visits.yaml":       {Data: []byte(visitsProfile)},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := exchange.Open(w.buckets["config"]).Publish(w.t.Context(), bundle); err != nil {
		w.t.Fatal(err)
	}
	return bundle.Digest()
}

// at is the days from 1970 to the date that text starts with.
func at(t *testing.T, text string) int {
	t.Helper()
	d, err := time.Parse(time.DateOnly, text[:min(10, len(text))])
	if err != nil {
		t.Fatal(err)
	}
	return int(d.Unix() / 86400)
}

// TestDatesOfOnePatient: dates are shifted by the patient, whose number does not
// leave, in CSV as in JSON, and the ages are those of the drop's day.
func TestDatesOfOnePatient(t *testing.T) {
	const table = "patient,visit,born,admitted,discharged\n" +
		"P1,1,1927-05-21,2026-01-30T23:30:00+02:00,2026-02-03\n" +
		"P2,2,2000-01-01,2026-01-30T23:30:00+02:00,2026-02-03\n" +
		",3,2000-01-01,2026-01-30T23:30:00+02:00,2026-02-03\n" +
		"P1,4,,2026-03-01T00:00:00Z,\n" +
		"P3,5,,,2026-02-03\nP4,6,,,2026-02-03\nP5,7,,,2026-02-03\nP6,8,,,2026-02-03\nP7,9,,,2026-02-03\n"
	w := newWorld(t, subscription("all", ""))
	e := w.dropped(w.segment(table, event.Format{Codec: "csv", Delimiter: ",", Header: true, Terminator: "lf", Columns: []string{"patient", "visit", "born", "admitted", "discharged"}}), "1.0.0", w.visits())
	var rows [][]string
	study := w.handle(e)["study"]
	for line := range strings.Lines(w.text(study)) {
		rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), ","))
	}
	if len(rows) != 10 || strings.Join(rows[0], ",") != "visit,born,admitted,discharged" {
		t.Fatalf("%q", rows)
	}
	shift := func(row, column int, was string) int { return at(t, rows[row][column]) - at(t, was) }
	one := shift(1, 3, "2026-02-03")
	alike := 0 // patients: two may be, by chance
	for _, row := range []int{1, 2, 5, 6, 7, 8, 9} {
		days := shift(row, 3, "2026-02-03")
		if days == 0 || max(days, -days) > 30 {
			t.Errorf("row %d is shifted by %d days", row, days)
		}
		if days == one {
			alike++
		}
	}
	if alike == 7 {
		t.Errorf("all patients are shifted by %d days", one)
	}
	if got := shift(1, 2, "2026-01-30"); got != one || !strings.HasSuffix(rows[1][2], "T23:30:00+02:00") {
		t.Errorf("P1 is admitted at %s, %d days later", rows[1][2], got)
	}
	if got := shift(4, 2, "2026-03-01"); got != one {
		t.Errorf("P1 is shifted by %d and %d days", one, got)
	}
	if rows[3][2] != "" || rows[3][3] != "" || rows[4][3] != "" {
		t.Errorf("nobody's dates: %q; no date: %q", rows[3], rows[4])
	}
	if rows[1][1] != "90" || rows[4][1] != "" || len(rows[2][1]) != 2 {
		t.Errorf("ages %q, %q and of none %q", rows[1][1], rows[2][1], rows[4][1])
	}

	w.delete("landing", "d/x/000000")
	w.delete("masked", study.Object.Key)
	const lines = `{"visit":1,"tests":[{"at":"2026-02-03"},{"at":null},{"at":"2026-02-05"}],"patient":"P1"}` + "\n" + `{"visit":2,"tests":[{"at":"2026-02-03"}]}` + "\n"
	e = w.segment(lines, event.Format{Codec: "ndjson"})
	got := w.text(w.handle(w.dropped(e, "1.0.0", w.visits()))["study"])
	parts := strings.Split(got, `"`)
	if len(parts) < 14 || at(t, parts[7])-at(t, "2026-02-03") != one || at(t, parts[13])-at(t, parts[7]) != 2 {
		t.Errorf("P1's tests in JSON: %s", got)
	}
	if !strings.HasSuffix(got, `{"visit":2,"tests":[{"at":null}]}`+"\n") {
		t.Errorf("nobody's tests: %s", got)
	}
}

// TestScopes: equal values of two fields become equal in the domain and in the
// contract, and not in fields of their own; no two scopes have the same tokens.
func TestScopes(t *testing.T) {
	w := newWorld(t, subscription("all", ""))
	files := fstest.MapFS{
		"exchange.yaml":              {Data: []byte("apiVersion: sallyport.io/v1\nkind: Exchange\nname: visits\n")},
		"contracts/orders.odcs.yaml": {Data: []byte(visitsFile)},
	}
	partner := "apiVersion: sallyport.io/v1\nkind: Partner\nid: p\nsubscriptions:\n"
	scopes := []string{"domain", "contract", "field"}
	for _, scope := range scopes {
		partner += subscription(scope, "  profile: "+scope+"\n")
		files["profiles/"+scope+".yaml"] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(`apiVersion: sallyport.io/v1
kind: Profile
id: SCOPE
rules:
- {path: name, transform: {type: token, scope: SCOPE}}
- {path: patient, transform: {type: token, scope: SCOPE}}
`, "SCOPE", scope))}
	}
	files["partners/p.yaml"] = &fstest.MapFile{Data: []byte(partner)}
	bundle, err := exchange.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	if err := exchange.Open(w.buckets["config"]).Publish(t.Context(), bundle); err != nil {
		t.Fatal(err)
	}
	made := w.handle(w.dropped(w.segment("patient,name\nAnn,Ann\n", event.Format{Codec: "csv", Delimiter: ",", Header: true, Terminator: "lf", Columns: []string{"patient", "name"}}), "1.0.0", bundle.Digest()))
	seen := map[string]bool{}
	for _, scope := range scopes {
		rows := strings.Split(w.text(made[scope]), "\n")
		patient, name, _ := strings.Cut(rows[1], ",")
		if !strings.HasPrefix(patient, "t1_") || !strings.HasPrefix(name, "t1_") || (patient == name) != (scope != "field") || seen[patient] || seen[name] {
			t.Errorf("%s: %q", scope, rows)
		}
		seen[patient], seen[name] = true, true
	}
}

// TestTokensThatDiffer: equal values have other tokens in other rows and segments,
// and the same ones when the segment is masked again.
func TestTokensThatDiffer(t *testing.T) {
	w := newWorld(t, subscription("all", ""))
	digest := w.visits()
	e := w.dropped(w.segment("visit,name\n1,Ann\n2,Ann\n3,\n", event.Format{Codec: "csv", Delimiter: ",", Header: true, Terminator: "lf", Columns: []string{"visit", "name"}}), "1.0.0", digest)
	study := w.handle(e)["study"]
	lines := strings.Split(w.text(study), "\n")
	if len(lines) != 5 || lines[0] != "visit,name" || !strings.HasPrefix(lines[1], "1,g1_") || !strings.HasPrefix(lines[2], "2,g1_") || lines[1][2:] == lines[2][2:] || lines[3] != "3," {
		t.Errorf("%q", lines)
	}
	w.delete("masked", study.Object.Key)
	if again := w.handle(e)["study"]; again.Object != study.Object {
		t.Error("the second time the bytes are others")
	}
}
