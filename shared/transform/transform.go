// Package transform makes of one value of a field another: a mask, a token, a
// coarser date or number, a constant.
//
// A Spec is what a profile says. Check tells whether it goes with a field's type
// and what type it gives; Compile makes a Transform of it once, and the
// Appenders of the Transform run over values without allocating. Everything here
// is a pure function of spec, key and value, and for some of the Place and row
// that the value stands in.
//
// Transforms fail closed: a value that a transform cannot be applied to leaves
// as null, never as it stood.
package transform

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/record"
)

// The types of transforms.
const (
	// Keep leaves the value as it is.
	Keep = "keep"
	// Drop takes the field away.
	Drop = "drop"
	// Null puts null in the place of the value.
	Null = "null"
	// Constant puts Spec.Value in the place of every value, null included.
	Constant = "constant"
	// Mask shows the first Spec.KeepFirst and the last Spec.KeepLast characters
	// (Unicode code points), or what Spec.KeepDomain, KeepPattern or KeepCard keeps,
	// and puts Spec.Char in the place of each other. It shows how long the value is.
	Mask = "mask"
	// Token puts a keyed pseudonym in the place of the value: the same for the
	// same text under the same key, so that rows can be joined but not reversed. Some
	// algorithms differ: see Spec.Algorithm.
	Token = "token"
	// FPE puts a text of the same length and characters in the place of the value,
	// by a format-preserving cipher: the same for the same text under the same
	// key. Separators stay where they are.
	FPE = "fpe"
	// Dictionary puts one of Spec.Words in the place of the value: the same for the
	// same text under the same key.
	Dictionary = "dictionary"
	// IP keeps the network of an IP address.
	IP = "ip"
	// Text puts the name of its type in the place of each piece of personal data that
	// is detected in a text: see package detect.
	Text = "text"
	// Date cuts a date or timestamp to the first day of its week, month, quarter or
	// year.
	Date = "date"
	// Bucket puts the lower bound of its bucket in the place of a number; the
	// buckets are Spec.Size wide and one of them starts at 0.
	Bucket = "bucket"
	// Round puts the nearest multiple of Spec.Size in the place of a number.
	Round = "round"
	// Prefix keeps the first Spec.Length characters of a code, such as a postal
	// code, and cuts the rest, or puts Spec.Char in the place of each.
	Prefix = "prefix"
	// Geo puts a coordinate in degrees on a grid of Spec.Decimals decimals.
	Geo = "geo"
	// Age puts the full years since a date of birth in its place, as they are when
	// the drop arrives. Whoever is older than Spec.TopCode is one year older.
	Age = "age"
	// DateShift shifts a date or timestamp by a number of days, at most Spec.Days
	// forth or back, that is the same for all dates of one value of the row's field
	// Spec.By under the same key. Where that is missing null leaves.
	DateShift = "dateShift"
	// Noise adds to a number what is drawn from Spec.Distribution: the same for the
	// same number under the same key.
	Noise = "noise"
)

// The codes of this package's faults. Their kind is Poison, because what is
// wrong is configuration and a second run meets the same.
const (
	CodeUnknown = "transform-unknown" // no such type of transform
	CodeType    = "transform-type"    // does not go with the field's type
	CodeOption  = "transform-option"  // an option is missing, wrong or not the transform's
	CodeKey     = "transform-key"     // a token transform was given no usable key
)

// Check tells whether a spec is complete and goes with a field of type in, and
// the type of what it gives: for drop and null the field's own. Its errors are
// faults with one of this package's codes.
func Check(s Spec, in record.Type) (out record.Type, err error) {
	k := kindOf(s.Type)
	if k == nil {
		return in, unknownFault(s.Type)
	}
	if err := s.only(k.options...); err != nil {
		return in, err
	}
	if err := s.checkScope(); err != nil {
		return in, err
	}
	return k.check(s, in)
}

// Keyed tells whether a spec's transform needs a key.
func Keyed(s Spec) bool {
	for _, inside := range s.With.list() {
		if Keyed(inside) {
			return true
		}
	}
	k := kindOf(s.Type)
	return k != nil && k.keyed
}

// kind is what a type of transform is.
type kind struct {
	name    string
	options []string // of Spec, by their names in YAML
	keyed   bool     // it needs a key
	plain   bool     // see Transform.Plain
	// check is the fault of options, which are the type's own, or of the type of
	// field; out is the type of what comes out.
	check func(s Spec, in record.Type) (out record.Type, err error)
	// make makes what makes appenders, of a spec that has passed its check.
	make func(s Spec, key TokenKey) (func() Appender, error)
	// placed makes it instead where new values depend on the place; nil where those
	// of the spec do not.
	placed func(s Spec, key TokenKey) (func(Place) Appender, error)
}

// kinds are all of them, in the order in which they are told to a reader.
func kinds() []kind {
	return []kind{
		{name: Keep, check: same, make: func(Spec, TokenKey) (func() Appender, error) { return stateless(appendSame), nil }},
		{name: Drop, check: same, make: func(Spec, TokenKey) (func() Appender, error) { return stateless(appendNothing), nil }},
		{name: Null, check: same, make: func(Spec, TokenKey) (func() Appender, error) { return stateless(appendNothing), nil }},
		constantKind(), textKind(), dictionaryKind(), maskKind(), tokenKind(), fpeKind(), dateKind(), bucketKind(), ipKind(),
		roundKind(), prefixKind(), geoKind(), ageKind(), dateShiftKind(), noiseKind(),
	}
}

func kindOf(name string) *kind {
	all := kinds()
	i := slices.IndexFunc(all, func(k kind) bool { return k.name == name })
	if i < 0 {
		return nil
	}
	return &all[i]
}

// names are those of all types.
func names() []string {
	var all []string
	for _, k := range kinds() {
		all = append(all, k.name)
	}
	return all
}

// same is the check of what takes all types and does not change them.
func same(_ Spec, in record.Type) (record.Type, error) { return in, nil }

// scalars are the types whose values have a text that can be masked or turned
// into a token. A boolean is not among them: of two possible values a mask's
// length or a token's frequency tells which one it is.
var scalars = []record.Type{record.String, record.Integer, record.Number, record.Date, record.Timestamp, record.Time}

// insteadOf is what can be done with fields whose type a transform does not take.
const insteadOf = "with drop, null or constant it can be hidden as a whole"

// takes is the fault for a field whose type the transform does not take.
func (s Spec) takes(in record.Type, do string, types ...record.Type) error {
	if slices.Contains(types, in) {
		return nil
	}
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = t.String()
	}
	return fault.New(fault.Poison, CodeType, fmt.Sprintf("%s takes %s, and the field is of type %s", s.Type, strings.Join(names, ", "), in), do)
}

func optionFault(msg, do string) error { return fault.New(fault.Poison, CodeOption, msg, do) }

func unknownFault(name string) error {
	msg := fmt.Sprintf("there is no transform %q", name)
	do := "use one of " + strings.Join(names(), ", ")
	if name == "" {
		msg = "no transform is named"
		do += `; YAML takes null for a word only in quotes: {type: "null"}`
	}
	if near := nearest(name); near != "" {
		do = fmt.Sprintf("did you mean %q? otherwise %s", near, do)
	}
	return fault.New(fault.Poison, CodeUnknown, msg, do)
}

// Transform is a compiled Spec. It does not change; any number of goroutines may
// use it.
type Transform struct {
	spec     Spec
	out      record.Type
	plain    bool
	appender func() Appender
	placed   func(Place) Appender // if not nil, in the place of appender
}

// Appender applies a Transform to values, one at a time. It is for one
// goroutine.
type Appender interface {
	// Append appends the new value to dst. value and the new value are UTF-8 as
	// they are meant: without quotes, escapes resolved. value is not kept.
	//
	// ok is false if value does not fit the transform (a date that is none, a
	// number that is none, broken UTF-8), and for drop and null: null is then
	// to leave in the value's place. out is dst then.
	Append(dst, value []byte) (out []byte, ok bool)
}

// BatchAppender is an Appender to which many values at once are cheaper than one
// after the other. Each new value has Size bytes, and each value has one.
type BatchAppender interface {
	Appender
	AppendAll(dst []byte, values [][]byte) []byte
	Size() int
}

// Compile makes the transform of a spec for fields of type in. key is for types
// that are Keyed; others take nil. Its errors are those of Check, and a fault
// with code "transform-key" if there is no usable key.
func Compile(s Spec, in record.Type, key TokenKey) (*Transform, error) {
	out, err := Check(s, in)
	if err != nil {
		return nil, err
	}
	k := kindOf(s.Type)
	t := &Transform{spec: s, out: out, plain: k.plain}
	if k.placed != nil {
		t.placed, err = k.placed(s, key)
	}
	if t.placed == nil && err == nil {
		t.appender, err = k.make(s, key)
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

// Out is the type of the new values: what quotes they need.
func (t *Transform) Out() record.Type { return t.out }

// Plain reports whether all new values are made of letters, digits, "-", "_" and
// "." only, whatever the old ones are.
func (t *Transform) Plain() bool { return t.plain }

// Null reports whether the transform is null: nothing needs to be appended.
func (t *Transform) Null() bool { return t.spec.Type == Null }

// HidesNull reports whether null values have to be transformed too, because the
// transform hides whether there was one.
func (t *Transform) HidesNull() bool { return t.spec.Type == Constant }

// appendFunc is an Appender without state of its own.
type appendFunc func(dst, value []byte) ([]byte, bool)

func (f appendFunc) Append(dst, value []byte) ([]byte, bool) { return f(dst, value) }

func stateless(f appendFunc) func() Appender { return func() Appender { return f } }

func appendSame(dst, value []byte) ([]byte, bool) { return append(dst, value...), true }

func appendNothing(dst, _ []byte) ([]byte, bool) { return dst, false }

func constantKind() kind {
	return kind{
		name: Constant, options: []string{"value"},
		check: func(s Spec, _ record.Type) (record.Type, error) { return s.Value.check() },
		make:  func(s Spec, _ TokenKey) (func() Appender, error) { return stateless(constant(s.Value)), nil },
	}
}

// constant appends a scalar that has passed its check.
func constant(v Scalar) appendFunc {
	text := string(v)
	if v[0] == '"' {
		if err := json.Unmarshal([]byte(v), &text); err != nil {
			return appendNothing
		}
	}
	return func(dst, _ []byte) ([]byte, bool) { return append(dst, text...), true }
}
