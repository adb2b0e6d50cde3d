package transform

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/transform/internal/hmac256"
)

// What noise is drawn from (Spec.Distribution).
const (
	Laplace  = "laplace"  // of mean 0; Spec.Scale is its b: the mean distance
	Gaussian = "gaussian" // of mean 0; Spec.Scale is the standard deviation
	Uniform  = "uniform"  // between -Spec.Scale and Spec.Scale
)

// noiseInfo parts its key from that of tokens: a token of a number must not tell
// its noise.
const noiseInfo = "sallyport/noise/v1"

const (
	maxNoiseDigits = 15 // of the scale, and decimals of a number with noise
	// farthest is more scales than the most distant noise lies away: with 53 bits of
	// chance 37 of Laplace, and 13 of Gauss by the polar method.
	farthest = 64
)

func noiseKind() kind {
	return kind{
		name: Noise, options: []string{"distribution", "scale", "scope"}, keyed: true, plain: true,
		check: func(s Spec, in record.Type) (record.Type, error) {
			if !slices.Contains([]string{Laplace, Gaussian, Uniform}, s.Distribution) {
				return in, optionFault("noise needs a distribution: laplace, gaussian or uniform", "write {type: noise, distribution: laplace, scale: 100}")
			}
			if _, err := s.noiseScale(); err != nil {
				return in, err
			}
			return in, s.takes(in, numberAdvice, record.Integer, record.Number)
		},
		make: func(s Spec, key TokenKey) (func() Appender, error) {
			secret, err := secretOf(key, s.Type)
			if err != nil {
				return nil, err
			}
			if secret, err = derive(secret, noiseInfo, 32); err != nil {
				return nil, err
			}
			scale, err := s.noiseScale()
			if err != nil {
				return nil, err
			}
			most := 0 // decimals of which the farthest noise has a 64-bit number
			for most < maxNoiseDigits && scale*farthest*math.Pow10(most+1) < 1<<62 {
				most++
			}
			return func() Appender {
				return &noiseAppender{distribution: s.Distribution, scale: scale, most: most, mac: hmac256.New(secret)}
			}, nil
		},
	}
}

// noiseScale is Spec.Scale: a number above 0 of few digits, so that it is exact
// enough, and never too large for any noise.
func (s Spec) noiseScale() (float64, error) {
	if _, err := parseSize(s.Type, string(s.Scale)); err != nil || len(s.Scale) > maxNoiseDigits+1 {
		return 0, optionFault(fmt.Sprintf("noise needs a scale: a number above 0 of at most %d digits without an exponent", maxNoiseDigits), "write {type: noise, distribution: laplace, scale: 100}")
	}
	scale, err := strconv.ParseFloat(string(s.Scale), 64)
	if err != nil {
		return 0, optionFault("the scale of noise is no number", "write it as 100 or 0.5")
	}
	return scale, nil
}

// noiseAppender adds noise to numbers. What comes out has as many decimals as the
// number, of those that go with a scale as large; what the number has behind them
// is cut. The noise is drawn with the number's HMAC for a seed, so that
// the same number, however it is written, has the same noise wherever it stands:
// repeats cannot be averaged out, but they can be told to be repeats.
type noiseAppender struct {
	distribution string
	scale        float64
	most         int // decimals
	mac          *hmac256.MAC
	x, y         [hmac256.Size]byte
	seed         []byte
	source       rand.PCG
}

func (a *noiseAppender) Append(dst, value []byte) ([]byte, bool) {
	n, ok := parseNumber(value)
	if !ok || n.point > maxDigits {
		return dst, false
	}
	decimals := min(max(len(n.whole)+len(n.fraction)-n.point, 0), a.most)
	a.seed = n.appendCanonical(a.seed[:0])
	a.mac.Sum2(a.seed, nil, &a.x, &a.y)
	a.source.Seed(binary.BigEndian.Uint64(a.x[:8]), binary.BigEndian.Uint64(a.x[8:16]))
	noise := int64(math.RoundToEven(a.draw() * a.scale * powers[decimals]))
	start := len(dst)
	dst, _ = n.appendDigits(append(dst, room...), decimals, 1)
	digits, negative := dst[start:], n.negative
	if n.negative {
		noise = -noise
	}
	if noise >= 0 {
		add(digits, uint64(noise))
	} else if v, ok := below(digits, uint64(-noise)); !ok {
		subtract(digits, uint64(-noise))
	} else { // the sign changes
		subtract(digits, v)
		add(digits, uint64(-noise)-v)
		negative = !negative
	}
	return appendDecimal(dst[:start], digits, decimals, negative), true
}

// powers are those of ten.
var powers = [maxNoiseDigits + 1]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// appendCanonical appends a text of a number that does not depend on how it is
// written: sign, place of the point, and digits without zeros at the ends.
func (n number) appendCanonical(dst []byte) []byte {
	point, from, past := n.point, 0, len(n.whole)+len(n.fraction)
	for from < past && n.digit(from) == 0 {
		from, point = from+1, point-1
	}
	for past > from && n.digit(past-1) == 0 {
		past--
	}
	if from == past {
		return append(dst, '0')
	}
	if n.negative {
		dst = append(dst, '-')
	}
	dst = append(strconv.AppendInt(dst, int64(point), 10), ':')
	for i := from; i < past; i++ {
		dst = append(dst, '0'+n.digit(i))
	}
	return dst
}

// draw is noise of scale 1. Each product is rounded on its own (the conversions
// see to it) and there is no logarithm of the processor's in it, so that all
// machines draw the same.
func (a *noiseAppender) draw() float64 {
	switch a.distribution {
	case Laplace:
		bits := a.source.Uint64()
		x := -ln(float64(bits>>11+1) / (1 << 53))
		if bits&1 != 0 {
			return -x
		}
		return x
	case Gaussian: // George Marsaglia's polar method
		for {
			u, v := a.even(), a.even()
			if s := float64(u*u) + float64(v*v); s > 0 && s < 1 {
				return u * math.Sqrt(float64(-2*ln(s))/s)
			}
		}
	}
	return a.even()
}

// even is a number between -1 and 1, each equally likely.
func (a *noiseAppender) even() float64 {
	return float64(int64(a.source.Uint64())>>10) / (1 << 53)
}

// atanh are the factors of the odd powers in the series of artanh, as many as
// count where its argument is at most 0.172.
var atanh = [...]float64{1. / 19, 1. / 17, 1. / 15, 1. / 13, 1. / 11, 1. / 9, 1. / 7, 1. / 5, 1. / 3, 1}

// ln is the natural logarithm of x, which is above 0 and normal, within 1e-14 of
// it or of 1: by 2 artanh((m-1)/(m+1)) of a mantissa m between √½ and √2.
func ln(x float64) float64 {
	m, exponent := math.Frexp(x)
	if m < math.Sqrt2/2 {
		m, exponent = 2*m, exponent-1
	}
	t := (m - 1) / (m + 1)
	square := float64(t * t)
	sum := 0.0
	for _, c := range atanh {
		sum = float64(sum*square) + c
	}
	return float64(float64(exponent)*math.Ln2) + float64(2*t*sum)
}
