package contract

import (
	"math/big"
	"strings"
	"testing"
	"time"
)

// FuzzDecimal holds comparing and dividing to math/big.
func FuzzDecimal(f *testing.F) {
	for _, pair := range [][2]string{{"1.50", "1.5"}, {"-0", "0"}, {"1e3", "1000"}, {"0.075", "0.01"}, {"123456789012345678901234567890.12", "0.01"},
		{"-7.5e-3", "2.5e-3"}, {"100", "1e2"}, {"1e-30", "1e-31"}, {"+3", "0003"}} {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if len(a)+len(b) > 200 {
			return
		}
		x, ok := parseDecimal([]byte(a))
		if !ok {
			return
		}
		y, ok := parseDecimal([]byte(b))
		if !ok {
			return
		}
		rx, ok := new(big.Rat).SetString(a)
		if !ok {
			t.Fatalf("%q is no number", a)
		}
		ry, ok := new(big.Rat).SetString(b)
		if !ok {
			t.Fatalf("%q is no number", b)
		}
		if got, want := x.compare(&y), rx.Cmp(ry); got != want {
			t.Fatalf("%q and %q compare as %d, want %d", a, b, got, want)
		}
		m, err := newMultiple(&y)
		if err != nil {
			return
		}
		if got, want := m.divides(&x), new(big.Rat).Quo(rx, ry).IsInt(); got != want {
			t.Fatalf("%q is a multiple of %q: got %t", a, b, got)
		}
	})
}

func TestMultipleRefused(t *testing.T) {
	for text, want := range map[string]string{"0": "above 0", "-1": "above 0", "0.000": "above 0", "1234567890.123456789": "18 digits"} {
		d, err := bound(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := newMultiple(d); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

func TestBound(t *testing.T) {
	for text, want := range map[string]string{".5": "0.5", "1_000": "1000", "0x10": "16", "99999999999999999999.99": "99999999999999999999.99", "+7": "7"} {
		d, err := bound(text)
		if err != nil || d.String() != want {
			t.Errorf("%s: got %v, %v, want %s", text, d, err, want)
		}
	}
	for _, text := range []string{"", "x", ".inf", "1e999"} {
		if d, err := bound(text); err == nil {
			t.Errorf("%q: got %v, want an error", text, d)
		}
	}
}

// TestLongNumbers: what a sender can make a number cost is in proportion to its
// length.
func TestLongNumbers(t *testing.T) {
	c := compile(t, doc("logicalType: number\nlogicalTypeOptions: {multipleOf: 0.03, minimum: 0, maximum: 1e9}"))
	long := []byte("1" + strings.Repeat("0", 4<<20) + ".09")
	begun := time.Now()
	if c.Fits(1, long) {
		t.Error("it fits")
	}
	c = compile(t, doc("logicalType: number\nlogicalTypeOptions: {multipleOf: 0.03}"))
	if c.Fits(1, long) {
		t.Error("it fits")
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}
