// Package record reads and writes rows in bulk: a batch is one buffer of bytes
// plus the spans of its values, so that no value is copied, boxed or allocated
// on its way through the chain.
//
// A Reader cuts an object (csv, ndjson, json) into batches. A Schema says which
// fields there are; it is compiled from a contract. A Projection renders rows
// for a view, and copies every byte that no rule touches as it stood.
//
// Nothing in this package knows contracts, partners or policy.
package record

// Type is the logical type of a field, in the words of ODCS.
type Type uint8

const (
	Opaque Type = iota // an object or value whose inside the contract does not describe
	String
	Integer
	Number
	Boolean
	Date
	Timestamp
	Time
	Object
	Array
)

var typeNames = [...]string{"opaque", "string", "integer", "number", "boolean", "date", "timestamp", "time", "object", "array"}

func (t Type) String() string { return typeNames[t] }

// Field is one node of a schema. Fields refer to each other by index in
// Schema.Fields, which is also the field's id in every Node.
type Field struct {
	Name   string // "" for the items of an array
	Path   string // from the row: "name[].family"
	Parent int    // field that holds this one; -1 for the row itself
	Type   Type
	// Members are an object's fields, in the contract's order.
	Members []int
	// Items is the field of an array's items, or -1.
	Items int
	// Format is what else the contract says of the values, for formats that have
	// more types than this package: of integers and numbers "i8" to "u128", "f32",
	// "f64" or "decimal(p,s)"; of strings "byte" and "binary" (base64); of
	// timestamps FormatLocal; of dates, times and timestamps FormatText. "" where
	// it says nothing.
	Format string
}

// Values of Field.Format that are not words of ODCS.
const (
	FormatLocal = "local" // a timestamp that has no zone
	FormatText  = "text"  // a date or time that is written in a format of its own
)

// Schema describes the rows of one schema object of a contract. Fields[0] is
// the row itself, an Object. It does not change once made; any number of
// goroutines may use it.
type Schema struct {
	Name   string
	Fields []Field

	byName []map[string]int // members by name, per field
	byPath map[string]int
}

// NewSchema indexes fields. Fields[0] must be the row.
func NewSchema(name string, fields []Field) *Schema {
	s := &Schema{Name: name, Fields: fields, byName: make([]map[string]int, len(fields)), byPath: make(map[string]int, len(fields))}
	for id, f := range fields {
		if _, taken := s.byPath[f.Path]; !taken {
			s.byPath[f.Path] = id
		}
		if len(f.Members) > 0 {
			m := make(map[string]int, len(f.Members))
			for _, c := range f.Members {
				m[fields[c].Name] = c
			}
			s.byName[id] = m
		}
	}
	return s
}

// Columns are the ids of the row's own members, in the contract's order.
func (s *Schema) Columns() []int { return s.Fields[0].Members }

// Member finds a member of an object field by name; -1 if there is none.
func (s *Schema) Member(field int, name []byte) int {
	if id, ok := s.byName[field][string(name)]; ok {
		return id
	}
	return -1
}

// Lookup finds a field by path ("name[].family"); -1 if there is none.
func (s *Schema) Lookup(path string) int {
	if id, ok := s.byPath[path]; ok {
		return id
	}
	return -1
}

// Kind says how a value is written.
type Kind uint8

const (
	// Absent: a member that the row does not have. Start == End.
	Absent Kind = iota
	// Null: JSON null, or an empty unquoted CSV field.
	Null
	// Text: a CSV field: its type is the schema's to say.
	Text
	// The JSON kinds. JSONString spans include their quotes.
	JSONString
	JSONNumber
	JSONBool
	JSONObject
	JSONArray
	// The typed kinds, of Parquet and Avro: the span holds the value itself, as
	// the Append functions of this package write it. Objects and arrays of those
	// formats are JSONObject and JSONArray nodes with an empty span.
	TypedString    // text in UTF-8, without quotes or escapes
	TypedBytes     // bytes that are no text
	TypedInt       // AppendInt
	TypedFloat     // AppendFloat
	TypedBool      // AppendBool
	TypedDecimal   // AppendDecimal
	TypedDate      // AppendInt: days since 1970-01-01
	TypedTime      // AppendInt: nanoseconds since midnight
	TypedTimestamp // AppendTimestamp: a moment
	TypedLocal     // AppendTimestamp: date and time of day without a zone
	TypedUUID      // 16 bytes
)

// Typed tells whether values of a kind are not text.
func (k Kind) Typed() bool { return k >= TypedString }

// Node is one value of a row: a span of Batch.Data. 16 bytes.
type Node struct {
	Start, End uint32 // quotes included
	Next       uint32 // index of the node after this one and all inside it
	Field      uint16
	Kind       Kind
	// Escaped: the bytes between the quotes are not the value itself ("" in
	// CSV, \ in JSON). Batch.Value resolves it.
	Escaped bool
}

// Row is one row of a batch.
type Row struct {
	Start, End  uint32 // in Batch.Data, its terminator included
	First, Past uint32 // its nodes: Batch.Nodes[First:Past]
	Line        int64  // line on which it starts, from 1
	// Bad names the rule of form that the row breaks ("columns", "utf8",
	// "json-syntax", ...), "" if it is well formed. A bad row has no nodes, but
	// one of Parquet or Avro, which could not be shown otherwise.
	Bad string
	// Name is, where Bad is BadMember, where that member's name stands in
	// Batch.Data, without its quotes.
	Name [2]uint32
}

// Batch is a run of rows of one object. It is valid until the Reader that made
// it is asked for the next one. Readers of it may run side by side.
//
// The nodes of a CSV row are its fields, one per column, in the order of the
// data; the nodes of a JSON row are its values in the order of the text, each
// object and array followed by what is inside it, the row's own object first.
// A member that the schema has and an object lacks is an Absent node, after the
// object's others.
type Batch struct {
	Data  []byte
	Rows  []Row
	Nodes []Node
	// Keys holds, for JSON, where each node's member starts (its key's quote);
	// for an item of an array where the item starts. Empty for CSV.
	Keys []uint32
	// First is the number of the first row in the object, from 1.
	First int64
}

// Raw is the node's bytes as they stand, quotes included.
func (b *Batch) Raw(n *Node) []byte { return b.Data[n.Start:n.End] }

// Value is the node's value: without quotes, escapes resolved, typed values as
// AppendTyped writes them. It is a span of the batch, or of scratch grown as needed; the second result is the scratch to
// pass next time.
func (b *Batch) Value(n *Node, scratch []byte) (value, next []byte) {
	raw := b.Data[n.Start:n.End]
	switch n.Kind {
	case Text:
		if len(raw) >= 2 && raw[0] == '"' {
			raw = raw[1 : len(raw)-1]
			if n.Escaped {
				scratch = unescapeCSV(scratch[:0], raw)
				return scratch, scratch
			}
		}
	case JSONString:
		raw = raw[1 : len(raw)-1]
		if n.Escaped {
			scratch = unescapeJSON(scratch[:0], raw)
			return scratch, scratch
		}
	case Null, Absent:
		return nil, scratch
	default:
		if n.Kind > TypedString {
			scratch = AppendTyped(scratch[:0], n.Kind, raw)
			return scratch, scratch
		}
	}
	return raw, scratch
}

// Top is the node of a top-level field of row i, nil if the row has none.
func (b *Batch) Top(i, field int) *Node {
	row := &b.Rows[i]
	at, past := row.First, row.Past
	if at < past && b.Nodes[at].Field == 0 { // JSON: inside the row's own object
		at++
	}
	for ; at < past; at = b.Nodes[at].Next {
		if int(b.Nodes[at].Field) == field {
			return &b.Nodes[at]
		}
	}
	return nil
}

// Limits bound what a reader takes. A zero field means the default.
type Limits struct {
	Row     int // bytes of one row, 4 MiB
	Columns int // of a CSV record or members of a JSON object, 4096
	Nesting int // of JSON, 64
}

// WithDefaults fills the zero fields.
func (l Limits) WithDefaults() Limits {
	or := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	or(&l.Row, 4<<20)
	or(&l.Columns, 4096)
	or(&l.Nesting, 64)
	return l
}

// Codec names a way of writing rows.
type Codec string

const (
	CSV    Codec = "csv"    // RFC 4180 and its dialects
	NDJSON Codec = "ndjson" // one JSON object per line
	JSON   Codec = "json"   // one array of JSON objects
	// Formats of typed values, which packages of their own read and write.
	Parquet Codec = "parquet"
	Avro    Codec = "avro" // an object container file
)

// Format says how rows are written.
type Format struct {
	Codec     Codec
	Delimiter byte   // CSV: ',' ';' '\t' or '|'
	Header    bool   // CSV: the first record names the columns
	EOL       string // "\n", "\r\n" or "\r": what ends a CSV record
	// Columns are, for CSV, the field ids of the data's columns, in the order
	// of the data. nil: the schema's own order.
	Columns []int
}

// Reader yields the batches of one object. Next answers io.EOF after the last.
// A *fault.Error of kind Invalid means that the object cannot be read on: its
// code says why. Not safe for concurrent use.
type Reader interface {
	Next() (*Batch, error)
}
