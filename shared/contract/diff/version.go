package diff

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// numbers are those of a semantic version; what follows them does not count here.
func numbers(version string) (n [3]uint64, ok bool) {
	version = strings.TrimPrefix(version, "v")
	version, _, _ = strings.Cut(version, "+")
	version, _, early := strings.Cut(version, "-")
	parts := strings.Split(version, ".")
	if len(parts) > len(n) || early && len(parts) < len(n) { // 2024-11 is a month
		return n, false
	}
	for i, part := range parts {
		v, err := strconv.ParseUint(part, 10, 32)
		if err != nil {
			return n, false
		}
		n[i] = v
	}
	return n, true
}

func startsWithZero(version string) bool {
	n, ok := numbers(version)
	return ok && n[0] == 0
}

// step is which number of a version has grown. Where none has, or an earlier one
// has become less, it is None.
func step(old, new string) (Level, bool) {
	a, okA := numbers(old)
	b, okB := numbers(new)
	if !okA || !okB {
		return None, false
	}
	for i, level := range []Level{Major, Minor, Patch} {
		if b[i] > a[i] {
			return level, true
		}
		if b[i] < a[i] {
			break
		}
	}
	return None, true
}

// Mode is a compatibility mode of Confluent's schema registry.
type Mode string

const (
	NoMode             Mode = "NONE"
	Backward           Mode = "BACKWARD" // who reads with the new version can read what was written under the one before
	BackwardTransitive Mode = "BACKWARD_TRANSITIVE"
	Forward            Mode = "FORWARD" // who reads with the version before can read what is written under the new one
	ForwardTransitive  Mode = "FORWARD_TRANSITIVE"
	Full               Mode = "FULL" // both
	FullTransitive     Mode = "FULL_TRANSITIVE"
)

// Modes are all of them.
func Modes() []Mode {
	return []Mode{NoMode, Backward, BackwardTransitive, Forward, ForwardTransitive, Full, FullTransitive}
}

// ParseMode reads a mode in any case.
func ParseMode(text string) (Mode, error) {
	m := Mode(strings.ToUpper(text))
	if slices.Contains(Modes(), m) {
		return m, nil
	}
	var names []string
	for _, m := range Modes() {
		names = append(names, string(m))
	}
	hint := "one of " + strings.Join(names, ", ")
	if near := yamldoc.Nearest(string(m), names); near != "" {
		hint = fmt.Sprintf("did you mean %s? otherwise %s", near, hint)
	}
	return "", fmt.Errorf("there is no compatibility mode %q: %s", text, hint)
}

// forbids is the class of changes of data that break the mode.
func (m Mode) forbids() Class {
	switch m {
	case Backward, BackwardTransitive:
		return BreaksProducer
	case Forward, ForwardTransitive:
		return BreaksConsumer
	case Full, FullTransitive:
		return BreaksProducer | BreaksConsumer
	}
	return 0
}

// Violation is a change that a mode does not allow.
type Violation struct {
	Version string // of the earlier document
	Change  Change
}

// Breaks are the changes of a report that the mode does not allow.
func (m Mode) Breaks(r Report) []Violation {
	var all []Violation
	for _, c := range r.Changes {
		if c.Data && c.Class&m.forbids() != 0 {
			all = append(all, Violation{r.OldVersion, c})
		}
	}
	return all
}

// Compatible holds a version to the earlier ones, the latest last: to that one,
// or to all of them where the mode is transitive.
func Compatible(m Mode, new *contract.Contract, earlier ...*contract.Contract) []Violation {
	if !strings.HasSuffix(string(m), "_TRANSITIVE") && len(earlier) > 1 {
		earlier = earlier[len(earlier)-1:]
	}
	var all []Violation
	for _, old := range earlier {
		all = append(all, m.Breaks(Compare(old, new))...)
	}
	return all
}
