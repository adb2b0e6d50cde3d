// Package transform makes of one value of a field another: a mask, a token, a
// coarser date or number, a constant.
//
// A Spec is what a profile says. Check tells whether it goes with a field's type
// and what type it gives; Compile makes a Transform of it once, and the
// Appenders of the Transform run over values without allocating. Everything here
// is a pure function of spec, key and value.
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
	// (Unicode code points) and puts Spec.Char in the place of each other. It
	// shows how long the value is.
	Mask = "mask"
	// Token puts a keyed pseudonym in the place of the value: the same for the
	// same text under the same key, so that rows can be joined but not reversed.
	Token = "token"
	// Date cuts a date or timestamp to the first day of its month or year.
	Date = "date"
	// Bucket puts the lower bound of its bucket in the place of a number; the
	// buckets are Spec.Size wide and one of them starts at 0.
	Bucket = "bucket"
)

// types in the order in which they are told to a reader.
var types = [...]string{Keep, Drop, Null, Constant, Mask, Token, Date, Bucket}

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
	switch s.Type {
	case Keep, Drop, Null:
		return in, s.only()
	case Constant:
		if err := s.only("value"); err != nil {
			return in, err
		}
		return s.Value.check()
	case Mask:
		if err := s.only("keepFirst", "keepLast", "char"); err != nil {
			return in, err
		}
		if err := s.takes(in, "with drop, null or constant it can be hidden as a whole", scalars...); err != nil {
			return in, err
		}
		return record.String, s.checkMask()
	case Token:
		if err := s.only(); err != nil {
			return in, err
		}
		return record.String, s.takes(in, "with drop, null or constant it can be hidden as a whole", scalars...)
	case Date:
		if err := s.only("to"); err != nil {
			return in, err
		}
		if s.To != Month && s.To != Year {
			return in, optionFault("date needs to: month or to: year", "write {type: date, to: month}")
		}
		return record.Date, s.takes(in, "if the contract means a date, it should say logicalType: date", record.Date, record.Timestamp)
	case Bucket:
		if err := s.only("size"); err != nil {
			return in, err
		}
		width, err := parseSize(string(s.Size))
		if err != nil {
			return in, err
		}
		if err := s.takes(in, "if the contract means a number, it should say logicalType: number", record.Integer, record.Number); err != nil {
			return in, err
		}
		if in == record.Integer && width.scale == 0 {
			return record.Integer, nil
		}
		return record.Number, nil
	}
	return in, unknownFault(s.Type)
}

// scalars are the types whose values have a text that can be masked or turned
// into a token. A boolean is not among them: of two possible values a mask's
// length or a token's frequency tells which one it is.
var scalars = []record.Type{record.String, record.Integer, record.Number, record.Date, record.Timestamp, record.Time}

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
	do := "use one of " + strings.Join(types[:], ", ")
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
	appender func() Appender
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

// Compile makes the transform of a spec for fields of type in. key is for token
// only; others take nil. Its errors are those of Check, and a fault with code
// "transform-key" for a token without a usable key.
func Compile(s Spec, in record.Type, key TokenKey) (*Transform, error) {
	out, err := Check(s, in)
	if err != nil {
		return nil, err
	}
	t := &Transform{spec: s, out: out}
	switch s.Type {
	case Keep:
		t.appender = stateless(appendSame)
	case Drop, Null:
		t.appender = stateless(appendNothing)
	case Constant:
		t.appender = stateless(constant(s.Value))
	case Mask:
		t.appender = stateless(newMask(s).append)
	case Token:
		maker, err := newTokenMaker(key)
		if err != nil {
			return nil, err
		}
		t.appender = func() Appender { return maker.appender() }
	case Date:
		t.appender = stateless(cutToMonth)
		if s.To == Year {
			t.appender = stateless(cutToYear)
		}
	case Bucket:
		width, err := parseSize(string(s.Size))
		if err != nil {
			return nil, err
		}
		t.appender = stateless(width.append)
	}
	return t, nil
}

// Out is the type of the new values: what quotes they need.
func (t *Transform) Out() record.Type { return t.out }

// Plain reports whether all new values are made of letters, digits, "-", "_" and
// "." only, whatever the old ones are.
func (t *Transform) Plain() bool {
	return t.spec.Type == Token || t.spec.Type == Date || t.spec.Type == Bucket
}

// Null reports whether the transform is null: nothing needs to be appended.
func (t *Transform) Null() bool { return t.spec.Type == Null }

// HidesNull reports whether null values have to be transformed too, because the
// transform hides whether there was one.
func (t *Transform) HidesNull() bool { return t.spec.Type == Constant }

// Appender is a new appender, for one goroutine.
func (t *Transform) Appender() Appender { return t.appender() }

// appendFunc is an Appender without state of its own.
type appendFunc func(dst, value []byte) ([]byte, bool)

func (f appendFunc) Append(dst, value []byte) ([]byte, bool) { return f(dst, value) }

func stateless(f appendFunc) func() Appender { return func() Appender { return f } }

func appendSame(dst, value []byte) ([]byte, bool) { return append(dst, value...), true }

func appendNothing(dst, _ []byte) ([]byte, bool) { return dst, false }

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
