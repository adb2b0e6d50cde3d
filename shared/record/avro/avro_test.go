package avro

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

// schemaOf makes a schema of lines "path type [format]", parents before members.
func schemaOf(t testing.TB, lines ...string) *record.Schema {
	t.Helper()
	types := map[string]record.Type{"object": record.Object, "array": record.Array, "opaque": record.Opaque, "string": record.String,
		"integer": record.Integer, "number": record.Number, "boolean": record.Boolean, "date": record.Date, "timestamp": record.Timestamp, "time": record.Time}
	fields := []record.Field{{Parent: -1, Type: record.Object, Items: -1}}
	ids := map[string]int{"": 0}
	for _, line := range lines {
		words := append(strings.Split(line, " "), "")
		path := words[0]
		typ, ok := types[words[1]]
		if !ok {
			t.Fatalf("no type %q", words[1])
		}
		f := record.Field{Path: path, Type: typ, Items: -1, Format: words[2]}
		id := len(fields)
		if parent, ok := strings.CutSuffix(path, "[]"); ok {
			f.Parent = ids[parent]
			fields[f.Parent].Items = id
		} else {
			i := strings.LastIndexByte(path, '.')
			f.Parent, f.Name = ids[path[:max(i, 0)]], path[i+1:]
			fields[f.Parent].Members = append(fields[f.Parent].Members, id)
		}
		fields, ids[path] = append(fields, f), id
	}
	return record.NewSchema("orders", fields)
}

// file makes a container of a schema and blocks, each a number of rows and bytes
// as the codec packed them.
type block struct {
	rows int64
	data string
}

const marker = "0123456789abcdef"

func file(schema, codec string, blocks ...block) []byte {
	out := appendVarint([]byte(Magic), 2)
	for _, text := range []string{"avro.schema", schema, "avro.codec", codec} {
		out = appendBytes(out, []byte(text))
	}
	out = append(append(out, 0), marker...)
	for _, b := range blocks {
		out = append(appendBytes(appendVarint(out, b.rows), []byte(b.data)), marker...)
	}
	return out
}

func recordOf(fields string) string {
	return `{"type":"record","name":"r","fields":[` + fields + `]}`
}

// read renders every row of a file as JSON, or answers the fault.
func read(data []byte, s *record.Schema, lim record.Limits, max record.Expansion) (rows []string, err error) {
	r, err := NewReader(bytes.NewReader(data), record.Expect{Schema: s}, lim, max)
	if err != nil {
		return nil, err
	}
	for {
		b, err := r.Next()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		for i := range b.Rows {
			if bad := b.Rows[i].Bad; bad != "" {
				rows = append(rows, "bad: "+bad)
				continue
			}
			rows = append(rows, string(render(nil, s, b, b.Rows[i].First)))
		}
	}
}

// render appends a node and what is inside it as JSON.
func render(dst []byte, s *record.Schema, b *record.Batch, at uint32) []byte {
	n := &b.Nodes[at]
	f := &s.Fields[n.Field]
	value, _ := b.Value(n, nil)
	switch n.Kind {
	case record.Null, record.Absent:
		return append(dst, "null"...)
	case record.JSONObject, record.JSONArray:
		if n.Start < n.End {
			return append(dst, value...)
		}
		brackets := "{}"
		if n.Kind == record.JSONArray {
			brackets = "[]"
		}
		dst = append(dst, brackets[0])
		for child, first := at+1, true; child < n.Next; child = b.Nodes[child].Next {
			if b.Nodes[child].Kind == record.Absent {
				continue
			}
			if !first {
				dst = append(dst, ',')
			}
			first = false
			if n.Kind == record.JSONObject {
				dst = append(record.AppendJSONString(dst, []byte(s.Fields[b.Nodes[child].Field].Name)), ':')
			}
			dst = render(dst, s, b, child)
		}
		return append(dst, brackets[1])
	case record.TypedInt, record.TypedFloat, record.TypedDecimal, record.TypedBool:
		return append(dst, value...)
	case record.TypedString:
		if f.Type == record.Opaque || f.Type == record.Array {
			return append(dst, value...)
		}
	}
	return record.AppendJSONString(dst, value)
}

// convert writes rows of any format that record reads.
func convert(t testing.TB, s *record.Schema, f record.Format, text string) ([]byte, error) {
	t.Helper()
	r, err := record.NewReader(strings.NewReader(text), f, s, record.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := NewWriter(&out, s)
	if err != nil {
		t.Fatal(err)
	}
	for {
		b, err := r.Next()
		if err == io.EOF {
			err := w.Close()
			return out.Bytes(), err
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range b.Rows {
			if b.Rows[i].Bad != "" {
				t.Fatalf("row %d is bad: %s", b.First+int64(i), b.Rows[i].Bad)
			}
			if err := w.Append(b, i); err != nil {
				return nil, err
			}
		}
	}
}

const every = `
	{"name":"n","type":"null"}, {"name":"b","type":"boolean"}, {"name":"i","type":"int"}, {"name":"l","type":"long"},
	{"name":"f","type":"float"}, {"name":"d","type":"double"}, {"name":"by","type":"bytes"}, {"name":"s","type":"string"},
	{"name":"e","type":{"type":"enum","name":"e","namespace":"a.b","symbols":["X","Y"]}},
	{"name":"fx","type":{"type":"fixed","name":"fx","size":3}},
	{"name":"ar","type":{"type":"array","items":"int"}},
	{"name":"rec","type":{"type":"record","name":"inner","fields":[{"name":"x","type":"string"},{"name":"e2","type":"a.b.e"}]}},
	{"name":"un","type":["null","int","double"]}, {"name":"un2","type":["null","int","double"]}, {"name":"un3","type":["null","int","double"]},
	{"name":"m","type":{"type":"map","values":["null","long",{"type":"array","items":"string"}]}},
	{"name":"dec","type":{"type":"bytes","logicalType":"decimal","precision":20,"scale":2}},
	{"name":"decf","type":{"type":"fixed","name":"df","size":4,"logicalType":"decimal","precision":8,"scale":3}},
	{"name":"u","type":{"type":"string","logicalType":"uuid"}},
	{"name":"day","type":{"type":"int","logicalType":"date"}},
	{"name":"tms","type":{"type":"int","logicalType":"time-millis"}}, {"name":"tus","type":{"type":"long","logicalType":"time-micros"}},
	{"name":"sms","type":{"type":"long","logicalType":"timestamp-millis"}}, {"name":"sus","type":{"type":"long","logicalType":"timestamp-micros"}},
	{"name":"lms","type":{"type":"long","logicalType":"local-timestamp-millis"}}, {"name":"lus","type":{"type":"long","logicalType":"local-timestamp-micros"}}`

var everyFields = []string{"n string", "b boolean", "i integer", "l integer", "f number", "d number", "by string byte", "s string", "e string", "fx string byte",
	"ar array", "ar[] integer", "rec object", "rec.x string", "rec.e2 string", "un number", "un2 number", "un3 number", "m opaque", "dec number", "decf number",
	"u string", "day date", "tms time", "tus time", "sms timestamp", "sus timestamp", "lms timestamp", "lus timestamp", "missing string"}

// everyRow is a row of every type, for hamba/avro; everyJSON is the same as it is read.
func everyRow() map[string]any {
	at := time.Date(2026, 1, 31, 12, 34, 56, 789_000_000, time.UTC)
	return map[string]any{"n": nil, "b": true, "i": -7, "l": int64(-1) << 63, "f": float32(1.5), "d": 0.1, "by": []byte{0, 255}, "s": "a \"b\" ä",
		"e": "Y", "fx": [3]byte{1, 2, 3}, "ar": []int{1, 2, 300}, "rec": map[string]any{"x": "in", "e2": "X"},
		"un": nil, "un2": map[string]any{"int": 5}, "un3": map[string]any{"double": 2.5},
		"m":   map[string]any{"k": map[string]any{"array": []any{"p", "q"}}},
		"dec": big.NewRat(-12345, 100), "decf": big.NewRat(5, 1000), "u": "0f0e0d0c-0b0a-0908-0706-050403020100",
		"day": at, "tms": 3 * time.Millisecond, "tus": 4 * time.Microsecond, "sms": at, "sus": at.Add(time.Microsecond), "lms": at, "lus": at.AddDate(-100, 0, 0)}
}

const everyJSON = `{"n":null,"b":true,"i":-7,"l":-9223372036854775808,"f":1.5,"d":0.1,"by":"AP8=","s":"a \"b\" ä","e":"Y","fx":"AQID",` +
	`"ar":[1,2,300],"rec":{"x":"in","e2":"X"},"un":null,"un2":5,"un3":2.5,"m":{"k":["p","q"]},"dec":-123.45,"decf":0.005,` +
	`"u":"0f0e0d0c-0b0a-0908-0706-050403020100","day":"2026-01-31","tms":"00:00:00.003","tus":"00:00:00.000004",` +
	`"sms":"2026-01-31T12:34:56.789Z","sus":"2026-01-31T12:34:56.789001Z","lms":"2026-01-31T12:34:56.789","lus":"1926-01-31T12:34:56.789"}`

// code is the code of a fault, which must be Invalid; "" if there is none.
func code(t testing.TB, err error) string {
	t.Helper()
	var f *fault.Error
	if err == nil {
		return ""
	}
	if !errors.As(err, &f) {
		return fmt.Sprintf("no fault: %v", err)
	}
	if f.Kind != fault.Invalid || f.Msg == "" || f.Do == "" {
		t.Errorf("not a whole fault of kind Invalid: %v", err)
	}
	return f.Code
}

// pack packs a block as a codec has it, not by the code under test.
func pack(t testing.TB, codec string, data []byte) string {
	t.Helper()
	switch codec {
	case "deflate":
		var out bytes.Buffer
		w, err := flate.NewWriter(&out, 9)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return out.String()
	case "snappy":
		return string(binary.BigEndian.AppendUint32(snappy.Encode(nil, data), crc32.ChecksumIEEE(data)))
	case "zstandard":
		w, err := zstd.NewWriter(nil)
		if err != nil {
			t.Fatal(err)
		}
		return string(w.EncodeAll(data, nil))
	}
	return string(data)
}
