package transform

import (
	"github.com/sallyport-io/sallyport/shared/record"
)

func roundKind() kind {
	return kind{
		name: Round, options: []string{"size"}, plain: true,
		check: func(s Spec, in record.Type) (record.Type, error) {
			width, err := parseSize(s.Type, string(s.Size))
			if err != nil {
				return in, err
			}
			return width.out(s, in)
		},
		make: func(s Spec, _ TokenKey) (func() Appender, error) {
			width, err := parseSize(s.Type, string(s.Size))
			if err != nil {
				return nil, err
			}
			return stateless(width.nearest), nil
		},
	}
}

// nearest appends the multiple of the size that is nearest to the value, of two
// equally near ones that which is farther from 0, with as many decimals as the
// size has. Nothing is rounded before: the value is taken apart digit by digit.
func (s size) nearest(dst, value []byte) ([]byte, bool) {
	n, ok := parseNumber(value)
	if !ok || n.point > maxDigits {
		return dst, false
	}
	// One more digit than the size has makes half of it a whole number. What comes
	// behind that digit cannot change which multiple is nearer.
	units := 10 * s.units
	start := len(dst)
	dst, remainder := n.appendDigits(append(dst, room...), s.scale+1, units)
	digits := dst[start:]
	subtract(digits, remainder)
	if 2*remainder >= units {
		add(digits, units)
	}
	return appendDecimal(dst[:start], digits[:len(digits)-1], s.scale, n.negative), true
}

// The coordinates of geo.
const (
	maxGeoDecimals = 6   // a tenth of a metre
	maxDegrees     = 180 // of longitude
)

func geoKind() kind {
	return kind{
		name: Geo, options: []string{"decimals"}, plain: true,
		check: func(s Spec, in record.Type) (record.Type, error) {
			if s.Decimals < 0 || s.Decimals > maxGeoDecimals {
				return in, optionFault("decimals of geo must be 0 to 6", "write {type: geo, decimals: 1}: a grid of about 11 km")
			}
			if in == record.Object { // its members are the coordinates
				return in, nil
			}
			return record.Number, s.takes(in, "name the members of an object, or the object itself, and let them say logicalType: number", record.Number, record.Integer)
		},
		make: func(s Spec, _ TokenKey) (func() Appender, error) {
			grid := size{units: 1, scale: s.Decimals}
			return stateless(grid.point), nil
		},
	}
}

// point appends the point of the grid that is nearest to a coordinate in degrees.
// What lies on no globe is none.
func (s size) point(dst, value []byte) ([]byte, bool) {
	n, ok := parseNumber(value)
	if !ok || n.point > 3 || n.beyond(maxDegrees) {
		return dst, false
	}
	return s.nearest(dst, value)
}

// beyond tells whether a number of at most three digits before the point is more
// than limit or less than its negative.
func (n number) beyond(limit int) bool {
	whole := 0
	for i := range max(n.point, 0) {
		whole = 10*whole + int(n.digit(i))
	}
	return whole > limit || whole == limit && n.restAfter(n.point)
}
