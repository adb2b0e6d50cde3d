package transform

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/transform/internal/hmac256"
)

// maxWords is how many words a dictionary may have.
const maxWords = 10_000

// dictionaryInfo parts its key from that of tokens: a token must not tell which
// word a value has.
const dictionaryInfo = "sallyport/dictionary/v1"

func dictionaryKind() kind {
	return kind{
		name: Dictionary, options: []string{"words", "scope"}, keyed: true,
		check: func(s Spec, in record.Type) (record.Type, error) {
			words := s.Words.list()
			if len(words) < 2 || len(words) > maxWords {
				return in, optionFault(fmt.Sprintf("a dictionary has 2 to %d words, this one has %d", maxWords, len(words)), "write {type: dictionary, words: [Ada, Bram, Carla]}, or use constant")
			}
			return record.String, s.takes(in, insteadOf, scalars...)
		},
		make: func(s Spec, key TokenKey) (func() Appender, error) {
			secret, err := secretOf(key, s.Type)
			if err != nil {
				return nil, err
			}
			if secret, err = derive(secret, dictionaryInfo, 32); err != nil {
				return nil, err
			}
			words := s.Words.list()
			return func() Appender { return &dictionaryAppender{words: words, mac: hmac256.New(secret)} }, nil
		},
	}
}

type dictionaryAppender struct {
	words []string
	mac   *hmac256.MAC
	x, y  [hmac256.Size]byte
}

// Append takes the word at the place that the first 64 bits of the value's HMAC
// are among 2^64.
func (a *dictionaryAppender) Append(dst, value []byte) ([]byte, bool) {
	a.mac.Sum2(value, nil, &a.x, &a.y)
	at, _ := bits.Mul64(binary.BigEndian.Uint64(a.x[:8]), uint64(len(a.words)))
	return append(dst, a.words[at]...), true
}
