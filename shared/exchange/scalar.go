package exchange

import (
	"errors"
	"fmt"
	"math"
	"path"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Size is a number of bytes, written as "4MiB", "50GiB" or plain bytes. The
// units are those of IEC 80000-13 (KiB, MiB, GiB, TiB) and SI (kB, MB, GB, TB).
type Size int64

// sizeUnits is ordered: no suffix comes after one that it ends with.
var sizeUnits = [...]struct {
	suffix string
	bytes  int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"", 1},
}

// sizePattern is what ParseSize takes, for the JSON schema.
const sizePattern = `^[0-9]+ ?(KiB|MiB|GiB|TiB|kB|MB|GB|TB)?$`

// ParseSize reads a size of at least one byte.
func ParseSize(text string) (Size, error) {
	for _, u := range sizeUnits {
		digits, ok := strings.CutSuffix(text, u.suffix)
		if !ok {
			continue
		}
		if u.suffix != "" {
			digits = strings.TrimSuffix(digits, " ")
		}
		n, err := strconv.ParseUint(digits, 10, 63)
		if err != nil || n == 0 || n > uint64(math.MaxInt64/u.bytes) {
			break
		}
		return Size(int64(n) * u.bytes), nil
	}
	return 0, fmt.Errorf("%q is not a size: write bytes or a unit, such as 4MiB or 50GiB", text)
}

// UnmarshalYAML reads a size from a scalar.
func (s *Size) UnmarshalYAML(n *yaml.Node) error { return fromYAML(n, s, ParseSize) }

// fromYAML reads a scalar. The error is one that a decoder gathers with others,
// together with its line.
func fromYAML[T any](n *yaml.Node, into *T, parse func(string) (T, error)) (err error) {
	*into, err = parse(n.Value)
	if err != nil {
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: %v", n.Line, err)}}
	}
	return nil
}

// Duration is written as Go writes it, with days besides: "90m", "24h", "7d".
type Duration time.Duration

// durationPattern is what ParseDuration takes, for the JSON schema.
const durationPattern = `^([0-9]+(d|h|m|s))+$`

// ParseDuration reads a duration of at least one second, in whole days, hours,
// minutes and seconds.
func ParseDuration(text string) (Duration, error) {
	var total, n time.Duration
	digits := 0
	units := map[rune]time.Duration{'d': 24 * time.Hour, 'h': time.Hour, 'm': time.Minute, 's': time.Second}
	for _, c := range text {
		unit, isUnit := units[c]
		switch {
		case c >= '0' && c <= '9' && digits < 9:
			n, digits = n*10+time.Duration(c-'0'), digits+1
		case isUnit && digits > 0 && n <= (math.MaxInt64-total)/unit:
			total, n, digits = total+n*unit, 0, 0
		default:
			total, digits = 0, -1
		}
		if digits < 0 {
			break
		}
	}
	if total <= 0 || digits != 0 {
		return 0, fmt.Errorf("%q is not a duration: write days, hours, minutes and seconds, such as 24h, 7d or 1h30m", text)
	}
	return Duration(total), nil
}

func (d Duration) String() string { return time.Duration(d).String() }

// UnmarshalYAML reads a duration from a scalar.
func (d *Duration) UnmarshalYAML(n *yaml.Node) error { return fromYAML(n, d, ParseDuration) }

// MarshalText writes the duration as Go does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := ParseDuration(string(text))
	*d = v
	return err
}

// Expiry is the end of an entitlement: a day, which still counts (in UTC), or
// an instant. The zero Expiry never comes.
type Expiry struct {
	text    string
	instant time.Time
}

// expiryPattern is what ParseExpiry takes, as far as a pattern can say it.
const expiryPattern = `^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2}))?$`

// ParseExpiry reads a date ("2027-12-31") or an RFC 3339 timestamp.
func ParseExpiry(text string) (Expiry, error) {
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return Expiry{text: text, instant: day.AddDate(0, 0, 1)}, nil
	}
	if t, err := time.Parse(time.RFC3339, strings.ToUpper(text)); err == nil {
		return Expiry{text: text, instant: t}, nil
	}
	return Expiry{}, fmt.Errorf("%q is neither a date such as 2027-12-31 nor a timestamp such as 2027-12-31T12:00:00Z", text)
}

// IsZero reports whether there is no end.
func (e Expiry) IsZero() bool { return e.text == "" }

// Instant is the first instant at which the entitlement does not stand.
func (e Expiry) Instant() time.Time { return e.instant }

func (e Expiry) String() string { return e.text }

// UnmarshalYAML reads an expiry from a scalar.
func (e *Expiry) UnmarshalYAML(n *yaml.Node) error { return fromYAML(n, e, ParseExpiry) }

// MarshalText writes the expiry as it was written.
func (e Expiry) MarshalText() ([]byte, error) { return []byte(e.text), nil }

// UnmarshalText reads what MarshalText wrote.
func (e *Expiry) UnmarshalText(text []byte) error {
	v, err := ParseExpiry(string(text))
	*e = v
	return err
}

// Glob is a pattern for slash-separated paths. "*" stands for any part of a
// segment, "?" for one character of one, and "**" as a whole segment for any
// number of segments: none as well, except at the end, where "a/**" is what
// lies in a but not a itself. All other characters stand for themselves.
type Glob string

// Check says what is wrong with the pattern.
func (g Glob) Check() error {
	s := string(g)
	switch {
	case s == "":
		return errors.New("the path is empty")
	case strings.HasPrefix(s, "/"):
		return errors.New("the path starts with /: it is below the partner's own prefix anyway")
	case strings.ContainsAny(s, `\[]{}`):
		return errors.New(`the path has one of \ [ ] { }: only *, ? and ** have a meaning in it`)
	case len(s) > 1024:
		return errors.New("the path is longer than 1024 bytes")
	}
	for segment := range strings.SplitSeq(s, "/") {
		switch {
		case segment == "":
			return errors.New("the path has an empty segment")
		case segment == "." || segment == "..":
			return errors.New("the path has a . or .. segment")
		case segment != "**" && strings.Contains(segment, "**"):
			return errors.New("** must be a whole segment of the path, as in a/**/b")
		}
	}
	return nil
}

// Match reports whether the pattern stands for the path. It takes time in
// proportion to the product of their segments at most.
func (g Glob) Match(name string) bool {
	return matchSegments(strings.Split(string(g), "/"), strings.Split(name, "/"))
}

// matchSegments is the usual matcher with one point to come back to: the last
// "**" seen, which suffices because a later "**" can take all that an earlier
// one could.
func matchSegments(pattern, name []string) bool {
	p, n := 0, 0
	backP, backN := -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == "**":
			if p == len(pattern)-1 {
				return true // at least name[n] is left for it
			}
			backP, backN = p, n
			p++
		case p < len(pattern) && matchSegment(pattern[p], name[n]):
			p++
			n++
		case backP >= 0:
			backN++
			p, n = backP+1, backN
		default:
			return false
		}
	}
	return p == len(pattern)
}

func matchSegment(pattern, segment string) bool {
	ok, err := path.Match(pattern, segment) // Check has refused what has a meaning only there
	return ok && err == nil
}
