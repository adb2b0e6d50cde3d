package migration

import (
	"fmt"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/record"
)

// castKind is what a cast does to the text of a value.
type castKind uint8

const (
	asIs       castKind = iota
	toNumber            // an integer is a number as it stands
	toString            // as it is written
	toMidnight          // a date: its midnight in UTC
	toDate              // a timestamp: the date that it shows, in whatever zone it is written
)

type cast struct {
	kind castKind
	to   record.Type
}

// casts are those that no value can fail, by the type from and to.
var casts = map[[2]record.Type]castKind{
	{record.Integer, record.Number}:   toNumber,
	{record.Integer, record.String}:   toString,
	{record.Number, record.String}:    toString,
	{record.Boolean, record.String}:   toString,
	{record.Date, record.String}:      toString,
	{record.Timestamp, record.String}: toString,
	{record.Time, record.String}:      toString,
	{record.Date, record.Timestamp}:   toMidnight,
	{record.Timestamp, record.Date}:   toDate,
}

// castOf finds the cast of a field of a version, or says why there is none.
func castOf(from *contract.Compiled, field int, s *exchange.Cast) (c cast, why, hint string) {
	is := from.Schema.Fields[field].Type
	for pair, kind := range casts {
		if pair[0] == is && pair[1].String() == s.To {
			c = cast{kind, pair[1]}
		}
	}
	switch {
	case is.String() == s.To:
		return c, fmt.Sprintf("is a %s already", is), "leave the step out"
	case c.kind == asIs:
		return c, fmt.Sprintf("is of type %s, and not every one becomes a %s", is, s.To),
			"what no value can fail: integer to number; integer, number, boolean, date, timestamp or time to string; date to timestamp; timestamp to date with lossy: true"
	case c.kind == toDate && !s.Lossy:
		return c, "would lose its time of day", "say lossy: true if that is meant"
	case c.kind != toDate && s.Lossy:
		return c, "loses nothing by this cast", "leave lossy out"
	case (c.kind == toMidnight || c.kind == toDate) && from.Properties[field].LogicalTypeOptions.Format != "":
		return c, fmt.Sprintf("is written in a format of its own, and becomes no %s", s.To), "only dates and timestamps in the standard's own form are cast"
	}
	return c, "", ""
}

// append appends what value, a text without quotes and escapes, becomes.
func (c cast) append(dst, value []byte) []byte {
	switch c.kind {
	case toMidnight:
		dst = append(dst, value...)
		switch {
		case len(value) == len("2006-01-02"):
			return append(dst, "T00:00:00Z"...)
		case !zoned(value): // a date may carry a time
			return append(dst, 'Z')
		}
		return dst
	case toDate:
		return append(dst, value[:min(len(value), len("2006-01-02"))]...)
	}
	return append(dst, value...)
}

// zoned tells whether a timestamp of the standard's own form has a zone.
func zoned(value []byte) bool {
	for _, b := range value[len("2006-01-02"):] {
		if b|0x20 == 'z' || b == '+' || b == '-' {
			return true
		}
	}
	return false
}
