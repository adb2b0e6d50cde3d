package record

import (
	"strings"
	"testing"
)

// Which member is expected next must not show: rows behind one another have the
// nodes that each has alone, whatever the order of their members.
func TestMembersInAnyOrder(t *testing.T) {
	s := NewSchema("rows", []Field{
		{Parent: -1, Type: Object, Members: []int{1, 2, 3, 4}, Items: -1},
		{Name: "a", Path: "a", Type: String, Items: -1},
		{Name: "ab", Path: "ab", Type: String, Items: -1},
		{Name: "o", Path: "o", Type: Object, Members: []int{5, 6}, Items: -1},
		{Name: "é", Path: "é", Type: String, Items: -1},
		{Name: "a", Path: "o.a", Parent: 3, Type: String, Items: -1},
		{Name: "ab", Path: "o.ab", Parent: 3, Type: String, Items: -1},
	})
	rows := []string{
		`{"a":"1","ab":"2","o":{"a":"3","ab":"4"},"é":"5"}`,
		`{"ab":"1","a":"2","o":{"ab":"3","a":"4"}}`,
		`{"a":"1","ab":"2","a":"3"}`,
		`{"o":{"a":"1","a":"2"}}`,
		`{"\u0061":"1","\u00e9":"2","ab":"3"}`,
		`{"\u0061":"1","a":"2"}`,
		`{"a":"1","abc":"2"}`,
		`{"a":"1","a`,
		`{"a":"1","ab`,
		`{"a":"1","ab"`,
		`{"o":{"o":"1"}}`,
		`{"o":{"ab":"1"},"a":"2"}`,
		`{}`,
		`{"é":"1"}`,
	}
	walk := func(text string) (kinds []string) {
		r, err := NewReader(strings.NewReader(text), Format{Codec: NDJSON}, s, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range b.Rows {
			is := row.Bad + ":"
			for i := range b.Nodes[row.First:row.Past] {
				n := &b.Nodes[int(row.First)+i]
				is += " " + s.Fields[n.Field].Path
				if n.Kind == JSONString {
					is += "=" + string(b.Data[n.Start:n.End])
				}
			}
			kinds = append(kinds, is)
		}
		return kinds
	}
	var want []string
	for _, row := range rows {
		want = append(want, walk(row)...)
	}
	for from := range rows {
		got := walk(strings.Join(append(rows[from:len(rows):len(rows)], rows[:from]...), "\n"))
		for i := range got {
			if w := want[(from+i)%len(rows)]; got[i] != w {
				t.Errorf("from row %d, row %d: %s, alone %s", from, i, got[i], w)
			}
		}
		if len(got) != len(rows) {
			t.Errorf("from row %d: %d rows", from, len(got))
		}
	}
}
