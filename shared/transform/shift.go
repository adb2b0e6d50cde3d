package transform

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/transform/internal/hmac256"
)

// shiftInfo parts its key from that of tokens: a token of an entity must not tell
// how its dates are shifted.
const shiftInfo = "sallyport/date-shift/v1"

// maxShift is a hundred years.
const maxShift = 36500

func dateShiftKind() kind {
	return kind{
		name: DateShift, options: []string{"days", "by"}, keyed: true,
		check: func(s Spec, in record.Type) (record.Type, error) {
			if s.Days < 1 || s.Days > maxShift || s.By == "" {
				return in, optionFault(fmt.Sprintf("dateShift needs days, 1 to %d, and by, the field that tells whose dates they are", maxShift), "write {type: dateShift, days: 30, by: patient_id}")
			}
			return in, s.takes(in, dateAdvice, record.Date, record.Timestamp)
		},
		make: func(s Spec, key TokenKey) (func() Appender, error) {
			secret, err := secretOf(key, s.Type)
			if err != nil {
				return nil, err
			}
			if secret, err = derive(secret, shiftInfo, 32); err != nil {
				return nil, err
			}
			return func() Appender { return &shiftAppender{most: uint64(s.Days), mac: hmac256.New(secret)} }, nil
		},
	}
}

// shiftAppender shifts all dates of an entity by the same number of whole days,
// so that the time between them, and the time of day, stay as they were. Whose
// entity is unknown has no date.
type shiftAppender struct {
	most   uint64
	mac    *hmac256.MAC
	x, y   [hmac256.Size]byte
	entity []byte // of the row; empty: none
	shift  int    // its days
}

// Row finds the shift of an entity: -most to -1 or 1 to most, each equally likely,
// by the place that the first 64 bits of the entity's HMAC have among 2^64.
func (a *shiftAppender) Row(_ int64, by []byte) {
	if bytes.Equal(by, a.entity) {
		return
	}
	if a.entity = append(a.entity[:0], by...); len(by) == 0 {
		return
	}
	a.mac.Sum2(by, nil, &a.x, &a.y)
	at, _ := bits.Mul64(binary.BigEndian.Uint64(a.x[:8]), 2*a.most)
	a.shift = int(at) - int(a.most)
	if a.shift >= 0 {
		a.shift++ // never 0: who knew that would know the date
	}
}

func (a *shiftAppender) Append(dst, value []byte) ([]byte, bool) {
	if len(a.entity) == 0 {
		return dst, false
	}
	c, ok := readCivil(value)
	if !ok || !timeOfDay(value[10:]) {
		return dst, false
	}
	if c, ok = fromDays(c.days() + a.shift); !ok {
		return dst, false
	}
	dst = append(dst, value...)
	c.write((*[10]byte)(dst[len(dst)-len(value):]))
	return dst, true
}

// timeOfDay tells whether text, which leaves as it stands, is nothing but what may
// follow a date: nothing, or "T" or a space, a time (ISO 8601, extended form) and
// its offset.
func timeOfDay(text []byte) bool {
	if len(text) == 0 {
		return true
	}
	text = text[1:] // startsWithDate has seen what parts them
	if len(text) >= 8 {
		// "10:11:12", as most are: see startsWithDate.
		const form, most, high = 0x30303a30303a3030, 0x76767f76767f7676, 0x8080808080808080
		if x := binary.LittleEndian.Uint64(text) ^ form; (x|(x+most))&high == 0 {
			if text = text[8:]; len(text) == 0 || len(text) == 1 && text[0] == 'Z' {
				return true
			}
			return fraction(text)
		}
	}
	text, ok := cutTwo(text)
	if !ok {
		return false
	}
	for range 2 { // minutes and seconds
		if len(text) > 0 && text[0] == ':' {
			if text, ok = cutTwo(text[1:]); !ok {
				return false
			}
		}
	}
	return fraction(text)
}

// fraction tells whether text is nothing but the fraction of a second, or none,
// and the offset of a time zone, or none.
func fraction(text []byte) bool {
	if len(text) > 0 && (text[0] == '.' || text[0] == ',') {
		decimals, rest := cutDigits(text[1:])
		if len(decimals) == 0 || len(decimals) > 12 {
			return false
		}
		text = rest
	}
	return offset(text)
}

// offset tells whether text is empty or the offset of a time zone, which a space
// may part from what stands before.
func offset(text []byte) bool {
	if len(text) == 0 || len(text) == 1 && text[0]|0x20 == 'z' {
		return true
	}
	if text[0] == ' ' && len(text) > 1 {
		text = text[1:]
		if len(text) == 1 && text[0]|0x20 == 'z' {
			return true
		}
	}
	if text[0] != '+' && text[0] != '-' {
		return false
	}
	text, ok := cutTwo(text[1:])
	if !ok || len(text) == 0 {
		return ok
	}
	if text[0] == ':' {
		text = text[1:]
	}
	text, ok = cutTwo(text)
	return ok && len(text) == 0
}

// cutTwo cuts two digits off.
func cutTwo(text []byte) (rest []byte, ok bool) {
	if len(text) < 2 || !isDigit(text[0]) || !isDigit(text[1]) {
		return text, false
	}
	return text[2:], true
}
