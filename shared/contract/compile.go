package contract

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// Bounds of what is compiled.
const (
	maxFields = math.MaxUint16
	maxDepth  = 64
)

// Compiled is a schema object of a contract, ready to hold rows to. It does not
// change; any number of goroutines may use it.
type Compiled struct {
	ContractID string
	Object     string
	Schema     *record.Schema
	// Properties are the contract's, by record field id; that of the row is nil.
	Properties []*Property
	// Paths say where each stands in the document, by record field id.
	Paths       []string
	Format      FormatHint
	InvalidRows InvalidRows
	// Unenforced names every rule of the contract that is not checked, and why.
	Unenforced []yamldoc.Problem

	fields  []field
	keys    []uniqueKey // what must be unique
	metrics []metric    // what is counted over the whole drop
	refs    []reference // foreign keys
	columns map[string]int
	names   []string // of all fields, to guess what a misspelt one means
}

// FormatHint is what the contract says of how drops are written; what it does
// not say is zero.
type FormatHint struct {
	Codec       record.Codec
	Delimiter   byte
	Header      record.Header
	Compression record.Compression
}

// InvalidRows says how many invalid rows a drop may have.
type InvalidRows struct {
	Limited bool    // false: any number
	Max     int64   // rows, where Percent is 0
	Percent float64 // of the rows of the drop
}

// Exceeded reports whether invalid of all rows are more than is tolerated.
func (l InvalidRows) Exceeded(invalid, all int64) bool {
	switch {
	case !l.Limited:
		return false
	case l.Percent > 0:
		return float64(invalid)*100 > l.Percent*float64(all)
	}
	return invalid > l.Max
}

func (l InvalidRows) String() string {
	switch {
	case !l.Limited:
		return "any number"
	case l.Percent > 0:
		return strconv.FormatFloat(l.Percent, 'f', -1, 64) + "%"
	}
	return strconv.FormatInt(l.Max, 10)
}

// Column finds the field that a CSV column's name means: by physicalName or
// name, as written or in another case; -1 if there is none.
func (c *Compiled) Column(name []byte) int {
	if id, ok := c.columns[string(name)]; ok {
		return id
	}
	if id, ok := c.columns[strings.ToLower(string(name))]; ok {
		return id
	}
	return -1
}

// Fits reports whether a value may stand in a field.
func (c *Compiled) Fits(id int, value []byte) bool {
	f := &c.fields[id]
	for _, check := range f.checks {
		if rule := check(value); rule != nil && rule.severity == Error {
			return false
		}
	}
	return true
}

// Expect is what record.Sniff wants to know.
func (c *Compiled) Expect() record.Expect {
	return record.Expect{Schema: c.Schema, Codec: c.Format.Codec, Delimiter: c.Format.Delimiter, Header: c.Format.Header,
		Column: c.Column, Near: yamldoc.Nearest, Fits: c.Fits}
}

// rule is one thing that a value may break.
type rule struct {
	name, want, do string
	severity       Severity
}

// check answers the rule that a value breaks, nil if none. The value is without
// quotes and escapes.
type check func(value []byte) *rule

// field is how the values of one record field are held to the contract.
type field struct {
	id       int
	path     string
	typ      record.Type
	required *rule // nil: may be null
	kind     *rule // what a value of another type breaks
	checks   []check
	trail    []uint16 // of a field of a key: those on the way to it, from the top
	// missing is what an empty CSV field breaks that may be null.
	missing *rule

	// Of arrays and objects: how many members they may have.
	minCount, maxCount int
	few, many          *rule // nil: no bound
	uniqueItems        *rule
	normalized         *rule   // of a vector
	inside             *inside // of what no record field describes: maps, objects without properties

	// Of typed values. own is how many of checks are the logical type's own: a
	// value that passes them in binary need only be held to the others as text.
	own    int
	bytes  bool // a string may be bytes
	uuid   bool // a string's only check is that it is a UUID
	within *within
	finite *rule
	moment func(t instant, zoned bool) *rule
	zone   zones
}

// Compile compiles a schema object ("" where the contract has just one). The
// error is yamldoc.Problems.
func Compile(c *Contract, object string) (*Compiled, error) {
	o := c.Object(object)
	if o == nil {
		names := make([]string, len(c.Schema))
		for i, s := range c.Schema {
			names[i] = s.Name
		}
		hint := fmt.Sprintf("it has %s", strings.Join(names, ", "))
		if near := yamldoc.Nearest(object, names); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		return nil, yamldoc.Problems{c.Problem("schema", fmt.Sprintf("the contract has no schema object %q", object), hint)}
	}
	b := compiler{
		contract: c,
		out:      &Compiled{ContractID: c.ID, Object: o.Name, columns: map[string]int{}},
		records:  []record.Field{{Parent: -1, Type: record.Object, Items: -1}},
	}
	b.root = fmt.Sprintf("schema[%d]", slices.IndexFunc(c.Schema, func(s Object) bool { return s.Name == o.Name }))
	b.out.Properties = []*Property{nil}
	b.out.Paths = []string{b.root}
	b.out.fields = []field{{typ: record.Object}}
	b.additions(c.CustomProperties, "customProperties", "deprecation")
	_, ends := c.Deprecation()
	b.problems = append(b.problems, ends...)
	b.additions(o.CustomProperties, b.root+".customProperties", "format", "invalidRows")
	b.members(o.Properties, 0, "", b.root+".properties", 1)
	if len(o.Properties) == 0 {
		b.problem(b.root, "a schema object without properties lets nothing in", "describe its columns under properties")
	}
	b.out.Schema = record.NewSchema(o.Name, b.records)
	for _, f := range b.records {
		if f.Name != "" {
			b.out.names = append(b.out.names, f.Name)
		}
	}
	b.columns()
	b.primaryKey()
	for i := range o.Quality {
		b.quality(&o.Quality[i], 0, fmt.Sprintf("%s.quality[%d]", b.root, i))
	}
	b.formatHint(o)
	b.invalidRows(o)
	b.relationships(o)
	if b.texts > 0 {
		b.unenforced(b.textAt, quantity(b.texts, "rule of type text is", "rules of type text are")+" words for people, and not run", "use a library metric or logicalTypeOptions")
	}
	if len(b.problems) == 0 {
		b.examples()
	}
	if len(b.problems) > 0 {
		return nil, b.problems
	}
	return b.out, nil
}

type compiler struct {
	contract *Contract
	out      *Compiled
	root     string
	records  []record.Field
	problems yamldoc.Problems
	alone    *Validator // for examples
	texts    int        // rules of type text
	textAt   string
}

func (b *compiler) problem(path, message, hint string) {
	b.problems = append(b.problems, b.contract.Problem(path, message, hint))
}

func (b *compiler) unenforced(path, message, hint string) {
	b.out.Unenforced = append(b.out.Unenforced, b.contract.Problem(path, message, hint))
}

// additions refuses custom properties of ours that are not known where they
// stand: a misspelt rule would hold nobody to anything.
func (b *compiler) additions(props []CustomProperty, at string, known ...string) {
	for i, p := range props {
		if !p.Ours() || slices.Contains(known, p.Property) {
			continue
		}
		hint := "there are none here"
		if len(known) > 0 {
			hint = "known here: " + strings.Join(known, ", ")
		}
		if near := yamldoc.Nearest(p.Property, known); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		b.problem(fmt.Sprintf("%s[%d]", at, i), fmt.Sprintf("%s has no custom property %q here", vendor, p.Property), hint)
	}
}

// members compiles the properties of a field.
func (b *compiler) members(props []Property, parent int, prefix, at string, depth int) {
	names := map[string]bool{}
	for i := range props {
		p := &props[i]
		here := fmt.Sprintf("%s[%d]", at, i)
		switch {
		case p.Name == "":
			b.problem(here, "a property needs a name", "")
			continue
		case names[p.Name]:
			b.problem(here+".name", fmt.Sprintf("there are two properties %q", p.Name), "")
			continue
		}
		names[p.Name] = true
		path := p.Name
		if prefix != "" {
			path = prefix + "." + p.Name
		}
		if id := b.property(p, parent, p.Name, path, here, depth); id >= 0 {
			b.records[parent].Members = append(b.records[parent].Members, id)
		}
	}
}

var types = map[string]record.Type{
	"string": record.String, "date": record.Date, "timestamp": record.Timestamp, "time": record.Time, "number": record.Number,
	"integer": record.Integer, "object": record.Object, "array": record.Array, "boolean": record.Boolean,
	"map": record.Opaque, "vector": record.Array,
}

// property compiles one property and what is inside it, and answers its field.
func (b *compiler) property(p *Property, parent int, name, path, at string, depth int) int {
	id := len(b.records)
	if id > maxFields || depth > maxDepth {
		if id == maxFields+1 || depth > maxDepth {
			b.problem(at, fmt.Sprintf("more than %d fields, or nested deeper than %d", maxFields, maxDepth), "")
		}
		return -1
	}
	logical := p.MeantType()
	if p.LogicalType == "" && logical == "string" {
		b.unenforced(at, fmt.Sprintf("%s has no logicalType: any text passes", path), "say its logicalType")
	}
	typ, known := types[logical]
	if !known {
		near := yamldoc.Nearest(logical, slices.Sorted(maps.Keys(types)))
		hint := ""
		if near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		b.problem(at+".logicalType", fmt.Sprintf("there is no logicalType %q", logical), hint)
		return -1
	}
	if typ == record.Object && len(p.Properties) == 0 {
		typ = record.Opaque // described as an object of whatever
	}
	b.records = append(b.records, record.Field{Name: name, Path: path, Parent: parent, Type: typ, Items: -1, Format: fieldFormat(p, typ)})
	b.out.Properties = append(b.out.Properties, p)
	b.out.Paths = append(b.out.Paths, at)
	b.out.fields = append(b.out.fields, field{id: id, path: path, typ: typ,
		kind: &rule{name: "type", want: article(logical), do: "write it as the contract says"}})
	f := &b.out.fields[id]
	if p.Required || p.PrimaryKey {
		f.required = &rule{name: "required", want: "a value", do: "fill it in"}
	}
	if p.Unique && !p.PrimaryKey {
		b.unique([]int{id}, "unique", at+".unique", 0)
	}
	b.additions(p.CustomProperties, at+".customProperties", "enum")
	b.options(f, p, logical, at)
	b.enum(f, p, at)
	for i := range p.Quality {
		b.quality(&p.Quality[i], id, fmt.Sprintf("%s.quality[%d]", at, i))
	}
	switch typ {
	case record.Object:
		b.members(p.Properties, id, path, at+".properties", depth+1)
		b.requiredMembers(p, id, at)
	case record.Array:
		items, itemsAt := p.Items, at+".items"
		if logical == "vector" {
			items, itemsAt = b.elements(p.LogicalTypeOptions, at), at
		}
		if items != nil {
			b.records[id].Items = b.property(items, id, "", path+"[]", itemsAt, depth+1)
		}
	case record.Opaque:
		b.out.fields[id].inside = b.insides(p, path, at, depth)
	}
	return id
}

func article(logical string) string {
	switch logical[0] {
	case 'a', 'i', 'o':
		return "an " + logical
	}
	return "a " + logical
}

// decimalType is a physicalType that says how exact a number is.
var decimalType = regexp.MustCompile(`(?i)^\s*(?:decimal|numeric)\s*\(\s*(\d{1,3})\s*(?:,\s*(\d{1,3})\s*)?\)`)

// fieldFormat is what a property says of its values for formats with more types:
// see record.Field.
func fieldFormat(p *Property, typ record.Type) string {
	o := &p.LogicalTypeOptions
	switch typ {
	case record.Integer, record.Number:
		if o.Format != "" {
			return o.Format
		}
		if m := decimalType.FindStringSubmatch(p.PhysicalType); m != nil {
			return fmt.Sprintf("decimal(%s,%s)", m[1], cmp.Or(m[2], "0"))
		}
	case record.String:
		if o.Format == "byte" || o.Format == "binary" {
			return o.Format
		}
	case record.Date, record.Time, record.Timestamp:
		switch {
		case o.Format != "":
			return record.FormatText
		case typ == record.Timestamp && o.Timezone != nil && !*o.Timezone:
			return record.FormatLocal
		}
	}
	return ""
}

// requiredMembers applies logicalTypeOptions.required of an object.
func (b *compiler) requiredMembers(p *Property, id int, at string) {
	for _, name := range p.LogicalTypeOptions.Required {
		found := false
		for _, m := range b.records[id].Members {
			if b.records[m].Name == name {
				b.out.fields[m].required = &rule{name: "required", want: "a value", do: "fill it in"}
				found = true
			}
		}
		if !found {
			b.problem(at+".logicalTypeOptions.required", fmt.Sprintf("there is no property %q", name), "")
		}
	}
}

// columns indexes the names that a CSV header may use.
func (b *compiler) columns() {
	add := func(name string, id int) {
		if _, taken := b.out.columns[name]; !taken && name != "" {
			b.out.columns[name] = id
		}
	}
	top := b.records[0].Members
	for _, id := range top {
		add(b.out.Properties[id].Name, id)
	}
	for _, id := range top {
		add(b.out.Properties[id].PhysicalName, id)
	}
	for _, id := range top {
		add(strings.ToLower(b.out.Properties[id].Name), id)
		add(strings.ToLower(b.out.Properties[id].PhysicalName), id)
	}
}

// primaryKey gathers the properties of the key, by primaryKeyPosition.
func (b *compiler) primaryKey() {
	var ids []int
	for id, p := range b.out.Properties {
		if p != nil && p.PrimaryKey {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return
	}
	slices.SortStableFunc(ids, func(x, y int) int {
		return cmp.Compare(b.out.Properties[x].PrimaryKeyPosition, b.out.Properties[y].PrimaryKeyPosition)
	})
	b.unique(ids, "primaryKey", b.out.Paths[ids[0]], 0)
}

// unique adds a key that may stand once in a drop.
func (b *compiler) unique(ids []int, name, at string, severity Severity) {
	var paths []string
	for _, id := range ids {
		f := b.records[id]
		if !single(f.Type) {
			b.unenforced(at, fmt.Sprintf("%s: %s is checked on single values only", f.Path, name), "")
			return
		}
		if b.trail(id) == nil {
			b.unenforced(at, fmt.Sprintf("%s: %s is not checked inside arrays", f.Path, name), "uniqueItems tells that no item of an array is there twice")
			return
		}
		paths = append(paths, f.Path)
	}
	b.out.keys = append(b.out.keys, uniqueKey{fields: ids, path: strings.Join(paths, ", "),
		rule: &rule{name: name, want: "no other row with the same", do: "send each once", severity: severity}})
}

// trail is the way from a top-level field to one inside objects, nil if there is
// an array on it: then a row may have many such values.
func (b *compiler) trail(id int) []uint16 {
	trail := []uint16{uint16(id)}
	for at := b.records[id].Parent; at > 0; at = b.records[at].Parent {
		if b.records[at].Type != record.Object {
			return nil
		}
		trail = append(trail, uint16(at))
	}
	slices.Reverse(trail)
	b.out.fields[id].trail = trail
	return trail
}

// formatHint reads how drops are written: our format property, or what the
// servers agree on.
func (b *compiler) formatHint(o *Object) {
	h := &b.out.Format
	if i := ours(o.CustomProperties, "format"); i >= 0 {
		at := fmt.Sprintf("%s.customProperties[%d].value", b.root, i)
		m, ok := o.CustomProperties[i].Value.(map[string]any)
		if !ok {
			b.problem(at, "format must be a mapping of codec, delimiter, header, compression", "")
			return
		}
		for _, key := range slices.Sorted(maps.Keys(m)) {
			ok := false
			text, _ := m[key].(string)
			switch key {
			case "codec":
				h.Codec = record.Codec(text)
				ok = slices.Contains([]record.Codec{record.CSV, record.NDJSON, record.JSON, record.Parquet, record.Avro}, h.Codec)
			case "delimiter":
				if ok = len(text) == 1 && strings.Contains(",;\t|", text); ok {
					h.Delimiter = text[0]
				}
			case "header":
				var header bool
				if header, ok = m[key].(bool); ok {
					h.Header = record.HeaderAbsent
					if header {
						h.Header = record.HeaderPresent
					}
				}
			case "compression":
				h.Compression = record.Compression(text)
				ok = slices.Contains([]record.Compression{record.Plain, record.Gzip, record.Zstd}, h.Compression)
			}
			if !ok {
				b.problem(at+"."+key, fmt.Sprintf("format.%s is not understood", key),
					`codec: csv, ndjson, json, parquet or avro; delimiter: "," ";" "\t" or "|"; header: true or false; compression: none, gzip or zstd`)
			}
		}
		return
	}
	agreed := ""
	delimiter := ""
	for i, s := range b.contract.Servers {
		format := strings.ToLower(s.Format)
		if format == "" {
			continue
		}
		if agreed != "" && agreed != format {
			return // they disagree: it is found out from the drop
		}
		agreed = format
		if s.Delimiter != "" {
			delimiter = s.Delimiter
		}
		if !slices.Contains([]string{"csv", "json", "ndjson", "jsonl"}, format) {
			b.unenforced(fmt.Sprintf("servers[%d].format", i), fmt.Sprintf("the server's format %q is not one that is read", format), "csv, json, ndjson")
		}
	}
	switch agreed {
	case "csv":
		h.Codec = record.CSV
		if len(delimiter) == 1 && strings.Contains(",;\t|", delimiter) {
			h.Delimiter = delimiter[0]
		}
	case "ndjson", "jsonl":
		h.Codec = record.NDJSON
	} // "json" may be either: ODCS's own s3 examples say json with delimiter new_line
}

// invalidRows reads how many invalid rows are tolerated.
func (b *compiler) invalidRows(o *Object) {
	i := ours(o.CustomProperties, "invalidRows")
	if i < 0 {
		return
	}
	m, ok := o.CustomProperties[i].Value.(map[string]any)
	l := &b.out.InvalidRows
	if m["action"] == "reject-drop" && m["max"] != nil {
		ok = false // which of the two?
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		switch value := m[key].(type) {
		case string:
			switch {
			case key == "action" && value == "reject-drop":
				l.Limited = true
			case key == "action" && value == "quarantine":
			case key == "max" && strings.HasSuffix(value, "%"):
				percent, err := strconv.ParseFloat(strings.TrimSuffix(value, "%"), 64)
				ok = ok && err == nil && percent > 0 && percent <= 100
				l.Limited, l.Percent = true, percent
			default:
				ok = false
			}
		case int:
			ok = ok && key == "max" && value >= 0
			l.Limited, l.Max = true, int64(value)
		default:
			ok = false
		}
	}
	if !ok {
		b.problem(fmt.Sprintf("%s.customProperties[%d]", b.root, i), "invalidRows is not understood",
			`action: quarantine, with or without max: a number of rows or "5%"; or action: reject-drop, without max`)
	}
}
