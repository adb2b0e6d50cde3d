package migration

import (
	"io"
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/shared/record"
)

// TestChain: rows go through two migrations, and long ones may grow in each beyond
// the limit that they are read with.
func TestChain(t *testing.T) {
	first := "name: id, logicalType: integer\nname: text, logicalType: string"
	second := "name: text, logicalType: string\nname: id, logicalType: string\nname: more, logicalType: string, required: true"
	third := "name: key, logicalType: string\nname: text, logicalType: string\nname: more, logicalType: string, required: true\nname: last, logicalType: boolean"
	long := strings.Repeat("y", 400)
	ab, err := compile(t, document("1.0.0", first, ""), document("2.0.0", second, ""), "cast: {field: id, to: string}\ndefault: {field: more, value: "+long+"}")
	if err != nil {
		t.Fatal(err)
	}
	bc, err := compile(t, document("1.0.0", second, ""), document("2.0.0", third, ""), "rename: {from: id, to: key}\ndefault: {field: last, value: true}")
	if err != nil {
		t.Fatal(err)
	}
	bc.old = ab.next // the same version
	chain := Chain{ab.migration, bc.migration}
	limits := record.Limits{Row: 24}
	for _, tt := range []struct {
		format record.Format
		in     string
		want   string
	}{
		{record.Format{Codec: record.CSV, Delimiter: ',', EOL: "\n", Columns: []int{2, 1}}, "x,1\n,2\n", "1 x " + long + " true|2 - " + long + " true|"},
		{record.Format{Codec: record.NDJSON}, `{"id":1,"text":"x"}` + "\n" + `{"id":2}` + "\n", "1 x " + long + " true|2 - " + long + " true|"},
	} {
		in, err := record.NewReader(strings.NewReader(tt.in), tt.format, ab.old.Schema, limits)
		if err != nil {
			t.Fatal(err)
		}
		r, err := chain.Reader(in, tt.format, limits)
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for {
			b, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range b.Rows {
				if row.Bad != "" {
					t.Fatal(row.Bad)
				}
				got.WriteString(columns(b, row, bc.next.Schema))
			}
		}
		if got.String() != tt.want {
			t.Errorf("got\n%s\nwant\n%s", got.String(), tt.want)
		}
		if f := chain.Format(tt.format); f.Columns != nil || f.Codec != tt.format.Codec {
			t.Errorf("the rows are written as %+v", f)
		}
	}
	in := reader(t, ab.old, record.Format{Codec: record.NDJSON}, "")
	if r, err := (Chain)(nil).Reader(in, record.Format{Codec: record.NDJSON}, limits); r != in || err != nil {
		t.Errorf("an empty chain changes the reader: %v", err)
	}
}

// columns are the values of a row in the order of the schema, - where there is none.
func columns(b *record.Batch, row record.Row, s *record.Schema) string {
	at := make(map[uint32]string)
	for i := row.First; i < row.Past; i++ {
		if n := &b.Nodes[i]; !empty(n) && n.Field > 0 {
			value, _ := b.Value(n, nil)
			at[uint32(n.Field)] = string(value)
		}
	}
	text := ""
	for i, id := range s.Columns() {
		if i > 0 {
			text += " "
		}
		if v, ok := at[uint32(id)]; ok {
			text += v
		} else {
			text += "-"
		}
	}
	return text + "|"
}
