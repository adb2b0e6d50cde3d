package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"gocloud.dev/blob"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/policy"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/store"
)

// taking is the intake of one drop.
type taking struct {
	f     *Function
	cause event.Event
	drop  event.Drop
	etag  string // that the object must have; "" for events

	policy  *policy.Policy
	digest  string // of the exchange
	limits  exchange.Limits
	intake  policy.Intake
	outcome outcome
	report  report
}

// outcome is what a run decided: the object <drop>/outcome.json in landing,
// created where absent, is the one moment at which a drop is taken or refused.
type outcome struct {
	Exchange string                  `json:"exchange"`
	Accepted bool                    `json:"accepted"`
	Drop     event.DropOutcome       `json:"drop"`
	Segments []event.SegmentAccepted `json:"segments,omitempty"`
	// Deprecation is what the events say of the contract; zero if it stays.
	Deprecation event.Deprecation `json:"deprecation,omitzero"`
}

const maxOutcome = 64 << 20

func outcomeKey(drop string) string { return drop + "/outcome.json" }

// run takes the drop, unless it was taken before, and answers its events.
// take reads the rows; its Invalid and Denied faults refuse the drop.
func (t *taking) run(ctx context.Context, take func(context.Context) error) ([]event.Event, error) {
	data, err := store.Read(ctx, t.f.landing, outcomeKey(t.drop.ID), maxOutcome)
	switch {
	case err == nil:
		return t.publish(data)
	case !store.NotFound(err):
		return nil, err
	}
	if t.policy, err = t.f.policies.Newest(ctx); err != nil {
		return nil, err
	}
	t.digest = t.policy.Bundle().Digest()
	t.limits = t.policy.Bundle().Limits()
	t.drop.Time = t.f.now().UTC().Truncate(time.Millisecond)
	t.drop.Partner, _, _ = strings.Cut(t.drop.Key, "/")

	err = take(ctx)
	if fault.KindOf(err) == fault.Retry && err != nil {
		return nil, err
	}
	if err := t.settle(ctx, err); err != nil {
		return nil, err
	}
	if data, err = json.Marshal(t.outcome); err != nil {
		return nil, fault.Wrap(fault.Poison, "outcome-encode", err, "cannot write the drop's outcome down")
	}
	created, err := store.Create(ctx, t.f.landing, outcomeKey(t.drop.ID), data)
	if err != nil {
		return nil, err
	}
	if !created { // another run was first: its outcome holds
		if data, err = store.Read(ctx, t.f.landing, outcomeKey(t.drop.ID), maxOutcome); err != nil {
			return nil, err
		}
	}
	return t.publish(data)
}

// publish makes the events of an outcome. Their ids derive from the drop's, not
// from the notification's, which a platform may repeat under another id.
func (t *taking) publish(data []byte) ([]event.Event, error) {
	var o outcome
	if err := json.Unmarshal(data, &o); err != nil {
		return nil, fault.New(fault.Poison, "outcome-broken", outcomeKey(t.drop.ID)+" is not an outcome", "somebody else wrote into landing")
	}
	cause := t.cause.Clone()
	cause.SetID(o.Drop.Drop.ID)
	cause.SetExtension(event.ExtCorrelationID, o.Drop.Drop.ID)
	cause.SetExtension(event.ExtExchange, o.Exchange)
	out := make([]event.Event, 0, len(o.Segments)+1)
	add := func(typ string, data any, parts ...string) error {
		e, err := event.New(cause, typ, Source, o.Drop.Drop.Time, data, parts...)
		e.SetSubject(strings.Join(append([]string{o.Drop.Drop.ID}, parts...), "/"))
		o.Deprecation.Mark(&e)
		out = append(out, e)
		return err
	}
	for _, s := range o.Segments {
		if err := add(event.TypeSegmentAccepted, s, fmt.Sprintf("%06d", s.Segment)); err != nil {
			return nil, err
		}
	}
	typ := event.TypeDropRejected
	if o.Accepted {
		typ = event.TypeDropAccepted
	}
	if err := add(typ, o.Drop); err != nil {
		return nil, err
	}
	return out, nil
}

// object takes the drop from the drops bucket.
func (t *taking) object(ctx context.Context) error {
	if err := t.assign(t.drop.Key); err != nil {
		return err
	}
	r, err := t.f.drops.NewReader(ctx, t.drop.Key, nil)
	if err != nil {
		if store.NotFound(err) {
			return fault.New(fault.Invalid, "object-gone", "the object is not there any more", "drop it again and leave it until it is taken")
		}
		return fault.Wrap(fault.Retry, "bucket-read", err, "cannot open the drop")
	}
	defer r.Close()
	// The reader is open before its attributes are looked at, and they are
	// looked at again at the end: what was read is what the event named.
	if err := t.unchanged(ctx); err != nil {
		return err
	}
	if r.Size() > int64(t.limits.Object) {
		return fault.New(fault.Invalid, "too-large", fmt.Sprintf("the object has %d bytes, at most %d are taken", r.Size(), int64(t.limits.Object)),
			"send it in several files, or raise limits.object in exchange.yaml")
	}
	if err := t.take(ctx, bucketReader{r}, r.Size()); err != nil {
		return err
	}
	return t.unchanged(ctx)
}

// bucketReader tells that an error while reading is the world's.
type bucketReader struct{ r *blob.Reader }

func (b bucketReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if err != nil && err != io.EOF {
		err = fault.Wrap(fault.Retry, "bucket-read", err, "cannot read the drop")
	}
	return n, err
}

func (t *taking) unchanged(ctx context.Context) error {
	attrs, err := t.f.drops.Attributes(ctx, t.drop.Key)
	if err != nil && !store.NotFound(err) {
		return fault.Wrap(fault.Retry, "bucket-read", err, "cannot look at the drop")
	}
	if err != nil || attrs.ETag != t.etag {
		return fault.New(fault.Invalid, "object-replaced", "the object was replaced before it was read to its end",
			"the new one is taken as a drop of its own; use a new name for each file")
	}
	return nil
}

// assign finds partner and contract by where the drop lies. A contract whose
// sunset had come when the drop was pinned takes nothing more.
func (t *taking) assign(key string) (err error) {
	t.intake, err = t.policy.Intake(key)
	if err != nil {
		return err
	}
	t.drop.Partner = t.intake.Partner.ID
	t.drop.Contract = t.intake.Contract.ID
	t.drop.Version = t.intake.Contract.Version
	t.drop.Object = t.intake.Compiled.Object
	t.outcome.Deprecation = t.intake.Contract.Deprecation(t.drop.Object, t.drop.Time)
	return t.intake.Contract.Sunset(t.drop.Time)
}

// take reads the rows of src, a stored object of size bytes, once.
func (t *taking) take(ctx context.Context, src io.Reader, size int64) error {
	c := t.intake.Compiled
	packed := newHead(src)
	head, err := packed.peek(4)
	if err != nil {
		return err
	}
	if typedCodec(head) == record.Parquet {
		if err := t.agree(record.Parquet); err != nil {
			return err
		}
		return t.parquet(ctx, size)
	}
	compression := record.CompressionOf(head)
	rows, err := record.Unpack(packed, compression, t.expansion(size))
	if err != nil {
		return err
	}
	defer rows.Close()
	if compression != record.Plain {
		t.note("unpacked from " + string(compression))
	}
	plain := newHead(rows)
	if head, err = plain.peek(record.HeadSize); err != nil {
		return err
	}
	codec := typedCodec(head)
	if err := t.agree(codec); err != nil {
		return err
	}
	switch codec {
	case record.Avro:
		return t.avro(ctx, plain, size)
	case record.Parquet:
		return fault.New(fault.Invalid, "parquet-compressed", "it is a Parquet file packed with "+string(compression), "send the file itself: its pages are packed already")
	}
	format, skip, notes, err := record.Sniff(head, c.Expect())
	t.note(notes...)
	if err != nil {
		return err
	}
	plain.skip(skip)
	t.outcome.Drop.Format = record.WireFormat(format, c.Schema)

	reader, err := record.NewReader(plain, format, c.Schema, t.limits.Records())
	if err != nil {
		return err
	}
	return t.rows(ctx, reader, format, format)
}

// rows validates every row of a drop in the format in and keeps it, in the format
// format, where it belongs.
func (t *taking) rows(ctx context.Context, reader record.Reader, in, format record.Format) (err error) {
	c := t.intake.Compiled
	validator := c.NewValidator(contract.ValidatorOptions{SpillSize: int64(t.limits.Spill)})
	defer func() { _ = validator.Close() }() // its files have no names any more
	t.report.max = int(t.limits.Report)

	prefix := fmt.Sprintf("%s/%.16s/", t.drop.ID, strings.TrimPrefix(t.digest, "sha256:"))
	accepted := newKeeper(t.f.landing, func(n int) string { return fmt.Sprintf("%s%06d", prefix, n) }, c.Schema, format, t.policy.Bundle().SegmentSize())
	refused := newKeeper(t.f.quarantine, func(n int) string {
		return fmt.Sprintf("%s/%srows-%06d.%s", t.drop.Partner, prefix, n, format.Codec)
	}, c.Schema, format, t.policy.Bundle().SegmentSize())
	if in.Codec != format.Codec {
		accepted.convert = record.NewConverter(c.Schema, in, format)
		accepted.maxRow = t.limits.Records().WithDefaults().Row
		refused.convert = record.NewConverter(c.Schema, in, format)
	}
	defer func() {
		if err != nil {
			accepted.abort()
			refused.abort()
		}
	}()
	invalid := make([]bool, 0, 4096)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := reader.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		invalid = append(invalid[:0], make([]bool, len(b.Rows))...)
		if err := validator.Check(b, invalid, t.report.add); err != nil {
			return err
		}
		if err := split(ctx, b, invalid, accepted, refused); err != nil {
			return err
		}
	}
	broken, err := validator.Finish()
	if err != nil {
		return err
	}
	for _, v := range broken {
		t.report.file(v)
	}
	if err := accepted.close(); err != nil {
		return err
	}
	if err := refused.close(); err != nil {
		return err
	}
	t.outcome.Drop.Rows = event.Rows{Accepted: accepted.rows, Invalid: refused.rows}
	for _, s := range refused.segments {
		t.outcome.Drop.Quarantine = append(t.outcome.Drop.Quarantine, s.ref)
	}
	wire := t.outcome.Drop.Format
	for i, s := range accepted.segments {
		t.outcome.Segments = append(t.outcome.Segments, event.SegmentAccepted{
			Segment: i, Segments: len(accepted.segments), Rows: s.rows, Format: wire, Object: s.ref,
		})
	}
	return t.tolerate(c.InvalidRows)
}

// split writes each run of rows with the same fate in one piece.
func split(ctx context.Context, b *record.Batch, invalid []bool, accepted, refused *keeper) error {
	for from := 0; from < len(b.Rows); {
		to := from + 1
		for to < len(b.Rows) && invalid[to] == invalid[from] && b.Rows[to].Start == b.Rows[to-1].End {
			to++
		}
		k := accepted
		if invalid[from] {
			k = refused
		}
		if err := k.keep(ctx, b, from, to); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// tolerate refuses the whole drop if a rule of the file is broken, or more rows
// are invalid than the contract tolerates.
func (t *taking) tolerate(limit contract.InvalidRows) error {
	if rule := t.report.broken; rule != nil {
		return &fault.Error{Kind: fault.Invalid, Code: "file-rule", Where: fault.Where{Path: rule.Path},
			Msg: fmt.Sprintf("the drop breaks %s: %s", rule.Rule, rule.Want), Do: "the report says more"}
	}
	rows := t.outcome.Drop.Rows
	if rows.Accepted+rows.Invalid == 0 {
		return fault.New(fault.Invalid, "no-rows", "there is no row in it", "look at what made the file")
	}
	if limit.Exceeded(rows.Invalid, rows.Accepted+rows.Invalid) {
		return fault.New(fault.Invalid, "too-many-invalid", fmt.Sprintf("%d of %d rows are invalid; the contract tolerates %s", rows.Invalid, rows.Accepted+rows.Invalid, limit),
			"mend the rows that the report names and drop the file again")
	}
	return nil
}

// settle completes the outcome, whose fault is cause, and writes the report.
func (t *taking) settle(ctx context.Context, cause error) error {
	o := &t.outcome
	o.Exchange = t.digest
	o.Accepted = cause == nil
	o.Drop.Drop = t.drop
	o.Drop.Rules = t.report.rules
	if cause != nil {
		var f *fault.Error
		if errors.As(cause, &f) {
			cause = f.At(fault.Where{Partner: t.drop.Partner, Contract: t.drop.Contract, Drop: t.drop.ID})
		}
		o.Drop.Fault = event.FaultOf(cause)
		o.Segments = nil
	}
	o.Drop.Segments = len(o.Segments)
	for i := range o.Segments {
		o.Segments[i].Drop = t.drop
	}
	if cause == nil && o.Drop.Rows.Invalid == 0 && t.report.total == 0 {
		return nil
	}
	data, err := t.report.encode(o.Drop)
	if err != nil {
		return err
	}
	key := path.Join(reportFolder(t.drop.Partner, t.policy), t.drop.ID, fmt.Sprintf("%.16s", strings.TrimPrefix(t.digest, "sha256:")), "report.json")
	if _, err := store.Create(ctx, t.f.quarantine, key, data); err != nil {
		return err
	}
	o.Drop.Report = &event.Ref{Key: key, Size: int64(len(data)), Digest: store.Digest(data)}
	return nil
}

// reportFolder is the partner's, or one that no partner can have: a key in the
// drops bucket may claim to be anyone's.
func reportFolder(partner string, p *policy.Policy) string {
	if p.Bundle().Partner(partner) == nil {
		return "_unknown"
	}
	return partner
}

func (t *taking) note(notes ...string) {
	t.outcome.Drop.Notes = append(t.outcome.Drop.Notes, notes...)
}
