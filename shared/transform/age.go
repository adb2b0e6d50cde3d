package transform

import (
	"fmt"
	"strconv"

	"github.com/sallyport-io/sallyport/shared/record"
)

const (
	// defaultTopCode: ages over 89 identify (45 CFR 164.514(b)(2)(i)(C)).
	defaultTopCode = 89
	maxTopCode     = 150
)

func ageKind() kind {
	return kind{
		name: Age, options: []string{"topCode"}, plain: true,
		check: func(s Spec, in record.Type) (record.Type, error) {
			if s.TopCode < 0 || s.TopCode > maxTopCode {
				return in, optionFault(fmt.Sprintf("topCode of age must be 1 to %d years", maxTopCode), "write {type: age, topCode: 89}")
			}
			return record.Integer, s.takes(in, dateAdvice, record.Date, record.Timestamp)
		},
		placed: func(s Spec, _ TokenKey) (func(Place) Appender, error) {
			a := age{top: s.TopCode}
			if a.top == 0 {
				a.top = defaultTopCode
			}
			return a.at, nil
		},
	}
}

// dateAdvice goes with the fault of a field that is no date.
const dateAdvice = "if the contract means a date, it should say logicalType: date"

// age is the full years from a date to a day.
type age struct {
	top int
	day civil
}

// at counts to the day, in UTC, of the place.
func (a age) at(p Place) Appender {
	if p.Time.IsZero() {
		return appendFunc(appendNothing)
	}
	year, month, day := p.Time.UTC().Date()
	a.day = civil{year, int(month), day}
	return appendFunc(a.append)
}

// append takes the date of a timestamp as it is written. A year is full on the
// birthday, for who is born on 29 February on 1 March where there is none. Who is
// not born yet has no age.
func (a age) append(dst, value []byte) ([]byte, bool) {
	born, ok := readCivil(value)
	if !ok {
		return dst, false
	}
	years := a.day.year - born.year
	if a.day.month < born.month || a.day.month == born.month && a.day.day < born.day {
		years--
	}
	if years < 0 {
		return dst, false
	}
	return strconv.AppendInt(dst, int64(min(years, a.top+1)), 10), true
}
