package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"hash"
	"io"
	"os"
)

// single does what plain does with everything about the file written into the
// program: one pass over its bytes, a loop for each column, keys that are
// prepared once. It is what somebody gets who needs nothing else, and so the
// measure of what the chain's generality, its reports and its proofs cost.
func single(dir, file string) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := newSingleOutputs(dir)
	if err != nil {
		return err
	}
	buf := make([]byte, 1<<20)
	kept, header := 0, true // kept: the bytes of a row of which the end is not read yet
	for {
		n, err := in.Read(buf[kept:])
		text := buf[:kept+n]
		for {
			row, rest, whole := out.cut(text)
			if !whole {
				break
			}
			if !header {
				if err := out.row(row); err != nil {
					return err
				}
			}
			header, text = false, rest
		}
		if kept = copy(buf, text); kept == len(buf) {
			return errors.New("a row is longer than the buffer")
		}
		if errors.Is(err, io.EOF) {
			return out.close()
		}
		if err != nil {
			return err
		}
	}
}

const paymentColumns = 12

// singleOutputs collects the rows of four partners.
type singleOutputs struct {
	*plainOutputs
	pending [][]byte
	fields  [paymentColumns][]byte
	mac     hash.Hash
	sum     [sha256.Size]byte
}

const singlePending = 256 << 10

func newSingleOutputs(dir string) (*singleOutputs, error) {
	files, err := newPlainOutputs(dir)
	if err != nil {
		return nil, err
	}
	o := &singleOutputs{plainOutputs: files, mac: hmac.New(sha256.New, make([]byte, 32))}
	for range files.files {
		o.pending = append(o.pending, make([]byte, 0, singlePending+4096))
	}
	return o, nil
}

// cut cuts the first row off text. Only its last column, the note, has quotes.
func (o *singleOutputs) cut(text []byte) (row *[paymentColumns][]byte, rest []byte, whole bool) {
	at := 0
	for i := range paymentColumns - 1 {
		start := at
		for at < len(text) && text[at] != ',' {
			at++
		}
		if at == len(text) {
			return nil, text, false
		}
		o.fields[i] = text[start:at]
		at++
	}
	end := at
	if end < len(text) && text[end] == '"' {
		for quoted := false; end < len(text) && (text[end] != '\n' || quoted); end++ {
			quoted = quoted != (text[end] == '"')
		}
	} else if n := bytes.IndexByte(text[end:], '\n'); n >= 0 {
		end += n
	} else {
		end = len(text)
	}
	if end == len(text) {
		return nil, text, false
	}
	o.fields[paymentColumns-1] = text[at:end]
	return &o.fields, text[end+1:], true
}

func (o *singleOutputs) row(f *[paymentColumns][]byte) error {
	if !isPayment(f) {
		return nil
	}
	to, wanted := o.of[string(f[countryColumn])]
	if !wanted {
		return nil
	}
	b := o.pending[to]
	b = append(append(b, f[0]...), ',')
	b = append(append(b, f[1][:len("2026-01")]...), ',')
	b = append(covered(b, f[2], 1), ',')
	b = append(o.token(b, f[3]), ',')
	b = append(o.token(b, f[4]), ',')
	b = append(covered(b, f[5], 4), ',')
	b = append(covered(b, f[6], 4), ',')
	for i := 7; i < countryColumn; i++ {
		b = append(append(b, f[i]...), ',')
	}
	b = append(append(b, f[countryColumn]...), '\n')
	if o.pending[to] = b; len(b) < singlePending {
		return nil
	}
	o.pending[to] = b[:0]
	_, err := o.files[to].Write(b)
	return err
}

func (o *singleOutputs) token(to, value []byte) []byte {
	o.mac.Reset()
	o.mac.Write(value)
	return base64.RawURLEncoding.AppendEncode(to, o.mac.Sum(o.sum[:0])[:16])
}

func covered(to, value []byte, keep int) []byte {
	hidden := max(len(value)-keep, 0)
	for range hidden {
		to = append(to, '*')
	}
	return append(to, value[hidden:]...)
}

func (o *singleOutputs) close() error {
	var errs []error
	for i, b := range o.pending {
		_, err := o.files[i].Write(b)
		errs = append(errs, err)
	}
	return errors.Join(append(errs, o.plainOutputs.close())...)
}

// isPayment holds the columns to what patterns hold them to.
func isPayment(f *[paymentColumns][]byte) bool {
	return isShape(f[0], "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh") &&
		isTime(f[1]) &&
		len(f[2]) >= 1 && len(f[2]) <= 80 && bytes.IndexByte(f[2], '\n') < 0 &&
		isAddress(f[3]) &&
		isShape(f[4], "ddd-dd-dddd") &&
		len(f[5]) >= 14 && len(f[5]) <= 16 && all(f[5], isDigit) &&
		len(f[6]) >= 15 && len(f[6]) <= 34 && isShape(f[6][:4], "AAdd") && all(f[6][4:], func(c byte) bool { return isDigit(c) || isUpper(c) }) &&
		isAmount(f[7]) &&
		isShape(f[8], "AAA") &&
		isShape(f[10], "AA")
}

func isDigit(c byte) bool { return c-'0' < 10 }
func isUpper(c byte) bool { return c-'A' < 26 }
func isHex(c byte) bool   { return isDigit(c) || c|0x20-'a' < 6 }

func all(b []byte, is func(byte) bool) bool {
	for _, c := range b {
		if !is(c) {
			return false
		}
	}
	return true
}

// isShape compares b to a shape of d (digit), h (hex digit), A (capital) and what
// stands for itself.
func isShape(b []byte, shape string) bool {
	if len(b) != len(shape) {
		return false
	}
	for i, c := range b {
		var ok bool
		switch shape[i] {
		case 'd':
			ok = isDigit(c)
		case 'h':
			ok = isHex(c)
		case 'A':
			ok = isUpper(c)
		default:
			ok = c == shape[i]
		}
		if !ok {
			return false
		}
	}
	return true
}

func isTime(b []byte) bool {
	const shape = "dddd-dd-ddTdd:dd:dd"
	if len(b) <= len(shape) || !isShape(b[:len(shape)], shape) {
		return false
	}
	b = b[len(shape):]
	if b[0] == '.' {
		n := 1
		for n < len(b) && isDigit(b[n]) {
			n++
		}
		if n == 1 {
			return false
		}
		b = b[n:]
	}
	return len(b) == 1 && b[0] == 'Z' || isShape(b, "+dd:dd") || isShape(b, "-dd:dd")
}

func isAddress(b []byte) bool {
	at, dot := -1, -1
	for i, c := range b {
		switch c {
		case '@':
			if at >= 0 {
				return false
			}
			at = i
		case '.':
			if at >= 0 && i > at+1 && i < len(b)-1 {
				dot = i
			}
		case ' ', '\t', '\n', '\v', '\f', '\r':
			return false
		}
	}
	return at > 0 && dot > 0
}

func isAmount(b []byte) bool {
	b = bytes.TrimPrefix(b, []byte{'-'})
	whole, cents, fraction := bytes.Cut(b, []byte{'.'})
	return len(whole) > 0 && all(whole, isDigit) && (!fraction || len(cents) >= 1 && len(cents) <= 2 && all(cents, isDigit))
}
