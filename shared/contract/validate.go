package contract

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"slices"

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
	UniqueKeys int // keys of all that must be unique; 0: 2,000,000
}

// Validator holds the rows of one drop to a contract. It is for one goroutine.
type Validator struct {
	c       *Compiled
	max     int
	seeds   [2]maphash.Seed
	sets    []keySet // per Compiled.keys
	keys    int
	counts  []int64 // per Compiled.metrics
	doubles []int64 // per Compiled.keys that are counted
	rows    int64
	guesses int
	scratch []byte
	key     []byte
	items   []record.Node
	byField [][]int // metrics by field
	quick   []quick // by field
	suspect []bool  // by row of the batch at hand
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
	q := quick{text: f.typ != record.Object && f.typ != record.Array, null: f.required == nil && f.missing == nil}
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
	if o.UniqueKeys == 0 {
		o.UniqueKeys = 2_000_000
	}
	v := &Validator{c: c, max: o.UniqueKeys, seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		sets: make([]keySet, len(c.keys)), counts: make([]int64, len(c.metrics)), doubles: make([]int64, len(c.keys))}
	for i, m := range c.metrics {
		if m.counts != nil {
			if v.byField == nil {
				v.byField = make([][]int, len(c.fields))
			}
			v.byField[m.id] = append(v.byField[m.id], i)
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
// rule. len(invalid) is len(b.Rows). The error, of kind Invalid, says that the
// drop cannot be checked on.
func (v *Validator) Check(b *record.Batch, invalid []bool, report func(Violation)) error {
	v.suspects(b)
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
	}
	return nil
}

// suspects marks the rows that have to be looked at value by value. In CSV they
// are those of which a column does not pass: each check runs down its column,
// which costs half of what one after the other along each row would.
func (v *Validator) suspects(b *record.Batch) {
	n := len(b.Rows)
	v.suspect = slices.Grow(v.suspect[:0], n)[:n]
	if len(b.Keys) > 0 { // JSON
		for i := range v.suspect {
			v.suspect[i] = true
		}
		return
	}
	clear(v.suspect)
	for _, row := range b.Rows {
		if row.Bad == "" { // all that are well formed have the same columns
			for column := range row.Past - row.First {
				v.column(b, column, &v.quick[b.Nodes[row.First+column].Field])
			}
			return
		}
	}
}

func (v *Validator) column(b *record.Batch, column uint32, q *quick) {
	if q.text && q.null && q.check == nil {
		return
	}
	data, check := b.Data, q.check
	for i := range b.Rows {
		row := &b.Rows[i]
		if row.First == row.Past {
			continue
		}
		n := &b.Nodes[row.First+column]
		switch {
		case n.Kind == record.Null:
			if q.null {
				continue
			}
		case !q.text:
		case check == nil, data[n.Start] != '"' && check(data[n.Start:n.End]) == nil:
			continue
		}
		v.suspect[i] = true
	}
}

// row holds the values of row i to their fields.
func (v *Validator) row(b *record.Batch, i int, invalid []bool, report func(Violation)) {
	row := &b.Rows[i]
	for n := row.First; n < row.Past; n++ {
		node := &b.Nodes[n]
		if broken := v.node(b, n, node); broken != nil {
			if broken.severity == Error {
				invalid[i] = true
			}
			v.report(b, i, v.c.fields[node.Field].path, broken, report)
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
	record.BadMembers:   "no more members in an object than limits.columns",
}

func (v *Validator) report(b *record.Batch, i int, path string, r *rule, report func(Violation)) {
	report(Violation{Row: b.First + int64(i), Line: b.Rows[i].Line, Path: path, Rule: r.name, Want: r.want, Do: r.do, Severity: r.severity})
}

// node holds one value to its field and answers the first rule that it breaks.
func (v *Validator) node(b *record.Batch, n uint32, node *record.Node) *rule {
	f := &v.c.fields[node.Field]
	var value []byte
	switch node.Kind {
	case record.Text:
		if f.typ == record.Object || f.typ == record.Array {
			return f.kind
		}
		value = b.Data[node.Start:node.End]
		if value[0] == '"' {
			value, v.scratch = b.Value(node, v.scratch)
		}
	case record.Absent, record.Null:
		empty := node.Kind == record.Null && node.Start == node.End // in CSV
		if v.byField != nil {
			for _, m := range v.byField[node.Field] {
				if v.c.metrics[m].nulls || empty && v.c.metrics[m].empty {
					v.counts[m]++
				}
			}
		}
		if f.required == nil && empty {
			return f.missing
		}
		return f.required
	case record.JSONString:
		switch f.typ {
		case record.String, record.Date, record.Timestamp, record.Time:
		case record.Opaque:
			return nil
		default:
			return f.kind
		}
		value = b.Data[node.Start+1 : node.End-1]
		if node.Escaped {
			value, v.scratch = b.Value(node, v.scratch)
		}
	case record.JSONNumber:
		switch f.typ {
		case record.Integer, record.Number:
		case record.Opaque:
			return nil
		default:
			return f.kind
		}
		value = b.Data[node.Start:node.End]
	case record.JSONBool:
		switch f.typ {
		case record.Boolean:
		case record.Opaque:
			return nil
		default:
			return f.kind
		}
		value = b.Data[node.Start:node.End]
	case record.JSONObject:
		if f.typ == record.Opaque {
			return nil
		}
		if f.typ != record.Object {
			return f.kind
		}
		return v.members(b, n, node, f)
	case record.JSONArray:
		if f.typ == record.Opaque {
			return nil
		}
		if f.typ != record.Array {
			return f.kind
		}
		return v.members(b, n, node, f)
	}
	for _, check := range f.checks {
		if broken := check(value); broken != nil {
			return broken
		}
	}
	if v.byField != nil {
		for _, m := range v.byField[node.Field] {
			if v.c.metrics[m].counts(value) != nil {
				v.counts[m]++
			}
		}
	}
	return nil
}

// members holds an object or array to how many it may have.
func (v *Validator) members(b *record.Batch, n uint32, node *record.Node, f *field) *rule {
	if f.count == nil && f.uniqueItems == nil {
		return nil
	}
	items := v.items[:0]
	if node.Kind == record.JSONArray && v.c.Schema.Fields[node.Field].Items < 0 {
		items = appendItems(items, b, node) // the contract does not describe them: there are no nodes
	} else {
		for k := n + 1; k < node.Next; k = b.Nodes[k].Next {
			if b.Nodes[k].Kind != record.Absent {
				items = append(items, b.Nodes[k])
			}
		}
	}
	v.items = items
	if f.count != nil && (len(items) < f.minCount || len(items) > f.maxCount) {
		return f.count
	}
	if f.uniqueItems != nil && v.itemTwice(b, items) {
		return f.uniqueItems
	}
	return nil
}

// appendItems appends a node for each item of an array, which is valid JSON.
func appendItems(items []record.Node, b *record.Batch, array *record.Node) []record.Node {
	depth, start := 0, -1
	for i := array.Start + 1; i < array.End; i++ {
		c := b.Data[i]
		switch {
		case depth == 0 && (c == ',' || c == ']'):
			if start >= 0 {
				items = append(items, makeItem(b, uint32(start), i))
			}
			start = -1
			continue
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			continue
		}
		if start < 0 {
			start = int(i)
		}
		switch c {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		case '"':
			for i++; b.Data[i] != '"'; i++ {
				if b.Data[i] == '\\' {
					i++
				}
			}
		}
	}
	return items
}

// makeItem is the node of the item at data[start:end], white space behind it
// included.
func makeItem(b *record.Batch, start, end uint32) record.Node {
	text := bytes.TrimRight(b.Data[start:end], " \t\r\n")
	item := record.Node{Start: start, End: start + uint32(len(text)), Kind: record.JSONNumber}
	switch text[0] {
	case '"':
		item.Kind, item.Escaped = record.JSONString, bytes.IndexByte(text, '\\') >= 0
	case '{':
		item.Kind = record.JSONObject
	case '[':
		item.Kind = record.JSONArray
	case 't', 'f':
		item.Kind = record.JSONBool
	case 'n':
		item.Kind = record.Null
	}
	return item
}

// itemTwice compares items as they are written, strings without their escapes
// and the others without white space.
func (v *Validator) itemTwice(b *record.Batch, items []record.Node) bool {
	seen := make(map[[2]uint64]struct{}, len(items))
	for i := range items {
		item := &items[i]
		value := b.Raw(item)
		if item.Kind == record.JSONString {
			value, v.scratch = b.Value(item, v.scratch)
		} else if item.Kind == record.JSONObject || item.Kind == record.JSONArray {
			value = withoutSpace(value)
		}
		v.key = append(append(v.key[:0], byte(item.Kind)), value...)
		h := v.hash(v.key)
		if _, twice := seen[h]; twice {
			return true
		}
		seen[h] = struct{}{}
	}
	return false
}

// withoutSpace leaves out white space between JSON tokens.
func withoutSpace(v []byte) []byte {
	out := make([]byte, 0, len(v))
	quoted := false
	for i := 0; i < len(v); i++ {
		c := v[i]
		switch {
		case quoted && c == '\\' && i+1 < len(v):
			out = append(out, c)
			i++
			c = v[i]
		case c == '"':
			quoted = !quoted
		case !quoted && bytes.IndexByte([]byte(" \t\r\n"), c) >= 0:
			continue
		}
		out = append(out, c)
	}
	return out
}

// Finish answers the rules of the whole drop that are broken.
func (v *Validator) Finish() []Violation {
	var broken []Violation
	for i := range v.c.metrics {
		m := &v.c.metrics[i]
		n := float64(v.counts[i])
		switch {
		case m.key >= 0:
			n = float64(v.doubles[m.key])
		case m.rule.name == "rowCount":
			n = float64(v.rows)
		}
		if m.percent && v.rows > 0 {
			n = 100 * n / float64(v.rows)
		}
		if m.compare(n) {
			continue
		}
		path := v.c.fields[m.id].path
		if m.key >= 0 {
			path = v.c.keys[m.key].path
		}
		broken = append(broken, Violation{Path: path, Rule: m.rule.name, Want: m.rule.want, Do: m.rule.do, Severity: m.rule.severity})
	}
	return broken
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
