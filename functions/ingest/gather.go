package ingest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/store"
)

// place is where events arrived: whose they are and which contract they mean.
type place struct{ partner, path string }

// batch is a micro-batch of events: the object events/<id>.json in landing.
//
// An event may come again, alone or among others, after a crash at any point.
// So a batch is first written whole; then each of its events is claimed for it
// by an object created where absent; then the events that it won are taken as
// one drop. Who meets a claim for another batch completes that one, from what
// was written, before going on: an event is in exactly one drop, and once it is
// claimed it cannot be lost. (Helping, as in lock-free data structures.)
type batch struct {
	ID      string `json:"id"`
	Partner string `json:"partner"`
	Path    string `json:"path"`
	Rows    []row  `json:"rows"`
}

type row struct {
	ID   string `json:"id"` // derived from partner, path, source and id of the event
	Data []byte `json:"data"`
}

const (
	maxBatch      = 64 << 20
	maxBatchRows  = 8 << 20 // bytes of data in one batch
	maxBatchCount = 2000
)

func batchKey(id string) string { return "events/" + id + ".json" }
func claimKey(id string) string { return "claims/" + id[:2] + "/" + id }

// gather takes the events that arrived at one place. The error may be a
// fault.Batch by index in events.
func (f *Function) gather(ctx context.Context, at place, events []event.Event) ([]event.Event, error) {
	p, err := f.policies.Newest(ctx)
	if err != nil {
		return nil, err
	}
	intake, err := p.Intake(at.key())
	if err != nil {
		return nil, err
	}
	if err := intake.Contract.Sunset(f.now()); err != nil {
		return nil, err
	}
	limit := int64(p.Bundle().Limits().Row)
	failed := fault.Batch{}
	var out []event.Event
	b, members := batch{Partner: at.partner, Path: at.path}, []int{}
	size := 0
	seen := map[string]bool{} // in this batch
	flush := func() {
		if len(b.Rows) == 0 {
			return
		}
		made, err := f.commit(ctx, b, events[members[0]])
		for _, m := range members {
			if err != nil {
				failed[m] = err
			}
		}
		out = append(out, made...)
		b.Rows, members, size = nil, nil, 0
		clear(seen)
	}
	for i, e := range events {
		r := row{ID: event.ID("event", at.partner, at.path, e.Source(), e.ID()), Data: e.Data()}
		if int64(len(r.Data)) > limit {
			failed[i] = fault.New(fault.Invalid, "row-too-long", fmt.Sprintf("the event's data has more than %d bytes", limit), "send it as a file, or raise limits.row in exchange.yaml")
			continue
		}
		c, err := event.ClassificationOf(e)
		if err == nil {
			err = intake.Honour(c)
		}
		if err != nil {
			failed[i] = err
			continue
		}
		if seen[r.ID] {
			members = append(members, i) // it ends as the first of it does
			continue
		}
		if len(b.Rows) == maxBatchCount || size+len(r.Data) > maxBatchRows {
			flush()
		}
		seen[r.ID] = true
		b.Rows, members, size = append(b.Rows, r), append(members, i), size+len(r.Data)
	}
	flush()
	if len(failed) > 0 {
		return out, failed
	}
	return out, nil
}

// key is where a drop of this place would lie: policy decides by it.
func (at place) key() string { return at.partner + "/" + at.path + "/event" }

// commit writes the batch down and completes it.
func (f *Function) commit(ctx context.Context, b batch, cause event.Event) ([]event.Event, error) {
	slices.SortFunc(b.Rows, func(a, c row) int { return cmp.Compare(a.ID, c.ID) })
	ids := make([]string, len(b.Rows))
	for i, r := range b.Rows {
		ids[i] = r.ID
	}
	b.ID = event.ID(append([]string{"batch"}, ids...)...)
	data, err := json.Marshal(b)
	if err != nil {
		return nil, fault.Wrap(fault.Poison, "batch-encode", err, "cannot write the events down")
	}
	created, err := store.Create(ctx, f.landing, batchKey(b.ID), data)
	if err != nil {
		return nil, err
	}
	if !created { // what was written first holds, whatever the same ids carry now
		return f.help(ctx, b.ID, cause, map[string]bool{})
	}
	return f.complete(ctx, b, cause, map[string]bool{})
}

// complete claims the events of a batch that is written down, completes the
// batches that other claims lead to, and takes what this one won.
func (f *Function) complete(ctx context.Context, b batch, cause event.Event, visited map[string]bool) ([]event.Event, error) {
	visited[b.ID] = true
	var out []event.Event
	var won []row
	for _, r := range b.Rows {
		created, err := store.Create(ctx, f.landing, claimKey(r.ID), []byte(b.ID))
		if err != nil {
			return nil, err
		}
		if !created {
			owner, err := store.Read(ctx, f.landing, claimKey(r.ID), 64)
			if err != nil {
				return nil, err
			}
			if id := string(owner); id != b.ID {
				if !visited[id] {
					made, err := f.help(ctx, id, cause, visited)
					if err != nil {
						return nil, err
					}
					out = append(out, made...)
				}
				continue
			}
		}
		won = append(won, r)
	}
	if len(won) == 0 {
		return out, nil
	}
	t := &taking{f: f, cause: cause, drop: event.Drop{ID: b.ID, Key: place{b.Partner, b.Path}.key()}}
	made, err := t.run(ctx, func(ctx context.Context) error { return t.events(ctx, won) })
	if err != nil {
		return nil, err
	}
	return append(out, made...), nil
}

// help completes another batch, which may have been left half done.
func (f *Function) help(ctx context.Context, id string, cause event.Event, visited map[string]bool) ([]event.Event, error) {
	data, err := store.Read(ctx, f.landing, batchKey(id), maxBatch)
	if err != nil {
		return nil, err
	}
	var b batch
	if err := json.Unmarshal(data, &b); err != nil {
		return nil, fault.New(fault.Poison, "batch-broken", batchKey(id)+" is not a batch of events", "somebody else wrote into landing")
	}
	return f.complete(ctx, b, cause, visited)
}

// events takes rows that came as events: one line of NDJSON each.
func (t *taking) events(ctx context.Context, rows []row) error {
	if err := t.assign(t.drop.Key); err != nil {
		return err
	}
	var lines bytes.Buffer
	for _, r := range rows {
		start := lines.Len()
		if err := json.Compact(&lines, r.Data); err != nil {
			// Not JSON: the reader refuses the line, quarantine keeps it.
			lines.Truncate(start)
			lines.Write(oneLine(r.Data))
		}
		lines.WriteByte('\n')
	}
	format := record.Format{Codec: record.NDJSON}
	t.outcome.Drop.Format = record.WireFormat(format, t.intake.Compiled.Schema)
	t.note(fmt.Sprintf("gathered from %d events", len(rows)))
	reader, err := record.NewReader(&lines, format, t.intake.Compiled.Schema, t.limits.Records())
	if err != nil {
		return err
	}
	return t.rows(ctx, reader, format, format)
}

// oneLine is data without line ends, and never blank.
func oneLine(data []byte) []byte {
	line := bytes.ReplaceAll(bytes.ReplaceAll(data, []byte("\n"), []byte(" ")), []byte("\r"), []byte(" "))
	if len(bytes.TrimSpace(line)) == 0 {
		return []byte(`""`)
	}
	return line
}
