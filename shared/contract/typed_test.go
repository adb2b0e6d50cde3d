package contract

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-io/sallyport/shared/record"
)

// value is a typed value as a Parquet or Avro reader makes it.
type value struct {
	kind record.Kind
	raw  []byte
}

func ints(n int64) value    { return value{record.TypedInt, record.AppendInt(nil, n)} }
func text(s string) value   { return value{record.TypedString, []byte(s)} }
func float(v float64) value { return value{record.TypedFloat, record.AppendFloat(nil, v)} }
func dec(unscaled []byte, scale int) value {
	return value{record.TypedDecimal, record.AppendDecimal(nil, unscaled, scale)}
}
func day(days int64) value { return value{record.TypedDate, record.AppendInt(nil, days)} }
func clock(d time.Duration) value {
	return value{record.TypedTime, record.AppendInt(nil, int64(d))}
}
func stamp(kind record.Kind, s string) value {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return value{kind, record.AppendTimestamp(nil, t.Unix(), uint32(t.Nanosecond()))}
}

// typedRows are rows with one member each, v.
func typedRows(values ...value) *record.Batch {
	b := &record.Batch{First: 1}
	node := func(n record.Node) {
		b.Nodes, b.Keys = append(b.Nodes, n), append(b.Keys, n.Start)
	}
	for _, v := range values {
		at, start := uint32(len(b.Nodes)), uint32(len(b.Data))
		b.Data = append(b.Data, v.raw...)
		end := uint32(len(b.Data))
		node(record.Node{Kind: record.JSONObject, Next: at + 3})
		node(record.Node{Kind: v.kind, Start: start, End: end, Field: 1, Next: at + 2})
		node(record.Node{Kind: record.Absent, Field: 2, Next: at + 3})
		b.Rows = append(b.Rows, record.Row{Start: start, End: end, First: at, Past: at + 3})
	}
	return b
}

// TestTyped: typed values that pass and that fail, for each type and option.
func TestTyped(t *testing.T) {
	uuid := value{record.TypedUUID, []byte("0123456789abcdef")}
	raw := value{record.TypedBytes, []byte{0, 0xff, 1}}
	yes, no := value{record.TypedBool, []byte{1}}, value{record.TypedBool, []byte{0}}
	null := value{record.Null, nil}
	utc := func(s string) value { return stamp(record.TypedTimestamp, s) }
	local := func(s string) value { return stamp(record.TypedLocal, s) }
	for _, test := range []struct {
		property, rule string
		pass, fail     []value
	}{
		{"logicalType: string", "type", []value{text("x"), text(""), uuid, null}, []value{ints(1), float(1), yes, raw, day(1), utc("2024-01-01T00:00:00Z")}},
		{"logicalType: string\nrequired: true", "required", []value{text("")}, []value{null}},
		{"logicalType: string\nlogicalTypeOptions: {maxLength: 2}", "maxLength", []value{text("éé")}, []value{text("abc"), uuid}},
		{"logicalType: string\nlogicalTypeOptions: {minLength: 2}", "minLength", []value{text("ab"), uuid}, []value{text("é")}},
		{"logicalType: string\nlogicalTypeOptions: {pattern: '^[A-Z]+$'}", "pattern", []value{text("AB")}, []value{text("Ab"), text(`"A"`), uuid}},
		{"logicalType: string\nlogicalTypeOptions: {format: uuid}", "format", []value{uuid, text("0190b3a4-5c6d-7e8f-9a0b-0123456789ab")}, []value{text("0190b3a4")}},
		{"logicalType: string\nlogicalTypeOptions: {format: byte}", "format", []value{raw, text("AP8B")}, []value{text("AP8")}},
		{"logicalType: string\nlogicalTypeOptions: {format: binary}", "type", []value{raw, text("x")}, []value{ints(1)}},
		{"logicalType: string\nenum: [{value: a}]", "enum", []value{text("a")}, []value{text("b")}},
		{"logicalType: integer", "type", []value{ints(math.MaxInt64), ints(math.MinInt64), dec([]byte{0x80}, 0)}, []value{text("1"), float(1), yes, dec([]byte{15}, 1)}},
		{"logicalType: integer\nlogicalTypeOptions: {format: i8}", "format", []value{ints(127), ints(-128), dec([]byte{0x80}, 0)}, []value{ints(128), ints(-129), ints(math.MaxInt64), ints(math.MinInt64), dec([]byte{0, 0x80}, 0)}},
		{"logicalType: integer\nlogicalTypeOptions: {format: u64}", "format", []value{ints(0), ints(math.MaxInt64), dec([]byte{0, 255, 255, 255, 255, 255, 255, 255, 255}, 0)}, []value{ints(-1), dec([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0}, 0)}},
		{"logicalType: integer\nlogicalTypeOptions: {minimum: 3}", "minimum", []value{ints(3)}, []value{ints(2)}},
		{"logicalType: integer\nlogicalTypeOptions: {exclusiveMaximum: 2.5}", "exclusiveMaximum", []value{ints(2)}, []value{ints(3)}},
		{"logicalType: integer\nlogicalTypeOptions: {multipleOf: 5}", "multipleOf", []value{ints(-10), ints(0)}, []value{ints(7)}},
		{"logicalType: integer\nlogicalTypeOptions: {multipleOf: 0.5}", "multipleOf", []value{ints(7)}, nil},
		{"logicalType: integer\nenum: [{value: 1}, {value: 02}]", "enum", []value{ints(1), ints(2)}, []value{ints(3)}},
		{"logicalType: number", "type", []value{ints(1), float(-0.5), float(1e-300), dec([]byte{1}, 2)}, []value{text("1"), yes, raw}},
		{"logicalType: number", "finite", []value{float(math.MaxFloat64)}, []value{float(math.NaN()), float(math.Inf(1)), float(math.Inf(-1))}},
		{"logicalType: number\nlogicalTypeOptions: {minimum: 0.1}", "minimum", []value{float(0.1), float(0.2), dec([]byte{1}, 1), dec([]byte{10}, 2), ints(1)}, []value{float(0.09999999999999999), float(-1), dec([]byte{9}, 2), ints(0)}},
		{"logicalType: number\nlogicalTypeOptions: {exclusiveMinimum: 0.1}", "exclusiveMinimum", []value{float(0.10000000000000002), dec([]byte{11}, 2)}, []value{float(0.1), dec([]byte{10}, 2)}},
		{"logicalType: number\nlogicalTypeOptions: {maximum: -1.5}", "maximum", []value{float(-1.5), dec([]byte{0xf1}, 1), ints(-2)}, []value{float(-1.4999999999999998), dec([]byte{0xf2}, 1), ints(-1)}},
		{"logicalType: number\nlogicalTypeOptions: {exclusiveMaximum: 10}", "exclusiveMaximum", []value{float(9.999), dec([]byte{3, 231}, 2)}, []value{float(10), dec([]byte{3, 232}, 2), dec([]byte{10}, 0), dec([]byte{0, 0x98, 0x96, 0x80}, 6)}},
		{"logicalType: number\nlogicalTypeOptions: {multipleOf: 0.01}", "multipleOf", []value{float(0.07), dec([]byte{7}, 2), dec([]byte{70}, 3), ints(3)}, []value{float(0.075), dec([]byte{75}, 3)}},
		{"logicalType: number\nlogicalTypeOptions: {format: f32}", "format", []value{float(3.4e38)}, []value{float(3.5e38)}},
		{"logicalType: number\nlogicalTypeOptions: {maximum: 99999999999999999999}", "maximum", []value{ints(math.MaxInt64), float(9e19)}, []value{float(1e20), dec([]byte{0x7f, 0, 0, 0, 0, 0, 0, 0, 0}, 0)}},
		{"logicalType: boolean", "type", []value{yes, no}, []value{ints(1), text("true")}},
		{"logicalType: boolean\nenum: [{value: true}]", "enum", []value{yes}, []value{no}},
		{"logicalType: date", "type", []value{day(0), day(-800000), text("2024-02-29"), local("2024-02-29T10:00:00Z")}, []value{ints(19000), text("2024-02-30"), clock(0)}},
		{"logicalType: date\nlogicalTypeOptions: {format: dd.MM.yyyy, minimum: 01.01.1970}", "minimum", []value{day(0), text("01.01.1970")}, []value{day(-1), text("31.12.1969")}},
		{"logicalType: date\nlogicalTypeOptions: {exclusiveMaximum: 1970-01-02}", "exclusiveMaximum", []value{day(0)}, []value{day(1)}},
		{"logicalType: date\nenum: [{value: 1970-01-02}]", "enum", []value{day(1)}, []value{day(2)}},
		{"logicalType: timestamp", "type", []value{utc("2024-01-01T00:00:00Z"), local("2024-01-01T00:00:00Z"), text("2024-01-01T00:00:00Z")}, []value{ints(1704067200), day(1), clock(0)}},
		{"logicalType: timestamp\nlogicalTypeOptions: {timezone: true}", "type", []value{utc("2024-01-01T00:00:00Z")}, []value{local("2024-01-01T00:00:00Z")}},
		{"logicalType: timestamp\nlogicalTypeOptions: {timezone: false}", "type", []value{local("2024-01-01T00:00:00Z")}, []value{utc("2024-01-01T00:00:00Z")}},
		{"logicalType: timestamp\nlogicalTypeOptions: {minimum: '2024-07-01T00:00:00', defaultTimezone: Europe/Paris}", "minimum", []value{local("2024-07-01T00:00:00Z"), utc("2024-06-30T22:00:00Z")}, []value{local("2024-06-30T23:59:59.999999999Z"), utc("2024-06-30T21:59:59.999Z")}},
		{"logicalType: time", "type", []value{clock(time.Hour), text("10:11")}, []value{ints(1), day(1), utc("2024-01-01T00:00:00Z")}},
		{"logicalType: time\nlogicalTypeOptions: {maximum: '10:00', timezone: true}", "type", []value{clock(time.Hour)}, nil},
		{"logicalType: time\nlogicalTypeOptions: {maximum: '10:00'}", "maximum", []value{clock(10 * time.Hour)}, []value{clock(10*time.Hour + 1)}},
		{"logicalType: object\nlogicalTypeOptions: {required: [a]}", "required", []value{{record.JSONObject, []byte(" {\"a\":1} ")}}, []value{{record.JSONObject, []byte("  { \"b\" : [1] }")}}},
		{"logicalType: object", "type", []value{text(`{"a":1}`), null}, []value{text("x"), ints(1)}},
		{"logicalType: string\nquality: [{metric: invalidValues, arguments: {validValues: [30313233-3435-3637-3839-616263646566]}, mustBe: 0}]", "invalidValues", []value{uuid}, []value{text("a")}},
		{"logicalType: integer\nquality: [{metric: missingValues, arguments: {missingValues: [-1]}, mustBe: 0}]", "missingValues", []value{ints(1)}, []value{ints(-1)}},
	} {
		document := doc(test.property)
		if strings.Contains(document, "timezone: true}") && strings.Contains(document, "10:00") {
			document = strings.ReplaceAll(document, "'10:00'", "'10:00Z'")
		}
		c := compile(t, document)
		for fails, values := range map[bool][]value{false: test.pass, true: test.fail} {
			for _, value := range values {
				b := typedRows(value)
				var got []string
				invalid := make([]bool, 1)
				v := c.NewValidator(ValidatorOptions{})
				for range 2 { // down the columns, then value by value
					got = got[:0]
					if err := v.Check(b, invalid, func(v Violation) { got = append(got, v.Rule) }); err != nil {
						t.Fatal(err)
					}
					if fails != (len(got) > 0) {
						break
					}
					clear(v.quick)
				}
				want := "[]"
				if fails {
					want = "[" + test.rule + "]"
				}
				if fmt.Sprint(got) != want || invalid[0] != fails {
					written, _ := b.Value(&b.Nodes[1], nil)
					t.Errorf("%s: %s of kind %d: got %v, want %s", test.property, written, value.kind, got, want)
				}
			}
		}
	}
}

// TestTypedCounts: metrics and uniqueness see typed values.
func TestTypedCounts(t *testing.T) {
	c := compile(t, doc("logicalType: integer\nunique: true\nquality: [{metric: nullValues, mustBeLessThan: 2}, {metric: invalidValues, arguments: {validValues: [1, 2]}, mustBe: 1}]"))
	v := c.NewValidator(ValidatorOptions{})
	var got []string
	null := value{record.Null, nil}
	if err := v.Check(typedRows(ints(1), ints(3), null, ints(1), null), make([]bool, 5), func(v Violation) { got = append(got, fmt.Sprint(v.Row, " ", v.Rule)) }); err != nil {
		t.Fatal(err)
	}
	whole, err := v.Finish()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range whole {
		got = append(got, v.Rule)
	}
	if want := "[4 unique nullValues]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// FuzzWithin: what is told in binary is what is told of the number as text.
func FuzzWithin(f *testing.F) {
	f.Add("0.1", "99.95", "0.05", int64(15), uint8(2), 0.1, false)
	f.Add("-1e3", "1e19", "7", int64(-1000), uint8(0), 1e19, true)
	f.Fuzz(func(t *testing.T, low, high, step string, n int64, scale uint8, x float64, exclusive bool) {
		low, high = strings.TrimSpace(low), strings.TrimSpace(high)
		if len(low) > 30 || len(high) > 30 || len(step) > 20 {
			return
		}
		for _, text := range []string{low, high, step} {
			if _, ok := parseDecimal([]byte(text)); !ok {
				return
			}
		}
		names := []string{"minimum", "maximum"}
		if exclusive {
			names = []string{"exclusiveMinimum", "exclusiveMaximum"}
		}
		for _, options := range []string{fmt.Sprintf("%s: %s, %s: %s", names[0], low, names[1], high), "multipleOf: " + step} {
			document, err := Parse("c.odcs.yaml", []byte(doc("logicalType: number\nlogicalTypeOptions: {"+options+"}")))
			if err != nil {
				return
			}
			c, err := Compile(document, "")
			if err != nil {
				return
			}
			f := &c.fields[1]
			unscaled := []byte{byte(n >> 56), byte(n >> 48), byte(n >> 40), byte(n >> 32), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
			for _, v := range []value{ints(n), float(x), dec(unscaled, int(scale%25))} {
				if v.kind == record.TypedFloat && (math.IsNaN(x) || math.IsInf(x, 0)) {
					continue
				}
				if _, _, done := f.typed(v.kind, v.raw); done {
					written := record.AppendTyped(nil, v.kind, v.raw)
					if broken := f.checks[0](written); broken != nil {
						t.Fatalf("{%s}: %s passes in binary and breaks %s as text", options, written, broken.name)
					}
				}
			}
		}
	})
}

// BenchmarkTyped validates rows as Parquet has them: the payments, typed. Bytes are
// those of the values.
func BenchmarkTyped(b *testing.B) {
	c := compile(b, paymentsDoc)
	batch := &record.Batch{First: 1}
	node := func(kind record.Kind, field int, raw []byte) {
		start := uint32(len(batch.Data))
		batch.Data = append(batch.Data, raw...)
		batch.Keys = append(batch.Keys, start)
		batch.Nodes = append(batch.Nodes, record.Node{Kind: kind, Field: uint16(field), Start: start, End: uint32(len(batch.Data)), Next: uint32(len(batch.Nodes)) + 1})
	}
	for i := range 1000 {
		first := uint32(len(batch.Nodes))
		node(record.JSONObject, 0, nil)
		batch.Nodes[first].Next = first + 13
		node(record.TypedUUID, 1, fmt.Appendf(nil, "%016d", i))
		node(record.TypedTimestamp, 2, record.AppendTimestamp(nil, 1_700_000_000+int64(i), 0))
		node(record.TypedString, 3, []byte("Ann Example"))
		node(record.TypedString, 4, fmt.Appendf(nil, "ann.example%d@example.com", i))
		node(record.TypedString, 5, fmt.Appendf(nil, "123-45-%04d", i))
		node(record.TypedString, 6, []byte("4111111111111111"))
		node(record.TypedString, 7, []byte("DE89370400440532013000"))
		node(record.TypedDecimal, 8, record.AppendDecimal(nil, []byte{1, byte(i)}, 2))
		node(record.TypedString, 9, []byte("EUR"))
		node(record.TypedString, 10, []byte("Corner Shop"))
		node(record.TypedString, 11, []byte("DE"))
		node(record.TypedString, 12, fmt.Appendf(nil, "paid, with thanks; see note %d", i))
		batch.Rows = append(batch.Rows, record.Row{First: first, Past: uint32(len(batch.Nodes))})
	}
	v := c.NewValidator(ValidatorOptions{})
	invalid := make([]bool, len(batch.Rows))
	b.SetBytes(int64(len(batch.Data)))
	b.ReportAllocs()
	for b.Loop() {
		if err := v.Check(batch, invalid, func(v Violation) { b.Fatal(v) }); err != nil {
			b.Fatal(err)
		}
	}
}
