package record

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
)

// typed is a flat schema with a column of each kind that matters, and a nested
// one.
func typed() *Schema {
	return NewSchema("typed", []Field{
		{Parent: -1, Type: Object, Items: -1, Members: []int{1, 2, 3, 4, 5}},
		{Name: "s", Path: "s", Type: String, Items: -1},
		{Name: "n", Path: "n", Type: Number, Items: -1},
		{Name: "b", Path: "b", Type: Boolean, Items: -1},
		{Name: `odd "name",`, Path: "odd", Type: Date, Items: -1},
		{Name: "o", Path: "o", Type: Opaque, Items: -1},
	})
}

func convert(t testing.TB, s *Schema, in, out Format, text string) string {
	t.Helper()
	r, err := NewReader(strings.NewReader(text), in, s, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	c := NewConverter(s, in, out)
	dst := AppendHead(nil, s, c.Format())
	first := true
	for {
		b, err := r.Next()
		if err == io.EOF {
			return string(AppendTail(dst, c.Format()))
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, row := range b.Rows {
			if row.Bad != "" {
				t.Fatalf("row %d of the input is bad: %s", i, row.Bad)
			}
			dst = AppendBefore(dst, c.Format(), first)
			dst = c.AppendRow(dst, b, i)
			first = false
		}
	}
}

func TestConvert(t *testing.T) {
	comma := Format{Codec: CSV, Delimiter: ',', Header: true, EOL: "\n"}
	semi := Format{Codec: CSV, Delimiter: ';', EOL: "\r\n", Columns: []int{3, 1}}
	nd, js := Format{Codec: NDJSON}, Format{Codec: JSON}
	for _, test := range []struct {
		name     string
		in, out  Format
		src, dst string
	}{
		{"numbers and booleans are what their type says, if they are that in JSON", comma, nd,
			"h,h,h,h,h\nx,1.50,true,2026-01-02,\n1,007,TRUE,,\"\"\n\"a \"\"q\"\",\n\\\",-1e3,false,1,{}\n",
			`{"s":"x","n":1.50,"b":true,"odd \"name\",":"2026-01-02","o":null}` + "\n" +
				`{"s":"1","n":"007","b":"TRUE","odd \"name\",":null,"o":""}` + "\n" +
				`{"s":"a \"q\",\n\\","n":-1e3,"b":false,"odd \"name\",":"1","o":"{}"}` + "\n"},
		{"columns that the data has, in its order", semi, nd, "true;x\r\n", `{"b":true,"s":"x"}` + "\n"},
		{"to an array", semi, js, "true;x\r\nfalse;y\r\n", "[\n" + `{"b":true,"s":"x"},` + "\n" + `{"b":false,"s":"y"}` + "\n]\n"},
		{"no rows", semi, js, "", "[\n]\n"},
		{"a dialect", semi, Format{Codec: CSV, Delimiter: ',', Header: true, EOL: "\n"}, "true;\"x,y\"\r\n;\"\"\r\n", "b,s\ntrue,\"x,y\"\n,\"\"\n"},
		{"nested values are compact JSON in one field", nd, comma,
			`{"s":"a\u00e9\n\"","n":1e2,"b":null,"o":{ "k" : [ 1, " , \" " ] }}` + "\n" + `{"o":"text"}` + "\n" + `{"s":"=1+1","o":[]}` + "\n",
			"s,n,b,\"odd \"\"name\"\",\",o\n" + "\"aé\n\"\"\",1e2,,,\"{\"\"k\"\":[1,\"\" , \\\"\" \"\"]}\"\n,,,,text\n=1+1,,,,[]\n"},
		{"one column keeps its nulls as rows", nd, Format{Codec: CSV, Delimiter: ',', EOL: "\n", Columns: []int{1}},
			`{"s":null}` + "\n" + `{}` + "\n" + `{"s":"x"}` + "\n", "\"\"\n\"\"\nx\n"},
		{"an array to lines", js, nd, "[ {\n \"s\" : \"a\\n\" ,\r\n \"o\":[1,\n2] } , {}\n]", `{ "s" : "a\n" , "o":[1,2] }` + "\n{}\n"},
		{"lines to an array", nd, js, " {\"s\":\"x\"} \r\n\n{}", "[\n{\"s\":\"x\"},\n{}\n]\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := convert(t, typed(), test.in, test.out, test.src)
			if got != test.dst {
				t.Errorf("got\n%s\nwant\n%s", got, test.dst)
			}
		})
	}
}

// FuzzConvert: whatever is read from NDJSON is the same values as an array and,
// as CSV, what encoding/csv reads; whatever is read from CSV is valid JSON with
// the same values.
func FuzzConvert(f *testing.F) {
	f.Add("{\"s\":\"a\",\"n\":1,\"o\":{ \"x\":[\"\\\\\", 2 ]}}\n{}")
	f.Add("a,1,true,,\"x \"\"y\"\"\"\n,,,,\n")
	f.Fuzz(func(t *testing.T, text string) {
		s := typed()
		rows := func(in Format) (n int, ok bool) {
			_, bad, _, err := read(t, strings.NewReader(text), in, s, Limits{})
			return len(bad), err == nil && strings.Join(bad, "") == ""
		}
		if n, ok := rows(Format{Codec: NDJSON}); ok {
			array := convert(t, s, Format{Codec: NDJSON}, Format{Codec: JSON}, text)
			back := convert(t, s, Format{Codec: JSON}, Format{Codec: NDJSON}, array)
			var want, got []any
			for d := json.NewDecoder(strings.NewReader(back)); d.More(); {
				var v any
				if err := d.Decode(&v); err != nil {
					t.Fatal(err)
				}
				got = append(got, v)
			}
			if err := json.Unmarshal([]byte(array), &want); err != nil || len(want) != n || n > 0 && !reflect.DeepEqual(got, want) {
				t.Fatalf("%d rows: %v\n%q\n%q", n, err, array, back)
			}
			table := convert(t, s, Format{Codec: NDJSON}, Format{Codec: CSV, Delimiter: ',', EOL: "\n"}, text)
			if !strings.Contains(table, "\r") { // encoding/csv turns \r\n in a field into \n
				r := csv.NewReader(strings.NewReader(table))
				r.FieldsPerRecord = len(s.Columns())
				if records, err := r.ReadAll(); err != nil || len(records) != n {
					t.Fatalf("%d rows became %d records: %v\n%q", n, len(records), err, table)
				}
			}
		}
		in := Format{Codec: CSV, Delimiter: ',', EOL: "\n"}
		values, bad, _, err := read(t, strings.NewReader(text), in, s, Limits{})
		if err != nil || strings.Join(bad, "") != "" {
			return
		}
		lines := bytes.Split([]byte(convert(t, s, in, Format{Codec: NDJSON}, text)), []byte("\n"))
		if len(lines) != len(values)+1 {
			t.Fatalf("%d rows became %d lines", len(values), len(lines)-1)
		}
		for i, want := range values {
			d := json.NewDecoder(bytes.NewReader(lines[i]))
			d.UseNumber()
			var object map[string]any
			if err := d.Decode(&object); err != nil {
				t.Fatalf("%v: %q", err, lines[i])
			}
			for k, c := range s.Columns() {
				if got := object[s.Fields[c].Name]; got == nil && want[k] != "" || got != nil && fmt.Sprint(got) != want[k] {
					t.Fatalf("row %d, column %d: %q became %q", i, k, want[k], got)
				}
			}
		}
	})
}
