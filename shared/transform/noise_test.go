package transform

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/shared/record"
)

func noise(distribution, scale string) Spec {
	return Spec{Type: Noise, Distribution: distribution, Scale: Decimal(scale)}
}

// TestNoiseIsDrawn: the noise of many numbers is distributed as is said, by its
// mean, its mean distance from 0 and its variance.
func TestNoiseIsDrawn(t *testing.T) {
	const n, scale = 20000, 50.0
	for _, c := range []struct {
		distribution       string
		distance, variance float64 // in scales
		most               float64
	}{
		{Laplace, 1, 2, 40},
		{Gaussian, math.Sqrt(2 / math.Pi), 1, 13},
		{Uniform, .5, 1. / 3, 1},
	} {
		a := compile(t, noise(c.distribution, "50"), record.Number).Appender()
		var sum, distance, squares, most float64
		for i := range n {
			was := float64(i) + .125
			got, err := strconv.ParseFloat(apply(a, strconv.FormatFloat(was, 'f', 3, 64)), 64)
			if err != nil {
				t.Fatal(err)
			}
			x := (got - was) / scale
			sum, distance, squares, most = sum+x, distance+math.Abs(x), squares+x*x, max(most, math.Abs(x))
		}
		sum, distance, squares = sum/n, distance/n, squares/n
		if math.Abs(sum) > .03 || math.Abs(distance-c.distance) > .03 || math.Abs(squares-c.variance) > .1 || most > c.most {
			t.Errorf("%s: mean %.3f, distance %.3f, variance %.3f, farthest %.1f", c.distribution, sum, distance, squares, most)
		}
	}
}

func TestNoiseRepeats(t *testing.T) {
	a := compile(t, noise(Laplace, "50"), record.Number).Appender()
	want := apply(a, "1234.50")
	for _, same := range []string{"1234.50", "+1234.50", "01234.50", "1.23450e3", "123450e-2"} {
		if got := apply(a, same); strings.TrimRight(got, "0") != strings.TrimRight(want, "0") {
			t.Errorf("%s -> %s, want %s", same, got, want)
		}
	}
	if got := apply(a, "1234.5"); math.Abs(float(t, got)-float(t, want)) > .05 { // the same noise, fewer decimals
		t.Errorf("1234.5 -> %s, and 1234.50 -> %s", got, want)
	}
	if x, y := apply(a, "0"), apply(a, "-0.0"); math.Abs(float(t, x)-float(t, y)) > .5 {
		t.Errorf("0 -> %s, -0.0 -> %s", x, y)
	}
	if got := apply(a, "1234.51"); got == want {
		t.Error("another number has the same noise")
	}
	other, err := Compile(noise(Laplace, "50"), record.Number, testKey{3, strings.Repeat("k", 32)})
	if err != nil {
		t.Fatal(err)
	}
	if got := apply(other.Appender(), "1234.50"); got == want {
		t.Error("another key makes the same noise")
	}
}

func float(t *testing.T, text string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestNoiseIsAdded holds the sum to arithmetic on rationals: what is added to a
// number is what was drawn, to the last decimal, whatever signs meet.
func TestNoiseIsAdded(t *testing.T) {
	tr := compile(t, noise(Gaussian, "1000"), record.Number)
	a, ok := tr.Appender().(*noiseAppender)
	if !ok {
		t.Fatal("not a noiseAppender")
	}
	r := rand.New(rand.NewPCG(5, 6))
	for range 5000 {
		decimals := r.IntN(6)
		value := strconv.FormatFloat((r.Float64()-.5)*4000, 'f', decimals, 64)
		if r.IntN(4) == 0 {
			value = []string{"", "-"}[r.IntN(2)] + "98765432109876543210987654321" + strings.TrimLeft(value, "-")
		}
		got := apply(a, value)
		// The noise again: seeded as Append left it, before its draw.
		a.source.Seed(seeds(a))
		drawn := new(big.Rat).SetFrac64(int64(math.RoundToEven(a.draw()*a.scale*powers[decimals])), int64(powers[decimals]))
		if want := drawn.Add(drawn, rational(t, value)); rational(t, got).Cmp(want) != 0 {
			t.Fatalf("%s -> %s, want %s", value, got, want.FloatString(decimals))
		}
		if _, fraction, _ := strings.Cut(got, "."); len(fraction) != decimals {
			t.Fatalf("%s -> %s", value, got)
		}
	}
}

func seeds(a *noiseAppender) (uint64, uint64) {
	be := func(b []byte) (v uint64) {
		for _, c := range b {
			v = v<<8 | uint64(c)
		}
		return v
	}
	return be(a.x[:8]), be(a.x[8:16])
}

func TestNoiseOfWhat(t *testing.T) {
	holds(t, "no numbers", noise(Uniform, "1"), record.Number, record.Number, pair{"", none}, pair{"x", none}, pair{"NaN", none}, pair{"1e401", none})
	whole := compile(t, noise(Uniform, "3"), record.Integer)
	for i := range 100 {
		got := apply(whole.Appender(), fmt.Sprint(i))
		if n, err := strconv.Atoi(got); err != nil || n < i-3 || n > i+3 || whole.Out() != record.Integer {
			t.Errorf("%d -> %s", i, got)
		}
	}
	// More decimals than go with a scale are cut.
	if got := apply(compile(t, noise(Laplace, "100000000000000"), record.Number).Appender(), "1.123456789"); strings.Index(got, ".") != len(got)-3 {
		t.Errorf("%s", got)
	}
	if got := apply(compile(t, noise(Laplace, "0.000001"), record.Number).Appender(), "0.1234567890123456789"); len(got) != len("0.123456789012345") || !strings.HasPrefix(got, "0.123") {
		t.Errorf("%s", got)
	}
	refused(t, Spec{Type: Noise, Scale: "1"}, record.Number, CodeOption, "laplace, gaussian or uniform")
	refused(t, noise("cauchy", "1"), record.Number, CodeOption, "laplace, gaussian or uniform")
	refused(t, noise(Laplace, ""), record.Number, CodeOption, "needs a scale")
	refused(t, noise(Laplace, "0"), record.Number, CodeOption, "above 0")
	refused(t, noise(Laplace, "1e3"), record.Number, CodeOption, "without an exponent")
	refused(t, noise(Laplace, "1000000000000000000"), record.Number, CodeOption, "15 digits")
	refused(t, noise(Laplace, "1"), record.String, CodeType, "logicalType: number")
}

func TestLn(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 100000 {
		x := math.Ldexp(r.Float64()+1e-9, -r.IntN(107))
		if got, want := ln(x), math.Log(x); math.Abs(got-want) > 1e-14*max(1, math.Abs(want)) {
			t.Fatalf("ln %v is %v, want %v", x, got, want)
		}
	}
}
