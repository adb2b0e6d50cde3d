package contract

import (
	"fmt"
	"math"
	"math/big"
	"strconv"

	"github.com/sallyport-io/sallyport/shared/record"
)

// limit is a bound of a number.
type limit struct {
	bound *decimal
	sign  int // of value.compare(bound) that is broken
	equal bool
	rule  *rule
}

// floats are the largest numbers of ODCS's formats of numbers: IEEE 754.
var floats = map[string]float64{"f32": math.MaxFloat32, "f64": math.MaxFloat64}

// number compiles the options of numbers and integers. A format bounds an
// integer's width; without one there is no bound, although ODCS's default is
// i32: real contracts leave it out and mean larger ones. f32 and f64 bound a
// number's size; more digits than they hold are no fault.
func (b *compiler) number(f *field, o Options, at string) {
	kind, integer := f.kind, f.typ == record.Integer
	var limits []limit
	add := func(name string, v any, sign int, equal bool, words string) {
		if v == nil {
			return
		}
		d, err := bound(b.literal(at+"."+name, v))
		if err != nil {
			b.problem(at+"."+name, err.Error(), "")
			return
		}
		limits = append(limits, limit{d, sign, equal, &rule{name: name, want: words + " " + d.String(), do: "correct the number"}})
	}
	add("minimum", o.Minimum, -1, false, "at least")
	add("exclusiveMinimum", o.ExclusiveMinimum, -1, true, "more than")
	add("maximum", o.Maximum, 1, false, "at most")
	add("exclusiveMaximum", o.ExclusiveMaximum, 1, true, "less than")
	largest, float := floats[o.Format]
	width := &rule{name: "format", want: "a number that fits " + o.Format, do: "correct the number"}
	switch {
	case o.Format == "":
	case float && !integer:
		high, _ := bound(strconv.FormatFloat(largest, 'f', -1, 64))
		low, _ := bound(strconv.FormatFloat(-largest, 'f', -1, 64))
		limits = append(limits, limit{low, -1, false, width}, limit{high, 1, false, width})
	case integer && !float:
		low, high, err := widths(o.Format)
		if err != nil {
			b.problem(at+".format", err.Error(), "")
			break
		}
		limits = append(limits, limit{low, -1, false, width}, limit{high, 1, false, width})
	case integer:
		b.problem(at+".format", fmt.Sprintf("%q is not a width of an integer", o.Format), "i8 to i128, u8 to u128")
	default:
		b.unenforced(at+".format", fmt.Sprintf("%s: the format %q is not checked", f.path, o.Format), "f32 or f64")
	}
	var step *multiple
	var stepRule *rule
	if o.MultipleOf != nil {
		d, err := bound(b.literal(at+".multipleOf", o.MultipleOf))
		if err == nil {
			step, err = newMultiple(d)
		}
		if err != nil {
			b.problem(at+".multipleOf", err.Error(), "")
		} else {
			stepRule = &rule{name: "multipleOf", want: "a multiple of " + d.String(), do: "correct the number"}
		}
	}
	f.finite = &rule{name: "finite", want: "a number that is neither NaN nor infinite", do: "send null where there is no number"}
	f.within = newWithin(limits, step)
	within := f.within
	f.checks = append(f.checks, func(v []byte) *rule {
		if n, scale, ok := plainDecimal(v); ok && within != nil && (scale == 0 || !integer) && within.integer(n, scale) {
			return nil
		}
		if integer {
			if !isInteger(v) {
				return kind
			}
			if len(limits) == 0 && step == nil {
				return nil
			}
		}
		d, ok := parseDecimal(v)
		if !ok {
			return kind
		}
		for i := range limits {
			l := &limits[i]
			if c := d.compare(l.bound); c == l.sign || c == 0 && l.equal {
				return l.rule
			}
		}
		if step != nil && !step.divides(&d) {
			return stepRule
		}
		return nil
	})
}

// maxScale is up to which scale decimals of 64 bits are compared as they are:
// 10^18 is the last power that fits.
const maxScale = 18

// within are the limits of a number in binary: by the scale of a decimal
// (0 for integers), and as floats. It tells only what surely passes; what does
// not is looked at as text, which names the rule.
type within struct {
	low, high   [maxScale + 1]int64
	lowF, highF float64
	step        *multiple
	powers      [maxScale + 1]int64
}

func newWithin(limits []limit, step *multiple) *within {
	w := &within{lowF: math.Inf(-1), highF: math.Inf(1), step: step}
	power := int64(1)
	for scale := range w.low {
		w.low[scale], w.high[scale], w.powers[scale] = math.MinInt64, math.MaxInt64, power
		power *= 10
	}
	for _, l := range limits {
		exact, ok := new(big.Rat).SetString(l.bound.String())
		if !ok {
			return nil
		}
		near, _ := exact.Float64()
		for scale := range w.low {
			at := new(big.Rat).Mul(exact, new(big.Rat).SetInt64(w.powers[scale]))
			floor := new(big.Int).Div(at.Num(), at.Denom()) // Euclidean: rounds down, as the denominator is positive
			if l.sign > 0 {
				if l.equal && at.IsInt() {
					floor.Sub(floor, big.NewInt(1))
				}
				w.high[scale] = min(w.high[scale], clamp(floor))
				continue
			}
			if l.equal || !at.IsInt() {
				floor.Add(floor, big.NewInt(1))
			}
			w.low[scale] = max(w.low[scale], clamp(floor))
		}
		if l.sign > 0 {
			w.highF = min(w.highF, near)
		} else {
			w.lowF = max(w.lowF, near)
		}
	}
	return w
}

// clamp is n, or the nearest that 64 bits hold. A bound beyond them lets no more
// and no less pass: whatever is compared with it fits.
func clamp(n *big.Int) int64 {
	switch {
	case n.IsInt64():
		return n.Int64()
	case n.Sign() < 0:
		return math.MinInt64
	}
	return math.MaxInt64
}

// integer tells whether n / 10^scale surely passes.
func (w *within) integer(n int64, scale int) bool {
	if scale > maxScale || n < w.low[scale] || n > w.high[scale] || n == math.MinInt64 || n == math.MaxInt64 {
		return false
	}
	if w.step == nil {
		return true
	}
	missing := scale - w.step.places
	if missing < 0 || w.step.step > uint64(math.MaxInt64/w.powers[missing]) {
		return false
	}
	return n%(int64(w.step.step)*w.powers[missing]) == 0
}

// float tells whether v surely passes: it stays away from the floats that are
// nearest to the limits, since what it is written as may lie on their other side.
func (w *within) float(v float64) bool { return w.step == nil && v > w.lowF && v < w.highF }
