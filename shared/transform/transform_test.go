package transform

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

// testKey is a TokenKey in the open.
type testKey struct {
	version int
	secret  string
}

func (k testKey) Version() int   { return k.version }
func (k testKey) Secret() []byte { return []byte(k.secret) }

var key = testKey{3, "0123456789abcdef0123456789abcdef"}

func compile(t testing.TB, s Spec, in record.Type) *Transform {
	t.Helper()
	c, err := Compile(s, in, key)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// none is what a transform makes of a value that leaves as null.
const none = "\x00null"

func apply(a Appender, value string) string {
	out, ok := a.Append([]byte("before|"), []byte(value))
	rest, kept := strings.CutPrefix(string(out), "before|")
	switch {
	case !kept:
		return "what stood before is gone"
	case !ok && rest != "":
		return "refused, but something was appended"
	case !ok:
		return none
	}
	return rest
}

func TestTransforms(t *testing.T) {
	type pair struct{ value, want string }
	mask := func(first, last int) Spec { return Spec{Type: Mask, KeepFirst: first, KeepLast: last} }
	for _, c := range []struct {
		name  string
		spec  Spec
		in    record.Type
		out   record.Type
		pairs []pair
	}{
		{"keep", Spec{Type: Keep}, record.Date, record.Date, []pair{{"2026-01-31", "2026-01-31"}, {"", ""}}},
		{"drop", Spec{Type: Drop}, record.Object, record.Object, []pair{{"{}", none}}},
		{"null", Spec{Type: Null}, record.Integer, record.Integer, []pair{{"5", none}}},
		{"constant string", Spec{Type: Constant, Value: `"n\"ö"`}, record.Integer, record.String, []pair{{"5", `n"ö`}, {"", `n"ö`}}},
		{"constant integer", Spec{Type: Constant, Value: "9007199254740993"}, record.String, record.Integer, []pair{{"x", "9007199254740993"}}},
		{"constant number", Spec{Type: Constant, Value: "-0.50"}, record.String, record.Number, []pair{{"x", "-0.50"}}},
		{"constant boolean", Spec{Type: Constant, Value: "false"}, record.Array, record.Boolean, []pair{{"[]", "false"}}},
		{"mask all", mask(0, 0), record.String, record.String, []pair{{"secret", "******"}, {"", ""}, {"Zoë", "***"}, {strings.Repeat("x", 200), strings.Repeat("*", 200)}}},
		{"mask ends", mask(1, 2), record.String, record.String, []pair{{"abcd", "a*cd"}, {"abc", "***"}, {"a", "*"}, {"žluťoučký", "ž******ký"}, {"日本語です", "日**です"}}},
		{"mask last four", mask(0, 4), record.Integer, record.String, []pair{{"4111111111111111", "************1111"}, {"1234", "****"}}},
		{"mask counts that overflow", mask(int(^uint(0)>>1), int(^uint(0)>>1)), record.String, record.String, []pair{{"secret", "******"}}},
		{"mask with another character", Spec{Type: Mask, KeepFirst: 1, Char: "•"}, record.String, record.String, []pair{{"abc", "a••"}, {strings.Repeat("é", 130), "é" + strings.Repeat("•", 129)}}},
		{"mask of broken text", mask(2, 0), record.String, record.String, []pair{{"ab\xffcd", none}, {"\xc3", none}}},
		{"month", Spec{Type: Date, To: Month}, record.Date, record.Date, []pair{{"2026-05-21", "2026-05-01"}, {"0001-12-31", "0001-12-01"}}},
		{"month of a timestamp", Spec{Type: Date, To: Month}, record.Timestamp, record.Date, []pair{{"2026-05-21T23:59:59.999-04:00", "2026-05-01"}, {"2026-05-21 10:11:12", "2026-05-01"}}},
		{"year", Spec{Type: Date, To: Year}, record.Date, record.Date, []pair{{"1927-05-21", "1927-01-01"}}},
		{"quarter", Spec{Type: Date, To: Quarter}, record.Date, record.Date, []pair{{"2026-01-01", "2026-01-01"}, {"2026-03-31", "2026-01-01"}, {"2026-04-01", "2026-04-01"}, {"2026-12-31T23:00:00Z", "2026-10-01"}, {"2026-13-01", none}}},
		{"week", Spec{Type: Date, To: Week}, record.Date, record.Date, []pair{{"2026-11-23", "2026-11-23"}, {"2026-11-22", "2026-11-16"}, {"2024-03-02", "2024-02-26"}, {"2026-01-01", "2025-12-29"}, {"2026-02-30", none}, {"0000-01-01", none}}},
		{"ip", Spec{Type: IP}, record.String, record.String, []pair{{"203.0.113.77", "203.0.113.0"}, {"2001:db8:1:2:3:4:5:6", "2001:db8:1::"}, {"::ffff:203.0.113.77", "::ffff:203.0.113.0"},
			{"fe80::1%eth0", none}, {"203.0.113", none}, {"", none}, {"203.0.113.077", none}, {strings.Repeat("1", 60), none}}},
		{"ip with bits", Spec{Type: IP, V4: 8, V6: 32}, record.String, record.String, []pair{{"203.0.113.77", "203.0.0.0"}, {"2001:db8:1::6", "2001:db8::"}}},
		{"mask of an address", Spec{Type: Mask, KeepDomain: true}, record.String, record.String, []pair{{"ann@example.org", "***@example.org"}, {"\"a@b\"@example.org", "*****@example.org"}, {"@example.org", "@example.org"}, {"ann", none}, {"", none}, {"\xff@example.org", none}}},
		{"mask of an address but its start", Spec{Type: Mask, KeepDomain: true, KeepFirst: 1}, record.String, record.String, []pair{{"ann@example.org", "a**@example.org"}, {"a@example.org", "*@example.org"}, {"zoë@example.org", "z**@example.org"}}},
		{"what is no date", Spec{Type: Date, To: Year}, record.Date, record.Date, []pair{
			{"", none}, {"1927", none}, {"1927-05", none}, {"21.05.1927", none}, {"1927-13-01", none}, {"1927-00-01", none}, {"1927-01-00", none},
			{"1927-01-32", none}, {"1927/05/21", none}, {"1927-05-211", none}, {"19a7-05-21", none}, {" 1927-05-21", none}}},
		{"bucket", Spec{Type: Bucket, Size: "10"}, record.Integer, record.Integer, []pair{
			{"0", "0"}, {"9", "0"}, {"10", "10"}, {"123", "120"}, {"-1", "-10"}, {"-10", "-10"}, {"-11", "-20"}, {"007", "0"}, {"+17", "10"}, {"1e2", "100"}, {"-0", "0"},
			{"123456789012345678901234567890", "123456789012345678901234567890"}, {"99999999999999999999999999999999999999999999999", "99999999999999999999999999999999999999999999990"}}},
		{"bucket of decimals", Spec{Type: Bucket, Size: "0.25"}, record.Number, record.Number, []pair{
			{"0.3", "0.25"}, {"0.249999999999999999999999", "0.00"}, {"-0.1", "-0.25"}, {"-0.250", "-0.25"}, {"-0.25000000000000000000001", "-0.50"}, {"5", "5.00"},
			{".75", "0.75"}, {"2.", "2.00"}, {"12.5e-1", "1.25"}, {"1e-30", "0.00"}, {"-1e-30", "-0.25"}, {"0.0e999", "0.00"}, {"-1e-999999", "-0.25"}}},
		{"bucket with needless zeros", Spec{Type: Bucket, Size: "050.00"}, record.Integer, record.Integer, []pair{{"149", "100"}}},
		{"bucket of fractions of whole numbers", Spec{Type: Bucket, Size: "2.5"}, record.Integer, record.Number, []pair{{"4", "2.5"}, {"-99", "-100.0"}, {"-999", "-1000.0"}}},
		{"bucket wider than the number", Spec{Type: Bucket, Size: "1000000"}, record.Number, record.Number, []pair{{"-1", "-1000000"}, {"1", "0"}, {"-999999.5", "-1000000"}}},
		{"what is no number", Spec{Type: Bucket, Size: "10"}, record.Number, record.Number, []pair{
			{"", none}, {"-", none}, {".", none}, {"1,000", none}, {"NaN", none}, {"Infinity", none}, {"1e", none}, {"1e+", none}, {"0x10", none}, {"1e9999", none},
			{"1e99999999999999999999", none}, {" 1", none}, {"1.2.3", none}, {strings.Repeat("9", 401), none}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := compile(t, c.spec, c.in)
			if out, err := Check(c.spec, c.in); err != nil || out != c.out || tr.Out() != c.out {
				t.Errorf("gives %v and %v, %v; want %v", out, tr.Out(), err, c.out)
			}
			a := tr.Appender()
			for _, p := range c.pairs {
				if got := apply(a, p.value); got != p.want {
					t.Errorf("%q -> %q, want %q", p.value, got, p.want)
				}
			}
		})
	}
}

func TestNullAndHidesNull(t *testing.T) {
	for _, typ := range names() {
		tr := compile(t, example(typ), fitting(typ))
		if tr.Null() != (typ == Null) || tr.HidesNull() != (typ == Constant) {
			t.Errorf("%s: Null %v, HidesNull %v", typ, tr.Null(), tr.HidesNull())
		}
	}
}

// example is a valid spec of a type.
func example(typ string) Spec {
	switch typ {
	case Constant:
		return Spec{Type: typ, Value: "7"}
	case Mask:
		return Spec{Type: typ, KeepFirst: 1, KeepLast: 2, Char: "#"}
	case Date:
		return Spec{Type: typ, To: Month}
	case Dictionary:
		return Spec{Type: typ, Words: `["Ada","Bram","Carla"]`}
	case Bucket, Round:
		return Spec{Type: typ, Size: "5"}
	case Prefix:
		return Spec{Type: typ, Length: 3}
	case Noise:
		return Spec{Type: typ, Distribution: Laplace, Scale: "10"}
	case DateShift:
		return Spec{Type: typ, Days: 30, By: "patient"}
	}
	return Spec{Type: typ}
}

// fitting is a type of field that a type of transform takes.
func fitting(typ string) record.Type {
	switch typ {
	case Date, Age, DateShift:
		return record.Date
	case IP, Text:
		return record.String
	}
	return record.Integer
}

// TestTokenIsHMAC holds the token to crypto/hmac for values around the block
// boundaries of SHA-256.
func TestTokenIsHMAC(t *testing.T) {
	a := compile(t, Spec{Type: Token}, record.String).Appender()
	value := bytes.Repeat([]byte("Aé\x00"), 100)
	for n := range value {
		h := hmac.New(sha256.New, key.Secret())
		h.Write(value[:n])
		want := "t3_" + base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16])
		if got := apply(a, string(value[:n])); got != want {
			t.Fatalf("%d bytes: %q, want %q", n, got, want)
		}
	}
}

func TestTokensDifferByKeyAndVersion(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range []testKey{{1, key.secret}, {2, key.secret}, {1, "another key, also of 32 bytes..."}, {1, strings.Repeat("k", 16)}, {1, strings.Repeat("k", 64)}} {
		tr, err := Compile(Spec{Type: Token}, record.String, k)
		if err != nil {
			t.Fatal(err)
		}
		seen[apply(tr.Appender(), "DE89370400440532013000")] = true
	}
	if len(seen) != 5 {
		t.Errorf("5 keys made %d tokens", len(seen))
	}
}

// The algorithms make different tokens, each named by its first letter, and each
// the same for the same value.
func TestAlgorithms(t *testing.T) {
	seen := map[string]bool{}
	for algorithm, prefix := range map[string]string{"": "t3_", HMAC: "t3_", BLAKE3: "b3_", SIV: "s3_"} {
		a := compile(t, Spec{Type: Token, Algorithm: algorithm}, record.String).Appender()
		got := apply(a, "DE89370400440532013000")
		if !strings.HasPrefix(got, prefix) || got != apply(a, "DE89370400440532013000") || got == apply(a, "DE89370400440532013001") {
			t.Errorf("%s: %q", algorithm, got)
		}
		seen[got[len(prefix):]] = true
	}
	if len(seen) != 3 {
		t.Errorf("3 algorithms made %d tokens", len(seen))
	}
}

// A dictionary's words come equally often, and are not told by tokens.
func TestDictionary(t *testing.T) {
	a := compile(t, Spec{Type: Dictionary, Words: `["a","b","c","d"]`}, record.String).Appender()
	counts := map[string]int{}
	for i := range 8000 {
		counts[apply(a, strings.Repeat("v", i%7)+string(rune('0'+i%10))+strings.Repeat("w", i/70))]++
	}
	for word, n := range counts {
		if n < 1500 || n > 2500 {
			t.Errorf("%q comes %d times of 8000", word, n)
		}
	}
	if len(counts) != 4 {
		t.Errorf("%v", counts)
	}
}

func TestAppendersSideBySide(t *testing.T) {
	tr := compile(t, Spec{Type: Token}, record.String)
	want := apply(tr.Appender(), "value")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			a := tr.Appender()
			for range 1000 {
				if got := apply(a, "value"); got != want {
					t.Errorf("%q, want %q", got, want)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name string
		spec Spec
		in   record.Type
		code string
		tell string // in message or advice
	}{
		{"no type", Spec{}, record.String, CodeUnknown, "keep, drop, null"},
		{"typing error", Spec{Type: "maks"}, record.String, CodeUnknown, `did you mean "mask"`},
		{"another word", Spec{Type: "Redact"}, record.String, CodeUnknown, `did you mean "mask"`},
		{"unkeyed hash", Spec{Type: "sha256"}, record.String, CodeUnknown, `did you mean "token"`},
		{"far from all", Spec{Type: "quantum"}, record.String, CodeUnknown, "use one of"},
		{"option of another", Spec{Type: Token, KeepLast: 4}, record.String, CodeOption, `"keepLast" is not an option of token`},
		{"option of none", Spec{Type: Drop, Value: "1"}, record.String, CodeOption, "drop has no options"},
		{"mask with to", Spec{Type: Mask, To: Year}, record.String, CodeOption, "keepFirst, keepLast, keepDomain, keepPattern, keepCard, char"},
		{"negative", Spec{Type: Mask, KeepFirst: -1}, record.String, CodeOption, "negative"},
		{"two characters", Spec{Type: Mask, Char: "**"}, record.String, CodeOption, "one visible character"},
		{"invisible", Spec{Type: Mask, Char: "\u200b"}, record.String, CodeOption, "one visible character"},
		{"combining", Spec{Type: Mask, Char: "\u0301"}, record.String, CodeOption, "one visible character"},
		{"broken", Spec{Type: Mask, Char: "\xff"}, record.String, CodeOption, "one visible character"},
		{"constant without value", Spec{Type: Constant}, record.String, CodeOption, "needs a value"},
		{"constant list", Spec{Type: Constant, Value: "[1]"}, record.String, CodeOption, "string, a number or a boolean"},
		{"constant null", Spec{Type: Constant, Value: "null"}, record.String, CodeOption, "string, a number or a boolean"},
		{"unknown algorithm", Spec{Type: Token, Algorithm: "md5"}, record.String, CodeOption, "hmac-sha256, blake3, aes-siv or aes-gcm"},
		{"alphabet of one", Spec{Type: FPE, Alphabet: "x"}, record.String, CodeOption, "2 to 1024"},
		{"alphabet with one twice", Spec{Type: FPE, Alphabet: "abca"}, record.String, CodeOption, "each there once"},
		{"luhn of letters", Spec{Type: FPE, Alphabet: Lower, Luhn: true}, record.String, CodeOption, "digits only"},
		{"fpe of a date", Spec{Type: FPE}, record.Date, CodeType, "string, integer"},
		{"date without to", Spec{Type: Date}, record.Date, CodeOption, "to: week, month"},
		{"date to day", Spec{Type: Date, To: "day"}, record.Date, CodeOption, "to: week"},
		{"one word", Spec{Type: Dictionary, Words: `["x"]`}, record.String, CodeOption, "2 to 10000 words"},
		{"ip of all bits and more", Spec{Type: IP, V4: 33}, record.String, CodeOption, "1 to 32 bits"},
		{"ip of a number", Spec{Type: IP}, record.Integer, CodeType, "logicalType: string"},
		{"bucket without size", Spec{Type: Bucket}, record.Integer, CodeOption, "needs a size"},
		{"bucket of 0", Spec{Type: Bucket, Size: "0.00"}, record.Integer, CodeOption, "above 0"},
		{"bucket below 0", Spec{Type: Bucket, Size: "-5"}, record.Integer, CodeOption, "above 0"},
		{"bucket with exponent", Spec{Type: Bucket, Size: "1e3"}, record.Integer, CodeOption, "without an exponent"},
		{"bucket too exact", Spec{Type: Bucket, Size: "0.123456789012345678"}, record.Number, CodeOption, "17 digits"},
		{"bucket of a point", Spec{Type: Bucket, Size: "."}, record.Number, CodeOption, "above 0"},
		{"mask of an object", Spec{Type: Mask}, record.Object, CodeType, "the field is of type object"},
		{"mask of a boolean", Spec{Type: Mask}, record.Boolean, CodeType, "drop, null or constant"},
		{"token of an array", Spec{Type: Token}, record.Array, CodeType, "the field is of type array"},
		{"token of who knows", Spec{Type: Token}, record.Opaque, CodeType, "the field is of type opaque"},
		{"date of a string", Spec{Type: Date, To: Year}, record.String, CodeType, "logicalType: date"},
		{"bucket of a string", Spec{Type: Bucket, Size: "1"}, record.String, CodeType, "logicalType: number"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Check(c.spec, c.in)
			if fault.CodeOf(err) != c.code || fault.KindOf(err) != fault.Poison || !strings.Contains(err.Error(), c.tell) {
				t.Errorf("got %v, want code %s and %q", err, c.code, c.tell)
			}
			if _, again := Compile(c.spec, c.in, key); fault.CodeOf(again) != c.code {
				t.Errorf("Compile answers %v", again)
			}
		})
	}
}

func TestTokenNeedsAKey(t *testing.T) {
	for name, k := range map[string]TokenKey{"none": nil, "short": testKey{1, "only-15-bytes.."}, "long": testKey{1, strings.Repeat("x", 65)}} {
		if _, err := Compile(Spec{Type: Token}, record.String, k); fault.CodeOf(err) != CodeKey || strings.Contains(err.Error(), "only-15") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSpecInYAMLAndJSON(t *testing.T) {
	for text, want := range map[string]Spec{
		`{type: mask, keepFirst: 1, keepLast: 2, char: "#"}`: {Type: Mask, KeepFirst: 1, KeepLast: 2, Char: "#"},
		`{type: constant, value: n/a}`:                       {Type: Constant, Value: `"n/a"`},
		`{type: constant, value: "5"}`:                       {Type: Constant, Value: `"5"`},
		`{type: constant, value: 9007199254740993}`:          {Type: Constant, Value: `9007199254740993`},
		`{type: constant, value: 0.10}`:                      {Type: Constant, Value: `0.10`},
		`{type: constant, value: yes}`:                       {Type: Constant, Value: `"yes"`},
		`{type: constant, value: TRUE}`:                      {Type: Constant, Value: `true`},
		`{type: constant, value: 2026-01-01}`:                {Type: Constant, Value: `"2026-01-01"`},
		`{type: constant, value: ""}`:                        {Type: Constant, Value: `""`},
		`{type: constant, value: null}`:                      {Type: Constant},
		`{type: bucket, size: 0.250}`:                        {Type: Bucket, Size: "0.250"},
		`{type: bucket, size: "12345678901234567"}`:          {Type: Bucket, Size: "12345678901234567"},
		`{type: date, to: year}`:                             {Type: Date, To: Year},
		`{type: dictionary, words: [Ada, "5"]}`:              {Type: Dictionary, Words: `["Ada","5"]`},
	} {
		var s Spec
		if err := yaml.Unmarshal([]byte(text), &s); err != nil || s != want {
			t.Errorf("%s: %+v, %v; want %+v", text, s, err, want)
			continue
		}
		data, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back Spec
		if err := json.Unmarshal(data, &back); err != nil || back != s {
			t.Errorf("%s: came back from %s as %+v, %v", text, data, back, err)
		}
	}
	var s Spec
	if err := json.Unmarshal([]byte(`{"type":"bucket","size":0.10,"value":null}`), &s); err != nil || s.Size != "0.10" || s.Value != "" {
		t.Errorf("a size without quotes: %+v, %v", s, err)
	}
	for _, text := range []string{`{value: [1]}`, `{value: 0x1F}`, `{value: .inf}`, `{value: 1_000}`, `{size: [1]}`, `{size: {a: 1}}`} {
		if err := yaml.Unmarshal([]byte(text), &s); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
	if err := json.Unmarshal([]byte(`{"value":{"a":1}}`), &s); err == nil {
		t.Error("an object is taken for a scalar")
	}
}

func TestNothingIsAllocated(t *testing.T) {
	dst := make([]byte, 0, 256)
	entities := [][]byte{[]byte("P1"), []byte("P2")}
	for _, spec := range variants() {
		if spec.KeepPattern != "" {
			continue // has a test of its own
		}
		a := inRow(compile(t, spec, fitting(spec.Type)), somewhere, 1, "P1")
		row, _ := a.(RowAppender)
		for _, text := range []string{"2026-05-21", "2026-05-21T10:11:12.5+02:00", "-123456.789", "Žluťoučký kůň", "ann@example.org", "4111 1111 1111 1111"} {
			value, number := []byte(text), int64(0)
			one := func() {
				if number++; row != nil {
					row.Row(number, entities[number&1])
				}
				a.Append(dst, value)
			}
			if n := testing.AllocsPerRun(100, one); n != 0 {
				t.Errorf("%+v allocates %v times for %s", spec, n, text)
			}
		}
	}
}

// TestBucketIsExact holds buckets to arithmetic on rationals.
func TestBucketIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	digits := func(n int) string {
		b := []byte(nil)
		for range r.IntN(n + 1) {
			b = append(b, byte('0'+r.IntN(10)))
		}
		return string(b)
	}
	for range 20000 {
		size := digits(8) + "1." + digits(8)
		if r.IntN(3) == 0 {
			size = digits(8) + "5"
		}
		value := []string{"", "-"}[r.IntN(2)] + digits(25) + "7." + digits(25)
		got := apply(compile(t, Spec{Type: Bucket, Size: Decimal(size)}, record.Number).Appender(), value)
		if want := floor(t, value, size); rational(t, got).Cmp(want) != 0 {
			t.Fatalf("%s in buckets of %s: %s, want %s", value, size, got, want.FloatString(10))
		}
	}
}

func rational(t *testing.T, text string) *big.Rat {
	t.Helper()
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		t.Fatalf("%q is not a number", text)
	}
	return r
}

func floor(t *testing.T, value, size string) *big.Rat {
	t.Helper()
	s := rational(t, size)
	q := new(big.Rat).Quo(rational(t, value), s)
	whole := new(big.Int).Div(q.Num(), q.Denom()) // Euclidean: down, the denominator is positive
	return s.Mul(s, new(big.Rat).SetInt(whole))
}

// FuzzMask: whatever the bytes, no more than the ends is shown, and as many
// characters leave as came.
func FuzzMask(f *testing.F) {
	f.Add([]byte("DE89370400440532013000"), uint8(2), uint8(4))
	f.Add([]byte("Zoë\xff"), uint8(0), uint8(1))
	f.Add([]byte("日本"), uint8(1), uint8(1))
	f.Fuzz(func(t *testing.T, value []byte, first, last uint8) {
		const char = "\U0001F512"
		if bytes.Contains(value, []byte(char)) {
			return // it could not be told from what hides
		}
		tr := compile(t, Spec{Type: Mask, KeepFirst: int(first), KeepLast: int(last), Char: char}, record.String)
		out, ok := tr.Appender().Append(nil, value)
		if ok != utf8.Valid(value) {
			t.Fatalf("ok is %v", ok)
		}
		if !ok {
			return
		}
		n, hidden := utf8.RuneCount(value), bytes.Count(out, []byte(char))
		shown := n - hidden
		if utf8.RuneCount(out) != n || shown > int(first)+int(last) || shown > 0 && shown == n {
			t.Fatalf("%d of %d characters are shown, %d + %d may be", shown, n, first, last)
		}
		if shown > 0 && (!bytes.HasPrefix(value, []byte(string([]rune(string(out))[:first]))) || !bytes.HasSuffix(value, []byte(string([]rune(string(out))[n-int(last):])))) {
			t.Fatal("what is shown is not the value's ends")
		}
	})
}

// FuzzAppend: no bytes make a transform panic, answer differently a second time,
// or touch what stood before; and what has the type of a number or date is one.
func FuzzAppend(f *testing.F) {
	f.Add([]byte("-12.50e3"))
	f.Add([]byte("2026-02-03T10:11:12Z"))
	f.Add([]byte("\xff\x00"))
	var all []*Transform
	for _, spec := range variants() {
		for in := record.Opaque; in <= record.Array; in++ {
			if tr, err := Compile(spec, in, key); err == nil {
				all = append(all, tr)
			}
		}
	}
	if len(all) < len(names()) {
		f.Fatalf("%d transforms of %d types", len(all), len(names()))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		for _, tr := range all {
			typ := tr.spec.Type
			got := apply(inRow(tr, somewhere, 1, "P1"), string(value))
			if again := apply(inRow(tr, somewhere, 1, "P1"), string(value)); got != again {
				t.Fatalf("%s: once %q, then %q", typ, got, again)
			}
			switch {
			case strings.HasPrefix(got, "what stood") || strings.HasPrefix(got, "refused"):
				t.Fatalf("%s: %s", typ, got)
			case got == none || typ == Keep:
			case tr.Out() == record.Integer || tr.Out() == record.Number:
				if !json.Valid([]byte(got)) {
					t.Fatalf("%s of %q gave %q, which is not a number", typ, value, got)
				}
			case (typ == Date || typ == DateShift) && !startsWithDate([]byte(got)):
				t.Fatalf("%q gave %q, which is not a date", value, got)
			}
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct {
		name, value string
		spec        Spec
		in          record.Type
	}{
		{"keep", "DE89370400440532013000", Spec{Type: Keep}, record.String},
		{"constant", "DE89370400440532013000", Spec{Type: Constant, Value: `"n/a"`}, record.String},
		{"mask", "4111111111111111", Spec{Type: Mask, KeepLast: 4}, record.String},
		{"mask-unicode", "Žluťoučký kůň", Spec{Type: Mask, KeepFirst: 1, KeepLast: 1}, record.String},
		{"token", "ann.example1@example.org", Spec{Type: Token}, record.String},
		{"token-blake3", "ann.example1@example.org", Spec{Type: Token, Algorithm: BLAKE3}, record.String},
		{"token-siv", "ann.example1@example.org", Spec{Type: Token, Algorithm: SIV}, record.String},
		{"fpe", "4111 1111 1111 1111", Spec{Type: FPE}, record.String},
		{"fpe-luhn", "4111111111111111", Spec{Type: FPE, Luhn: true}, record.String},
		{"dictionary", "ann.example1@example.org", Spec{Type: Dictionary, Words: `["Ada","Bram","Carla"]`}, record.String},
		{"mask-domain", "ann.example1@example.org", Spec{Type: Mask, KeepDomain: true}, record.String},
		{"ip", "203.0.113.77", Spec{Type: IP}, record.String},
		{"week", "2026-05-21", Spec{Type: Date, To: Week}, record.Date},
		{"date", "2026-05-21T10:11:12Z", Spec{Type: Date, To: Month}, record.Timestamp},
		{"bucket", "1234.56", Spec{Type: Bucket, Size: "50"}, record.Number},
	} {
		b.Run(c.name, func(b *testing.B) {
			a, value, dst := compile(b, c.spec, c.in).Appender(), []byte(c.value), make([]byte, 0, 256)
			b.ReportAllocs()
			for b.Loop() {
				a.Append(dst, value)
			}
		})
	}
}
