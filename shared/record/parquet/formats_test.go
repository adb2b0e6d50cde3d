package parquet

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/shared/record"
)

// TestFormatsPage holds the table of types in docs/formats.md to what is written:
// every row of it, and every logical type.
func TestFormatsPage(t *testing.T) {
	page, err := os.ReadFile("../../../docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]record.Type{"string": record.String, "integer": record.Integer, "number": record.Number, "boolean": record.Boolean,
		"date": record.Date, "timestamp": record.Timestamp, "time": record.Time}
	var seen []string
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, "|")
		if len(cells) != 9 || strings.HasPrefix(cells[1], "---") || strings.Contains(cells[1], "logicalType") {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		written := strings.Split(cells[4], ", ")
		if strings.Contains(cells[4], "(MICROS") || strings.HasPrefix(cells[4], "DECIMAL(p") {
			written = []string{cells[4]}
		}
		option := strings.TrimPrefix(strings.TrimPrefix(cells[2], "format "), "physicalType ")
		formats := strings.Split(option, ", ")
		switch option {
		case "timezone false":
			formats = []string{record.FormatLocal}
		case "of its own":
			formats = []string{record.FormatText}
		case "decimal(p,s)":
			formats, written = []string{"decimal(9,2)", "decimal(30,4)"}, []string{"DECIMAL(9,2)", "DECIMAL(30,4)"}
		}
		for _, name := range strings.Split(cells[1], ", ") {
			seen = append(seen, name)
			typ, ok := types[name]
			if !ok { // objects, arrays and what is written as JSON
				s := fields(t, map[string]string{"with properties": "x:object{y:string}", "with items": "x:array[string]"}[cells[2]])
				if len(s.Fields) == 1 {
					s = fields(t, "x:opaque")
				}
				w, err := NewWriter(new(strings.Builder), s, record.Format{Codec: record.NDJSON})
				if err != nil {
					t.Fatal(err)
				}
				is := map[nodeKind]string{groupNode: "group", listNode: "LIST", leafNode: typeName(&w.columns[0].e)}[w.root.members[0].kind]
				if is != cells[4] {
					t.Errorf("%s %s is written as %s, the page says %s", name, cells[2], is, cells[4])
				}
				continue
			}
			for i, format := range formats {
				c, err := newColumn(&record.Field{Type: typ, Format: format}, 1, 0)
				if err != nil {
					t.Fatal(err)
				}
				is, want := typeName(&c.e), written[min(i, len(written)-1)]
				if is != want {
					t.Errorf("%s %s is written as %s, the page says %s", name, format, is, want)
				}
			}
			text := fmt.Sprint(cells[5])
			for _, e := range []struct {
				name  string
				class class
			}{{"STRING", classString}, {"ENUM", classString}, {"UUID", classUUID}, {"FLOAT16", classFloat}, {"DOUBLE", classFloat}, {"BOOLEAN", classBool}, {"TIMESTAMP", classTimestamp}, {"INT96", classTimestamp}} {
				says := slices.Contains(strings.Split(text, ", "), e.name)
				if takes := slices.Contains(accepted[typ], e.class); says && !takes {
					t.Errorf("%s does not take %s, the page says it does", name, e.name)
				}
			}
		}
	}
	for name := range types {
		if !slices.Contains(seen, name) {
			t.Errorf("the page does not have %s", name)
		}
	}
}
