package soak

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sallyport-io/sallyport/localdev/internal/local"
	"github.com/sallyport-io/sallyport/localdev/internal/stack"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/ledger"
	"github.com/sallyport-io/sallyport/shared/store"
)

// audited is what the ledger says.
type audited struct {
	report     ledger.Report
	ids        map[string]int // records by the id of their event
	outcomes   map[string]event.DropOutcome
	accepted   map[string]bool // drops
	segments   map[place]int
	masked     map[place]int
	deliveries map[place][]event.Delivery
	manifests  map[place]int // of whole drops
	troubles   []string      // records that should not be there
}

// place is a segment of a drop, or that segment for a subscription.
type place struct {
	drop         string
	segment      int
	subscription string
}

// readLedger verifies the ledger of an exchange directory and reads it.
func readLedger(ctx context.Context, dir string) (*audited, error) {
	f, err := local.Open(dir)
	if err != nil {
		return nil, err
	}
	log, err := f.Ledger()
	if err != nil {
		return nil, err
	}
	defer log.Close()
	a := &audited{ids: map[string]int{}, outcomes: map[string]event.DropOutcome{}, accepted: map[string]bool{},
		segments: map[place]int{}, masked: map[place]int{}, deliveries: map[place][]event.Delivery{}, manifests: map[place]int{}}
	if a.report, err = log.Verify(ctx, nil); err != nil {
		return nil, err
	}
	return a, log.Records(ctx, func(_ int64, r ledger.Record) error {
		var e event.Event
		if err := json.Unmarshal(r.JSON, &e); err != nil {
			return err
		}
		a.ids[e.ID()]++
		return a.add(e)
	})
}

func (a *audited) add(e event.Event) error {
	switch e.Type() {
	case event.TypeDropAccepted, event.TypeDropRejected:
		o, err := event.Decode[event.DropOutcome](e)
		if err != nil {
			return err
		}
		if _, twice := a.outcomes[o.Drop.ID]; twice {
			a.troubles = append(a.troubles, "two outcomes of drop "+o.Drop.ID)
		}
		a.outcomes[o.Drop.ID] = o
		a.accepted[o.Drop.ID] = e.Type() == event.TypeDropAccepted
	case event.TypeSegmentAccepted:
		s, err := event.Decode[event.SegmentAccepted](e)
		if err != nil {
			return err
		}
		a.segments[place{s.Drop.ID, s.Segment, ""}]++
	case event.TypeSegmentMasked:
		s, err := event.Decode[event.SegmentMasked](e)
		if err != nil {
			return err
		}
		a.masked[place{s.Drop.ID, s.Segment, s.Subscription}]++
	case event.TypeDeliveryCompleted:
		d, err := event.Decode[event.Delivery](e)
		if err != nil {
			return err
		}
		at := place{d.Drop.ID, d.Segment, d.Subscription}
		a.deliveries[at] = append(a.deliveries[at], d)
	case event.TypeDropDelivered:
		d, err := event.Decode[event.DropDelivered](e)
		if err != nil {
			return err
		}
		a.manifests[place{d.Drop.ID, 0, d.Subscription}]++
	default:
		a.troubles = append(a.troubles, "an unexpected "+e.Type())
	}
	return nil
}

// findings are differences between what must be and what is.
type findings []string

func (f *findings) addf(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

// once demands that each of want is in got exactly once, and nothing else.
func once[K comparable](f *findings, what string, want map[K]bool, got map[K]int) {
	for k := range want {
		if n := got[k]; n != 1 {
			f.addf("%s %v is there %d times", what, k, n)
		}
	}
	for k, n := range got {
		if !want[k] {
			f.addf("%s %v is there %d times and should not be", what, k, n)
		}
	}
}

// differences compares all that an idle chain has left in an exchange directory
// with what the workload must have led to.
func differences(ctx context.Context, dir string, w *workload) (findings, *audited, error) {
	a, err := readLedger(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	var f findings
	if a.report.Signed != a.report.Entries {
		f.addf("%d of %d entries of the ledger are signed", a.report.Signed, a.report.Entries)
	}
	for id, n := range a.ids {
		if n != 1 {
			f.addf("event %s is recorded %d times", id, n)
		}
	}
	f = append(f, a.troubles...)
	a.compareDrops(&f, w)
	a.compareSegments(&f)
	if err := a.compareQuarantine(&f, stack.Layout(dir).Quarantine, w); err != nil {
		return f, a, err
	}
	tokens := map[string]string{}
	for _, subscription := range slices.Sorted(maps.Keys(w.due)) {
		if err := a.compareOutbox(&f, filepath.Join(dir, "outbox", subscription), subscription, w.due[subscription], tokens); err != nil {
			return f, a, err
		}
	}
	originals := map[string]string{}
	for value, token := range tokens {
		if other, taken := originals[token]; taken {
			f.addf("%q and %q have the same token", value, other)
		}
		originals[token] = value
	}
	return f, a, nil
}

// compareDrops: each file has one outcome, and the rows that came as events are
// in drops of events, each once.
func (a *audited) compareDrops(f *findings, w *workload) {
	accepted, rejected := map[string]int{}, map[string]int{}
	var rows event.Rows
	for id, o := range a.outcomes {
		switch {
		case a.accepted[id] && strings.HasSuffix(o.Drop.Key, "/event"):
			rows.Accepted += o.Rows.Accepted
			rows.Invalid += o.Rows.Invalid
		case a.accepted[id]:
			accepted[o.Drop.Key]++
		default:
			rejected[o.Drop.Key]++
		}
	}
	once(f, "the acceptance of", w.accepted, accepted)
	once(f, "the refusal of", w.rejected, rejected)
	if int(rows.Accepted) != w.validEvents || int(rows.Invalid) != w.invalidEvents {
		f.addf("%d valid and %d invalid events, want %d and %d", rows.Accepted, rows.Invalid, w.validEvents, w.invalidEvents)
	}
}

// compareSegments: the ledger names each segment, each view of it and each
// delivery once.
func (a *audited) compareSegments(f *findings) {
	segments, deliveries := map[place]bool{}, map[place]bool{}
	manifests := map[place]bool{}
	for id, o := range a.outcomes {
		for n := range o.Segments {
			segments[place{id, n, ""}] = true
			for _, s := range subscribers[o.Drop.Contract] {
				deliveries[place{id, n, s}] = true
			}
		}
	}
	once(f, "segment", segments, a.segments)
	once(f, "masked segment", deliveries, a.masked)
	delivered := map[place]int{}
	for at, list := range a.deliveries {
		delivered[at] = len(list)
		for _, d := range list {
			whole := place{at.drop, 0, at.subscription}
			if d.Rows > 0 {
				manifests[whole] = true
			}
		}
	}
	once(f, "delivery", deliveries, delivered)
	once(f, "manifest", manifests, a.manifests)
}

// compareQuarantine reads what the outcomes name.
func (a *audited) compareQuarantine(f *findings, dir string, w *workload) error {
	got := map[string]map[string]int{}
	for _, partner := range []string{"mill", "lab"} {
		got[partner] = map[string]int{}
	}
	for id, o := range a.outcomes {
		if !a.accepted[id] {
			continue
		}
		for _, ref := range o.Quarantine {
			data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(ref.Key)))
			if err != nil {
				return err
			}
			if store.Digest(data) != ref.Digest {
				f.addf("quarantine %s has another digest", ref.Key)
			}
			lines := strings.Split(strings.TrimSuffix(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n"), "\n")
			if o.Format.Header {
				lines = lines[1:]
			}
			for _, line := range lines {
				got[o.Drop.Partner][line]++
			}
		}
		if o.Rows.Invalid > 0 {
			report, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(o.Report.Key)))
			if err != nil {
				return err
			}
			if store.Digest(report) != o.Report.Digest {
				f.addf("report %s has another digest", o.Report.Key)
			}
		}
	}
	for partner, lines := range got {
		once(f, "in quarantine of "+partner+" the row", w.refused[partner], lines)
	}
	return nil
}

// compareOutbox reads what a subscription got: all objects that lie there, and
// nothing that a partner who lists them would take for one and is none.
func (a *audited) compareOutbox(f *findings, dir, subscription string, due map[string]row, tokens map[string]string) error {
	named := map[string]event.Delivery{} // objects
	manifests := map[string]bool{}
	for at, list := range a.deliveries {
		for _, d := range list {
			if at.subscription == subscription && d.Rows > 0 {
				named[d.Object.Key] = d
				manifests[path.Dir(d.Object.Key)+"/manifest.json"] = true
			}
		}
	}
	got := map[string]int{}
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == ".sallyport": // what no listing shows
			return fs.SkipDir
		case entry.IsDir():
			return nil
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		key := filepath.ToSlash(rel)
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if manifests[key] {
			delete(manifests, key)
			return a.compareManifest(f, path.Dir(key), data, named)
		}
		d, ok := named[key]
		if !ok {
			f.addf("%s got %s, which the ledger does not name", subscription, key)
			return nil
		}
		if store.Digest(data) != d.Object.Digest {
			f.addf("%s got %s with another digest than the ledger's", subscription, key)
		}
		rows, err := readRows(key, data)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		if int64(len(rows)) != d.Rows {
			f.addf("%s has %d rows, the ledger says %d", key, len(rows), d.Rows)
		}
		for _, r := range rows {
			got[r["id"]]++
			if want := due[r["id"]]; !sameRow(r, want, tokens) {
				f.addf("%s got %v, want %v", subscription, r, want)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for key := range manifests {
		f.addf("%s did not get %s", subscription, key)
	}
	want := map[string]bool{}
	for id := range due {
		want[id] = true
	}
	once(f, "for "+subscription+" the row", want, got)
	return nil
}

// compareManifest holds a manifest to the deliveries of its drop.
func (a *audited) compareManifest(f *findings, folder string, data []byte, named map[string]event.Delivery) error {
	var m struct {
		Rows     int64 `json:"rows"`
		Segments []struct {
			Key    string `json:"key"`
			Digest string `json:"digest"`
		} `json:"segments"`
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return err
	}
	want, got := map[string]bool{}, map[string]int{}
	var rows int64
	for key, d := range named {
		if path.Dir(key) == folder {
			want[key+" "+d.Object.Digest] = true
			rows += d.Rows
		}
	}
	for _, s := range m.Segments {
		got[s.Key+" "+s.Digest]++
	}
	once(f, "in the manifest of "+folder, want, got)
	if m.Rows != rows {
		f.addf("the manifest of %s says %d rows, the ledger %d", folder, m.Rows, rows)
	}
	return nil
}

// sameRow compares a row with what is due. Tokens are not foretold: a value must
// have the same one everywhere, and it is not the value.
func sameRow(got, want row, tokens map[string]string) bool {
	if len(got) != len(want) {
		return false
	}
	for name, value := range want {
		said, there := got[name]
		original, isHidden := strings.CutPrefix(value, hidden)
		switch {
		case !there:
			return false
		case !isHidden:
			if said != value {
				return false
			}
		case tokens[original] == "":
			if said == "" || said == original {
				return false
			}
			tokens[original] = said
		case tokens[original] != said:
			return false
		}
	}
	return true
}

// readRows reads an object as a partner would.
func readRows(key string, data []byte) ([]row, error) {
	var rows []row
	if path.Ext(key) == ".csv" {
		records, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
		if err != nil || len(records) == 0 {
			return nil, err
		}
		for _, record := range records[1:] {
			r := row{}
			for i, name := range records[0] {
				r[name] = record[i]
			}
			rows = append(rows, r)
		}
		return rows, nil
	}
	for line := range bytes.Lines(data) {
		d := json.NewDecoder(bytes.NewReader(line))
		d.UseNumber()
		var v map[string]any
		if err := d.Decode(&v); err != nil {
			return nil, err
		}
		r := row{}
		if err := flatten(r, "", v); err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// flatten writes the members of an object under their paths.
func flatten(r row, prefix string, object map[string]any) error {
	for name, v := range object {
		switch v := v.(type) {
		case map[string]any:
			if err := flatten(r, prefix+name+".", v); err != nil {
				return err
			}
		case string:
			r[prefix+name] = v
		case json.Number:
			r[prefix+name] = v.String()
		default:
			text, err := json.Marshal(v)
			if err != nil {
				return err
			}
			r[prefix+name] = string(text)
		}
	}
	return nil
}
