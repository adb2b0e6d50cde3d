package ingest

import (
	"encoding/json"
	"time"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// report collects what is wrong with a drop: places and rules, never a value.
// It lists the first violations and counts the rest.
type report struct {
	max    int
	listed []contract.Violation
	total  int64
	rules  map[string]int      // violations per "path rule"
	broken *contract.Violation // the first rule of the whole file that is broken
}

func (r *report) add(v contract.Violation) {
	r.total++
	if r.rules == nil {
		r.rules = map[string]int{}
	}
	name := v.Rule
	if v.Path != "" {
		name = v.Path + " " + v.Rule
	}
	r.rules[name]++
	if len(r.listed) < r.max {
		r.listed = append(r.listed, v)
	}
}

// file adds a violation of a rule of the whole file.
func (r *report) file(v contract.Violation) {
	r.add(v)
	if v.Severity == contract.Error && r.broken == nil {
		r.broken = &v
	}
}

// encode is the report for the partner who dropped: JSON, deterministic.
func (r *report) encode(o event.DropOutcome) ([]byte, error) {
	type violation struct {
		Row      int64  `json:"row,omitempty"`
		Line     int64  `json:"line,omitempty"`
		Path     string `json:"path,omitempty"`
		Rule     string `json:"rule"`
		Severity string `json:"severity,omitempty"`
		Want     string `json:"want,omitempty"`
		Do       string `json:"do,omitempty"`
	}
	doc := struct {
		Drop       event.Drop     `json:"drop"`
		Fault      *event.Fault   `json:"fault,omitempty"`
		Rows       event.Rows     `json:"rows"`
		Format     event.Format   `json:"format"`
		Notes      []string       `json:"notes,omitempty"`
		Rules      map[string]int `json:"rules,omitempty"`
		Violations []violation    `json:"violations,omitempty"`
		Omitted    int64          `json:"omitted,omitempty"`
		Quarantine []event.Ref    `json:"quarantine,omitempty"`
	}{Drop: o.Drop, Fault: o.Fault, Rows: o.Rows, Format: o.Format, Notes: o.Notes, Rules: r.rules,
		Omitted: r.total - int64(len(r.listed)), Quarantine: o.Quarantine}
	// The moment of the run is not part of the report, so that two runs on the
	// same drop write the same bytes.
	doc.Drop.Time = time.Time{}
	for _, v := range r.listed {
		doc.Violations = append(doc.Violations, violation{v.Row, v.Line, v.Path, v.Rule, v.Severity.String(), v.Want, v.Do})
	}
	data, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fault.Wrap(fault.Poison, "report-encode", err, "cannot write the report")
	}
	return append(data, '\n'), nil
}
