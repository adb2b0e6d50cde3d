package contract

import (
	"fmt"
	"hash/maphash"
	"slices"

	"github.com/sallyport-io/sallyport/shared/keyset"
	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// Violation says that a rule is broken: where, which, and what was wanted;
// never the value.
type Violation struct {
	Row, Line int64  // from 1; 0 for a rule of the whole drop
	Path      string // of the field; "" for the row
	Rule      string
	Want      string // "at most 34 characters"
	Do        string
	Severity  Severity
}

// ValidatorOptions bound what a Validator remembers.
type ValidatorOptions struct {
	KeyMemory int64  // bytes in which keys are remembered before they go to disk; 0: 64 MiB
	SpillDir  string // the folder that they go to; "": os.TempDir()
	SpillSize int64  // bytes of it; 0: no limit
}

// Validator holds the rows of one drop to a contract. It is for one goroutine, and
// must be closed.
type Validator struct {
	c       *Compiled
	seeds   [2]maphash.Seed
	sets    []*keyset.Set // per Compiled.keys
	hashes  []keyset.Key  // hashedAhead for each of them: of the rows from..ahead of the batch at hand
	from    int
	ahead   int
	counts  []int64 // per Compiled.metrics
	doubles []int64 // per Compiled.keys that are counted
	rows    int64
	guesses int
	scratch []byte
	key     []byte
	items   []record.Node
	byField [][]counted // by field
	last    []int64     // per Compiled.metrics: the row that was counted last
	refs    []keysSeen  // per Compiled.refs
	inner   map[int]*inner
	quick   []quick  // by field
	suspect []bool   // by row of the batch at hand
	firsts  []uint32 // by row of a batch of CSV: where its nodes begin
}

// quick is the short way for a CSV field, taken for nearly all: where it answers
// that nothing is broken, node need not be asked.
type quick struct {
	text  bool  // a field without quotes breaks nothing that check passes
	null  bool  // an empty field breaks nothing
	check check // nil: passes all
}

func (v *Validator) short(f *field) quick {
	if v.byField != nil && v.byField[f.id] != nil {
		return quick{} // something is counted
	}
	q := quick{text: f.typ != record.Object && f.typ != record.Array && f.inside == nil, null: f.required == nil && f.missing == nil}
	switch len(f.checks) {
	case 0:
	case 1:
		q.check = f.checks[0]
	default:
		q.check = func(value []byte) *rule {
			for _, check := range f.checks {
				if broken := check(value); broken != nil {
					return broken
				}
			}
			return nil
		}
	}
	return q
}

// NewValidator begins a drop.
func (c *Compiled) NewValidator(o ValidatorOptions) *Validator {
	v := &Validator{c: c, seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		counts: make([]int64, len(c.metrics)), last: make([]int64, len(c.metrics)),
		doubles: make([]int64, len(c.keys))}
	v.makeSets(o)
	for _, m := range c.metrics {
		for _, on := range m.on {
			if v.byField == nil {
				v.byField = make([][]counted, len(c.fields))
			}
			v.byField[on.id] = append(v.byField[on.id], on)
		}
	}
	v.quick = make([]quick, len(c.fields))
	for i := range c.fields {
		v.quick[i] = v.short(&c.fields[i])
	}
	return v
}

// Check holds the rows of b to the contract. It sets invalid[i] for each row
// that breaks a rule whose severity is error, and calls report for each broken
// rule. len(invalid) is len(b.Rows). The error says that the drop cannot be checked
// on: Invalid where it has too many keys, Retry where the disk fails.
func (v *Validator) Check(b *record.Batch, invalid []bool, report func(Violation)) error {
	v.suspects(b)
	v.from, v.ahead = 0, 0
	for i := range b.Rows {
		row := &b.Rows[i]
		v.rows++
		if row.Bad != "" {
			invalid[i] = true
			report(Violation{Row: b.First + int64(i), Line: row.Line, Rule: row.Bad, Want: forms[row.Bad], Do: v.mend(b, row)})
			continue
		}
		if v.suspect[i] {
			v.row(b, i, invalid, report)
		}
		if len(v.sets) > 0 && !invalid[i] { // a refused row takes no key
			if err := v.unique(b, i, invalid, report); err != nil {
				return err
			}
		}
		if len(v.refs) > 0 && !invalid[i] {
			if err := v.refer(b, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// find is the node of a field of row i that is not inside an array; nil if there
// is none.
func (v *Validator) find(b *record.Batch, i, id int) *record.Node {
	trail := v.c.fields[id].trail
	at, past := b.Rows[i].First, b.Rows[i].Past
	if at < past && b.Nodes[at].Field == 0 { // the row's own object
		at++
	}
	for at < past {
		n := &b.Nodes[at]
		switch {
		case n.Field != trail[0]:
			at = n.Next
		case len(trail) == 1:
			return n
		default:
			at, past, trail = at+1, n.Next, trail[1:]
		}
	}
	return nil
}

// suspects marks the rows that have to be looked at value by value. In CSV they
// are those of which a column does not pass: each check runs down its column,
// which costs half of what one after the other along each row would.
func (v *Validator) suspects(b *record.Batch) {
	n := len(b.Rows)
	v.suspect = slices.Grow(v.suspect[:0], n)[:n]
	if len(b.Keys) > 0 {
		if first := typedRow(b); first != nil {
			clear(v.suspect)
			v.typedColumns(b, first)
			return
		}
		for i := range v.suspect { // JSON
			v.suspect[i] = true
		}
		return
	}
	clear(v.suspect)
	good := slices.IndexFunc(b.Rows, func(r record.Row) bool { return r.Bad == "" })
	if good < 0 {
		return
	}
	// All that are well formed have the same columns. The others are nobody's
	// business here: one that is stands in for each.
	first, past := b.Rows[good].First, b.Rows[good].Past
	v.firsts = slices.Grow(v.firsts[:0], n)[:n]
	for i := range b.Rows {
		v.firsts[i] = first
		if row := &b.Rows[i]; row.First < row.Past {
			v.firsts[i] = row.First
		}
	}
	for low := 0; low < n; low += tile {
		high := min(low+tile, n)
		for at := first; at < past; at++ {
			column(b, at-first, &v.quick[b.Nodes[at].Field], v.firsts[low:high], v.suspect[low:high])
		}
	}
}

// tile is how many rows are held to their columns together: few enough to stay in
// a core's first-level cache.
const tile = 64

// column holds a column of some rows, whose nodes begin at firsts, to its field.
func column(b *record.Batch, column uint32, q *quick, firsts []uint32, suspect []bool) {
	if q.text && q.null && q.check == nil {
		return
	}
	data, nodes, check := b.Data, b.Nodes, q.check
	suspect = suspect[:len(firsts)]
	for i, first := range firsts {
		n := &nodes[first+column]
		if n.Kind == record.Null {
			if !q.null {
				suspect[i] = true
			}
			continue
		}
		if check == nil && q.text {
			continue
		}
		value := data[n.Start:n.End]
		if !q.text || value[0] == '"' || check(value) != nil {
			suspect[i] = true
		}
	}
}

// row holds the values of row i to their fields.
func (v *Validator) row(b *record.Batch, i int, invalid []bool, report func(Violation)) {
	row := &b.Rows[i]
	for n := row.First; n < row.Past; n++ {
		node := &b.Nodes[n]
		f := &v.c.fields[node.Field]
		if broken := v.node(b, n, node); broken != nil {
			if broken.severity == Error {
				invalid[i] = true
			}
			v.report(b, i, f.path, broken, report)
		} else if f.inside != nil {
			v.inside(b, i, n, invalid, report)
		}
	}
}

// maxGuesses bounds for how many rows of a drop a misspelt name is looked up:
// whoever sends them decides how many there are.
const maxGuesses = 100

// mend says what to do about a row that is not well formed. The name of a member
// that the contract lacks is told only as the contract's name that is near it:
// it may itself be a value.
func (v *Validator) mend(b *record.Batch, row *record.Row) string {
	if row.Bad == record.BadMember && v.guesses < maxGuesses && len(v.c.names) <= 2000 {
		v.guesses++
		if near := yamldoc.Nearest(string(b.Data[row.Name[0]:row.Name[1]]), v.c.names); near != "" {
			return fmt.Sprintf("a member is probably meant to be %q", near)
		}
	}
	return "correct how the row is written"
}

// forms say what a rule of form wants.
var forms = map[string]string{
	record.BadColumns:   "as many columns as the contract has",
	record.BadQuote:     "a closing quote, and nothing between it and the delimiter",
	record.BadUTF8:      "text in UTF-8",
	record.BadNUL:       "text without zero bytes",
	record.BadJSON:      "JSON (RFC 8259)",
	record.BadObject:    "a JSON object",
	record.BadDepth:     "JSON nested no deeper than limits.nesting",
	record.BadDuplicate: "each name once in an object",
	record.BadMember:    "only the members that the contract names",
	record.BadTyped:     "a value that its type can have",
	record.BadMembers:   "no more members in an object than limits.columns",
}

func (v *Validator) report(b *record.Batch, i int, path string, r *rule, report func(Violation)) {
	report(Violation{Row: b.First + int64(i), Line: b.Rows[i].Line, Path: path, Rule: r.name, Want: r.want, Do: r.do, Severity: r.severity})
}

// count counts row v.rows in the metrics of a field, where its value is one that
// counts; value is nil for a null.
func (v *Validator) count(metrics []counted, value []byte, empty bool) {
	for i := range metrics {
		c := &metrics[i]
		if value == nil && (c.nulls || empty && c.empty) || value != nil && c.value(value) != nil {
			if v.last[c.metric] != v.rows {
				v.last[c.metric] = v.rows
				v.counts[c.metric]++
			}
		}
	}
}

// node holds one value to its field and answers the first rule that it breaks.
func (v *Validator) node(b *record.Batch, n uint32, node *record.Node) *rule {
	f := &v.c.fields[node.Field]
	checks := f.checks
	var value []byte
	switch node.Kind {
	case record.Absent, record.Null:
		empty := node.Kind == record.Null && len(b.Keys) == 0 // in CSV
		if v.byField != nil {
			v.count(v.byField[node.Field], nil, empty)
		}
		if f.required == nil && empty {
			return f.missing
		}
		return f.required
	case record.Text:
		if f.typ == record.Object || f.typ == record.Array {
			return f.kind
		}
		value = b.Data[node.Start:node.End]
		if value[0] == '"' {
			value, v.scratch = b.Value(node, v.scratch)
		}
	case record.JSONString:
		switch f.typ {
		case record.String, record.Date, record.Timestamp, record.Time:
		default:
			return f.kind
		}
		value = b.Data[node.Start+1 : node.End-1]
		if node.Escaped {
			value, v.scratch = b.Value(node, v.scratch)
		}
	case record.JSONNumber:
		if f.typ != record.Integer && f.typ != record.Number {
			return f.kind
		}
		value = b.Data[node.Start:node.End]
	case record.JSONBool:
		if f.typ != record.Boolean {
			return f.kind
		}
		value = b.Data[node.Start:node.End]
	case record.JSONObject:
		switch f.typ {
		case record.Opaque:
			return nil
		case record.Object:
			return v.members(b, n, node, f)
		}
		return f.kind
	case record.JSONArray:
		if f.typ != record.Array {
			return f.kind
		}
		return v.members(b, n, node, f)
	default:
		raw := b.Data[node.Start:node.End]
		broken, left, done := f.typed(node.Kind, raw)
		counts := v.byField != nil && v.byField[node.Field] != nil
		if broken != nil || done && !counts {
			return broken
		}
		checks, value = left, raw
		if node.Kind != record.TypedString {
			value, v.scratch = b.Value(node, v.scratch)
		}
	}
	for _, check := range checks {
		if broken := check(value); broken != nil {
			return broken
		}
	}
	if v.byField != nil {
		v.count(v.byField[node.Field], value, false)
	}
	return nil
}

// Finish answers the rules of the whole drop that are broken. The error, of kind
// Retry, says that keys which were kept on disk could not be read.
func (v *Validator) Finish() ([]Violation, error) {
	var broken []Violation
	for i := range v.c.metrics {
		m := &v.c.metrics[i]
		n := float64(v.counts[i])
		switch {
		case m.key >= 0:
			n = float64(v.doubles[m.key])
		case m.on == nil:
			n = float64(v.rows)
		}
		if m.percent && v.rows > 0 {
			n = 100 * n / float64(v.rows)
		}
		if m.compare(n) {
			continue
		}
		broken = append(broken, Violation{Path: m.path, Rule: m.rule.name, Want: m.rule.want, Do: m.rule.do, Severity: m.rule.severity})
	}
	dangling, err := v.dangling()
	return append(broken, dangling...), err
}

// Rules names the rules that the contract enforces on a field: for people.
func (c *Compiled) Rules(id int) []string {
	f := &c.fields[id]
	var names []string
	if f.required != nil {
		names = append(names, "required")
	}
	p := c.Properties[id]
	if p != nil {
		names = append(names, p.LogicalTypeOptions.present()...)
		if len(p.Enum) > 0 || ours(p.CustomProperties, "enum") >= 0 {
			names = append(names, "enum")
		}
	}
	for _, k := range c.keys {
		if slices.Contains(k.fields, id) {
			names = append(names, k.rule.name)
		}
	}
	return names
}
