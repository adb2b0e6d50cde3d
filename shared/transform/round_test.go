package transform

import (
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

// pair is a value and what becomes of it.
type pair struct{ value, want string }

// holds runs the pairs through a transform, whose type out must be out.
func holds(t *testing.T, name string, s Spec, in, out record.Type, pairs ...pair) {
	t.Helper()
	tr := compile(t, s, in)
	if tr.Out() != out {
		t.Errorf("%s: gives %v, want %v", name, tr.Out(), out)
	}
	a := tr.Appender()
	for _, p := range pairs {
		if got := apply(a, p.value); got != p.want {
			t.Errorf("%s: %q -> %q, want %q", name, p.value, got, p.want)
		}
	}
}

// refused tells what Check must say of a spec.
func refused(t *testing.T, s Spec, in record.Type, code, tell string) {
	t.Helper()
	if _, err := Check(s, in); fault.CodeOf(err) != code || !strings.Contains(err.Error(), tell) {
		t.Errorf("%+v: got %v, want code %s and %q", s, err, code, tell)
	}
}

func TestRound(t *testing.T) {
	holds(t, "tens", Spec{Type: Round, Size: "10"}, record.Integer, record.Integer,
		pair{"0", "0"}, pair{"4", "0"}, pair{"5", "10"}, pair{"-4", "0"}, pair{"-5", "-10"}, pair{"14", "10"}, pair{"15", "20"}, pair{"995", "1000"}, pair{"1e2", "100"},
		pair{"", none}, pair{"x", none}, pair{strings.Repeat("9", 401), none})
	holds(t, "halves", Spec{Type: Round, Size: "5"}, record.Number, record.Number,
		pair{"2.4999999999999999999999", "0"}, pair{"2.5", "5"}, pair{"-2.5", "-5"}, pair{"-2.4", "0"}, pair{"7.49", "5"})
	holds(t, "decimals", Spec{Type: Round, Size: "0.05"}, record.Number, record.Number,
		pair{"1.024", "1.00"}, pair{"1.025", "1.05"}, pair{"-0.01", "0.00"}, pair{"1e-30", "0.00"}, pair{"9.99", "10.00"})
	refused(t, Spec{Type: Round}, record.Number, CodeOption, "round needs a size")
	refused(t, Spec{Type: Round, Size: "1e3"}, record.Number, CodeOption, "the size of round")
	refused(t, Spec{Type: Round, Size: "1"}, record.String, CodeType, "logicalType: number")
}

// TestRoundIsNearest holds rounding to arithmetic on rationals.
func TestRoundIsNearest(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
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
		got := apply(compile(t, Spec{Type: Round, Size: Decimal(size)}, record.Number).Appender(), value)
		away := new(big.Rat).Sub(rational(t, got), rational(t, value))
		if half := new(big.Rat).Mul(rational(t, size), big.NewRat(1, 2)); away.Abs(away).Cmp(half) > 0 {
			t.Fatalf("%s to %s: %s is %s away", value, size, got, away.FloatString(10))
		}
		if q := new(big.Rat).Quo(rational(t, got), rational(t, size)); !q.IsInt() {
			t.Fatalf("%s to %s: %s is no multiple", value, size, got)
		}
	}
}

func TestGeo(t *testing.T) {
	holds(t, "degrees", Spec{Type: Geo}, record.Number, record.Number,
		pair{"50.0874654", "50"}, pair{"-179.6", "-180"}, pair{"180", "180"}, pair{"180.0001", none}, pair{"-180.0001", none}, pair{"1000", none}, pair{"1e3", none}, pair{"1.8e2", "180"}, pair{"0.0181e4", none}, pair{"", none})
	holds(t, "11 km", Spec{Type: Geo, Decimals: 1}, record.Number, record.Number,
		pair{"14.4212535", "14.4"}, pair{"-0.04", "0.0"}, pair{"7", "7.0"}, pair{"49.95", "50.0"})
	holds(t, "object", Spec{Type: Geo, Decimals: 1}, record.Object, record.Object, pair{`{"lat":1}`, none})
	refused(t, Spec{Type: Geo, Decimals: 7}, record.Number, CodeOption, "0 to 6")
	refused(t, Spec{Type: Geo, Decimals: -1}, record.Number, CodeOption, "0 to 6")
	refused(t, Spec{Type: Geo}, record.String, CodeType, "logicalType: number")
}

func TestPrefix(t *testing.T) {
	holds(t, "cut", Spec{Type: Prefix, Length: 3}, record.String, record.String,
		pair{"94110-1234", "941"}, pair{"94", "94"}, pair{"", ""}, pair{"žluť", "žlu"}, pair{"94\xff", none})
	holds(t, "hidden", Spec{Type: Prefix, Length: 3, Char: "0"}, record.Integer, record.String,
		pair{"94110", "94100"}, pair{"941", "941"}, pair{"SW1A 1AA", "SW100000"}, pair{"ab\xffc", none})
	holds(t, "wide", Spec{Type: Prefix, Length: 1, Char: "•"}, record.String, record.String, pair{"žluť", "ž•••"})
	refused(t, Spec{Type: Prefix}, record.String, CodeOption, "length of 1")
	refused(t, Spec{Type: Prefix, Length: 2, Char: "**"}, record.String, CodeOption, "char of prefix must be one visible character")
	refused(t, Spec{Type: Prefix, Length: 2}, record.Date, CodeType, "string, integer")
}
