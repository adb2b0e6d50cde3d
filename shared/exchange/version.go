package exchange

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Range names versions of a contract, in the words of package managers:
//
//	^1, ^1.2, ^1.2.3   from there on, without a change of the first number that is not 0
//	~1.2, ~1.2.3       from there on, without a change of the second number
//	1.x, 1.2.x, *      any number where x stands
//	1.2.3              this version, as the contract writes it
//
// A pre-release (2.0.0-beta) is only meant where it is written out. So is a
// version that is not of the form of semver.org, which no range takes in.
type Range string

// rangePattern is the form of a range, for the JSON schema.
const rangePattern = `^[\^~]?[^\^~*<>=| ,]+$|^[*]$`

// semver is a version by https://semver.org; numbers that are not there are 0.
type semver struct {
	numbers [3]uint64
	pre     string
}

// parseVersion reads "1", "1.2", "1.2.3", "v1.2.3-beta.1+build".
func parseVersion(text string) (v semver, given int, ok bool) {
	text = strings.TrimPrefix(text, "v")
	text, _, _ = strings.Cut(text, "+")
	text, pre, hyphen := strings.Cut(text, "-")
	if hyphen && pre == "" {
		return v, 0, false
	}
	v.pre = pre
	for part := range strings.SplitSeq(text, ".") {
		n, err := strconv.ParseUint(part, 10, 32)
		if err != nil || given == len(v.numbers) {
			return v, 0, false
		}
		v.numbers[given] = n
		given++
	}
	return v, given, true
}

// Check says what is wrong with the form of the range.
func (r Range) Check() error {
	if _, _, _, ok := r.bounds(); ok || r.exact() {
		return nil
	}
	return fmt.Errorf("%q is not a range of versions", string(r))
}

// exact tells a range that is a version, written out.
func (r Range) exact() bool {
	return r != "" && !strings.ContainsAny(string(r), "^~*<>=| ,") && !r.wild()
}

// wild tells 1.x and 1.2.x.
func (r Range) wild() bool {
	stem, ok := strings.CutSuffix(strings.ToLower(string(r)), ".x")
	if !ok {
		return false
	}
	_, given, ok := parseVersion(stem)
	return ok && given < 3
}

// bounds are the least version of the range and how many of its numbers stay.
// An exact version has none.
func (r Range) bounds() (least semver, fixed int, any, ok bool) {
	text := string(r)
	if text == "*" {
		return least, 0, true, true
	}
	if r.wild() {
		least, fixed, ok = parseVersion(text[:len(text)-2])
		return least, fixed, false, ok && least.pre == ""
	}
	kind := strings.TrimLeft(text, "^~")
	if len(text)-len(kind) != 1 {
		return least, 0, false, false
	}
	least, given, ok := parseVersion(kind)
	if !ok || least.pre != "" {
		return least, 0, false, false
	}
	fixed = min(given, 2)
	if text[0] == '^' {
		for fixed = 1; fixed < given && least.numbers[fixed-1] == 0; {
			fixed++
		}
	}
	return least, fixed, false, true
}

// Match tells whether a version of a contract is in the range. Every version is
// in the empty range.
func (r Range) Match(version string) bool {
	if r == "" {
		return true
	}
	v, _, isVersion := parseVersion(version)
	least, fixed, any, ok := r.bounds()
	if !ok {
		want, _, ok := parseVersion(string(r))
		return string(r) == version || ok && isVersion && want == v
	}
	if any {
		return true
	}
	return isVersion && v.pre == "" && v.compare(least) >= 0 && slices.Equal(v.numbers[:fixed], least.numbers[:fixed])
}

// compare orders versions; a pre-release comes before its release, and those of
// one release in the order of their names, which is all that is needed here.
func (v semver) compare(w semver) int {
	if c := slices.Compare(v.numbers[:], w.numbers[:]); c != 0 || v.pre == w.pre {
		return c
	}
	switch {
	case v.pre == "":
		return 1
	case w.pre == "":
		return -1
	}
	return cmp.Compare(v.pre, w.pre)
}

// compareVersions orders the versions of contracts: those that are not of
// semver's form first, by their text.
func compareVersions(a, b string) int {
	v, _, isV := parseVersion(a)
	w, _, isW := parseVersion(b)
	switch {
	case isV && isW:
		return cmp.Or(v.compare(w), cmp.Compare(a, b))
	case isV:
		return 1
	case isW:
		return -1
	}
	return cmp.Compare(a, b)
}

// sameVersion tells whether two texts are one version: 1.0 is 1.0.0.
func sameVersion(a, b string) bool {
	v, _, isV := parseVersion(a)
	w, _, isW := parseVersion(b)
	return a == b || isV && isW && v == w
}

// major is what a version has in common with those that may take its place
// without anybody's doing: its first number, or the version itself if that is no
// semver.
func major(version string) string {
	if v, _, ok := parseVersion(version); ok {
		return strconv.FormatUint(v.numbers[0], 10)
	}
	return version
}

// rank orders what a contract's status makes of it: the least is the one that is
// meant where nobody says more.
func (c *Contract) rank() int {
	switch strings.ToLower(c.Doc.Status) {
	case "active":
		return 0
	case "deprecated":
		return 1
	case "retired":
		return 3
	}
	return 2
}

// best are those of the lowest rank.
func best(all []*Contract) []*Contract {
	if len(all) == 0 {
		return nil
	}
	least := slices.MinFunc(all, func(a, b *Contract) int { return cmp.Compare(a.rank(), b.rank()) }).rank()
	return slices.DeleteFunc(slices.Clone(all), func(c *Contract) bool { return c.rank() != least })
}

// versionsOf words the versions of documents of a contract.
func versionsOf(all []*Contract) string {
	var versions []string
	for _, c := range all {
		versions = append(versions, c.Version)
	}
	return strings.Join(versions, ", ")
}
