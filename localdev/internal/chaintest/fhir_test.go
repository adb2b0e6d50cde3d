package chaintest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// patientFiles are an exchange for FHIR R4 patients
// (https://hl7.org/fhir/R4/patient.html) with the members that the file of real
// ones has. What no rule masks is described no further than it has to be. Two
// partners get all patients: the mirror as they are, the study without names,
// addresses, telecom and identifiers.
var patientFiles = map[string]string{
	"exchange.yaml": `apiVersion: sallyport.io/v1
kind: Exchange
name: fhir
segment: {size: 16KiB}
`,
	"contracts/patients.odcs.yaml": `apiVersion: v3.1.0
kind: DataContract
id: patients
name: patients
version: 1.0.0
status: active
schema:
  - name: Patient
    logicalType: object
    properties:
      - {name: resourceType, logicalType: string, required: true, classification: public}
      - {name: id, logicalType: string, required: true, primaryKey: true, primaryKeyPosition: 1, classification: internal}
      - {name: meta, logicalType: object, classification: internal}
      - {name: text, logicalType: object, classification: internal}
      - {name: extension, logicalType: array, classification: internal}
      - name: identifier
        logicalType: array
        classification: restricted
        items:
          logicalType: object
          properties:
            - {name: type, logicalType: object, classification: internal}
            - {name: system, logicalType: string, classification: internal}
            - {name: value, logicalType: string, required: true, tags: [US_SSN]} # of some
      - name: name
        logicalType: array
        classification: restricted
        items:
          logicalType: object
          properties:
            - {name: use, logicalType: string, classification: internal}
            - {name: family, logicalType: string}
            - {name: given, logicalType: array, items: {logicalType: string}}
            - {name: prefix, logicalType: array, items: {logicalType: string}}
      - name: telecom
        logicalType: array
        classification: restricted
        items:
          logicalType: object
          properties:
            - {name: system, logicalType: string, classification: internal}
            - {name: value, logicalType: string, tags: [PHONE_NUMBER]}
            - {name: use, logicalType: string, classification: internal}
      - {name: gender, logicalType: string, classification: internal}
      - {name: birthDate, logicalType: date, classification: internal}
      - {name: deceasedDateTime, logicalType: timestamp, classification: internal}
      - name: address
        logicalType: array
        classification: restricted
        items:
          logicalType: object
          properties:
            - {name: extension, logicalType: array}
            - {name: line, logicalType: array, items: {logicalType: string}}
            - {name: city, logicalType: string}
            - {name: state, logicalType: string}
            - {name: postalCode, logicalType: string}
            - {name: country, logicalType: string}
      - {name: maritalStatus, logicalType: object, classification: internal}
      - {name: multipleBirthBoolean, logicalType: boolean, classification: internal}
      - {name: multipleBirthInteger, logicalType: integer, classification: internal}
      - {name: communication, logicalType: array, classification: internal}
`,
	"profiles/study.yaml": `apiVersion: sallyport.io/v1
kind: Profile
id: study
rules:
  - {path: "identifier[].value", transform: {type: token}}
  - {path: "address[].extension", transform: {type: "null"}}
  - {classification: restricted, transform: {type: mask}}
`,
	"profiles/mirror.yaml": `apiVersion: sallyport.io/v1
kind: Profile
id: mirror
rules:
  - {classification: restricted, transform: {type: keep}}
`,
	"partners/hospital.yaml": `apiVersion: sallyport.io/v1
kind: Partner
id: hospital
drops:
  - {contract: patients}
`,
	"partners/study.yaml": `apiVersion: sallyport.io/v1
kind: Partner
id: study
subscriptions:
  - {id: study, contract: patients, purpose: study, legalBasis: consent, profile: study, destination: {url: "world://study"}}
`,
	"partners/mirror.yaml": `apiVersion: sallyport.io/v1
kind: Partner
id: mirror
subscriptions:
  - {id: mirror, contract: patients, purpose: backup, legalBasis: contract, profile: mirror, destination: {url: "world://mirror"}}
`,
}

// masked are the top-level members that the study may not see, with the paths in
// them that are left as they are.
var masked = map[string][]string{
	"name":       {"[].use"},
	"address":    nil,
	"telecom":    {"[].system", "[].use"},
	"identifier": {"[].system", "[].type"},
}

// Real FHIR patients go through the chain. Names, addresses, telecom and
// identifiers arrive masked, in the same shape; everything else is the same to
// the byte.
func TestPatients(t *testing.T) {
	// The shared data lies beside the repository, whose root is three folders up.
	file := filepath.Join("..", "..", "..", "..", "shared", "data", "Patient.000.ndjson")
	original, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the shared data is not here")
	}
	if err != nil {
		t.Fatal(err)
	}
	secrets, bundle := newSecrets(t), load(t, patientFiles)
	var study string
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, secrets, usual)
		w.publish(bundle)
		w.drop("hospital/patients/Patient.000.ndjson", original)
		for _, function := range functions {
			w.work(function, nil)
		}
		if len(w.nacked) > 0 {
			t.Fatal(w.nacked)
		}
		if w.received("mirror") != string(original) {
			t.Error("the mirror did not get what was dropped, to the byte")
		}
		study = w.received("study")
	})
	got, want := strings.SplitAfter(study, "\n"), strings.SplitAfter(string(original), "\n")
	if len(got) != len(want) || len(want) != 13+1 {
		t.Fatalf("%d lines arrived, of %d", len(got), len(want))
	}
	for i := range want[:13] {
		t.Run(fmt.Sprint(i), func(t *testing.T) { comparePatient(t, got[i], want[i]) })
	}
}

// received are the segments that lie in an outbox, one behind the other.
func (w *world) received(outbox string) string {
	w.t.Helper()
	objects := w.objects(outbox)
	var keys []string
	for key := range objects {
		if filepath.Ext(key) == ".ndjson" {
			keys = append(keys, key)
		}
	}
	if len(keys) < 3 {
		w.t.Errorf("%s got %d segments, want a few", outbox, len(keys))
	}
	slices.Sort(keys)
	var all strings.Builder
	for _, key := range keys {
		all.WriteString(objects[key])
	}
	return all.String()
}

// comparePatient compares a masked patient with the one that it was made of.
func comparePatient(t *testing.T, got, want string) {
	t.Helper()
	gotRest, gotMembers := cut(t, got)
	wantRest, wantMembers := cut(t, want)
	if gotRest != wantRest {
		t.Errorf("what no rule touches is another:\n got %s\nwant %s", gotRest, wantRest)
	}
	for name, kept := range masked {
		var before, after any
		if err := errors.Join(json.Unmarshal(wantMembers[name], &before), json.Unmarshal(gotMembers[name], &after)); err != nil {
			t.Fatal(err)
		}
		compareMasked(t, name, "", after, before, kept)
	}
}

// cut takes the members that are masked out of a line, with their names and what
// stands between them and the member before.
func cut(t *testing.T, line string) (rest string, members map[string]json.RawMessage) {
	t.Helper()
	members = map[string]json.RawMessage{}
	d := json.NewDecoder(strings.NewReader(line))
	var kept bytes.Buffer
	next := func() json.Token {
		token, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	next()
	from := d.InputOffset()
	kept.WriteString(line[:from])
	for d.More() {
		name := next().(string)
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			t.Fatal(err)
		}
		if _, out := masked[name]; out {
			members[name] = value
		} else {
			kept.WriteString(line[from:d.InputOffset()])
		}
		from = d.InputOffset()
	}
	kept.WriteString(line[from:])
	if len(members) != len(masked) {
		t.Fatalf("a patient has the members %d of %d that are masked", len(members), len(masked))
	}
	return kept.String(), members
}

// compareMasked holds what became of a member to what it was: the same shape, and
// no string that is not kept the same.
func compareMasked(t *testing.T, name, path string, got, want any, kept []string) {
	t.Helper()
	if slices.Contains(kept, path) {
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s%s is another", name, path)
		}
		return
	}
	if name+path == "address[].extension" {
		if got != nil {
			t.Errorf("%s%s is there", name, path)
		}
		return
	}
	switch want := want.(type) {
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(want) {
			t.Errorf("%s%s has another shape", name, path)
			return
		}
		for i := range want {
			compareMasked(t, name, path+"[]", g[i], want[i], kept)
		}
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(g) != len(want) {
			t.Errorf("%s%s has another shape", name, path)
			return
		}
		for key := range want {
			compareMasked(t, name, path+"."+key, g[key], want[key], kept)
		}
	case string:
		g, ok := got.(string)
		if !ok || g == "" || strings.Contains(g, want) {
			t.Errorf("%s%s is not masked", name, path)
		}
	default:
		t.Errorf("%s%s is of a kind that the test does not know", name, path)
	}
}
