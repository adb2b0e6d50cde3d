// Package ff1 is the format-preserving cipher FF1 of NIST SP 800-38G revision 1:
// numerals of a radix in, as many numerals of the same radix out.
package ff1

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"math/bits"
)

const (
	// MinDomain is how many different texts of a length there must be at least
	// (revision 1, section 5.2): of fewer too much can be found out by trying.
	MinDomain = 1_000_000
	// MaxLength is how many numerals are taken at most. The standard would take
	// more; nothing that people write down has them.
	MaxLength = 1024
	// MaxRadix is the largest radix, as the standard has it.
	MaxRadix = 1 << 16
	// MaxTweak is how many bytes a tweak may have.
	MaxTweak = 1 << 16

	rounds = 10
)

var (
	// ErrDomain: there are fewer than MinDomain texts of the length.
	ErrDomain = errors.New("ff1: there are too few texts of this length")
	// ErrLength: there are more than MaxLength numerals.
	ErrLength = errors.New("ff1: the text is too long")
	// ErrNumeral: a numeral is not below the radix.
	ErrNumeral = errors.New("ff1: a numeral is not one of the radix")
)

// Cipher encrypts under one key, radix and tweak. It keeps scratch space and is
// for one goroutine.
type Cipher struct {
	block cipher.Block
	radix uint64
	tweak []byte
	plans []*plan // by length, as they were needed
	buf   [aes.BlockSize]byte
	wide  wide
}

// plan is what all texts of one length have in common.
type plan struct {
	u, v   int    // numerals of the left and the right half
	mu, mv uint64 // radix^u, radix^v; 0: they do not fit, see wide
	b, d   int    // bytes of a half, and of the number that is added to it
	// The last block of what the rounds authenticate, but for the number of the
	// round and the half; and the state of CBC-MAC before it.
	last, state [aes.BlockSize]byte
}

// New makes a cipher. The key has 16, 24 or 32 bytes.
func New(key []byte, radix int, tweak []byte) (*Cipher, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	if radix < 2 || radix > MaxRadix {
		return nil, fmt.Errorf("ff1: a radix is 2 to %d, not %d", MaxRadix, radix)
	}
	if len(tweak) > MaxTweak {
		return nil, fmt.Errorf("ff1: a tweak has at most %d bytes, not %d", MaxTweak, len(tweak))
	}
	return &Cipher{block: block, radix: uint64(radix), tweak: append([]byte(nil), tweak...)}, nil
}

// Encrypt replaces x, numerals with the most significant one first.
func (c *Cipher) Encrypt(x []uint16) error { return c.crypt(x, true) }

// Decrypt undoes Encrypt.
func (c *Cipher) Decrypt(x []uint16) error { return c.crypt(x, false) }

func (c *Cipher) crypt(x []uint16, encrypt bool) error {
	for _, n := range x {
		if uint64(n) >= c.radix {
			return ErrNumeral
		}
	}
	p, err := c.plan(len(x))
	if err != nil {
		return err
	}
	if p.mv == 0 {
		c.cryptWide(p, x, encrypt)
		return nil
	}
	left, right := c.number(x[:p.u]), c.number(x[p.u:])
	if encrypt {
		for i := range rounds {
			left, right = right, c.add(left, c.round(p, i, right), p.modulus(i))
		}
	} else {
		for i := rounds - 1; i >= 0; i-- {
			m := p.modulus(i)
			left, right = c.add(right, m-c.round(p, i, left)%m, m), left
		}
	}
	c.numerals(x[:p.u], left)
	c.numerals(x[p.u:], right)
	return nil
}

// modulus is that of the half which round i makes.
func (p *plan) modulus(i int) uint64 {
	if i%2 == 0 {
		return p.mu
	}
	return p.mv
}

// plan is the plan of texts of n numerals.
func (c *Cipher) plan(n int) (*plan, error) {
	if n < len(c.plans) && c.plans[n] != nil {
		return c.plans[n], nil
	}
	if n > MaxLength {
		return nil, ErrLength
	}
	domain := uint64(1)
	for range n {
		if domain *= c.radix; domain >= MinDomain {
			break
		}
	}
	if n < 2 || domain < MinDomain {
		return nil, ErrDomain
	}
	p := &plan{u: n / 2, v: n - n/2}
	p.mu, p.mv = c.power(p.u), c.power(p.v)
	if p.mv == 0 {
		p.mu = 0
		p.b = (new(big.Int).Sub(c.bigPower(p.v), big.NewInt(1)).BitLen() + 7) / 8
	} else {
		p.b = (bits.Len64(p.mv-1) + 7) / 8
	}
	p.d = 4*((p.b+3)/4) + 4
	c.mac(p, n)
	for len(c.plans) <= n {
		c.plans = append(c.plans, nil)
	}
	c.plans[n] = p
	return p, nil
}

// mac takes CBC-MAC as far as it is the same for all texts of n numerals: over
// the block P of the standard and what of Q stands before its last blocks.
func (c *Cipher) mac(p *plan, n int) {
	head := []byte{1, 2, 1, byte(c.radix >> 16), byte(c.radix >> 8), byte(c.radix), rounds, byte(p.u)}
	head = binary.BigEndian.AppendUint32(head, uint32(n))
	head = binary.BigEndian.AppendUint32(head, uint32(len(c.tweak)))
	q := append(head, c.tweak...)
	for (len(q)+1+p.b)%aes.BlockSize != 0 {
		q = append(q, 0)
	}
	for len(q) >= aes.BlockSize {
		c.chain(&p.state, q[:aes.BlockSize])
		q = q[aes.BlockSize:]
	}
	copy(p.last[:], q)
}

// chain is a step of CBC-MAC.
func (c *Cipher) chain(state *[aes.BlockSize]byte, block []byte) {
	for i := range c.buf {
		c.buf[i] = state[i] ^ block[i]
	}
	c.block.Encrypt(c.buf[:], c.buf[:])
	*state = c.buf
}

// round is the number that round i adds, modulo radix^m, for the other half.
func (c *Cipher) round(p *plan, i int, half uint64) uint64 {
	// A half below 2^64 has at most 8 bytes, so that it, the number of the round
	// and what stands before them fill one block.
	high, low := binary.BigEndian.Uint64(p.last[:8]), binary.BigEndian.Uint64(p.last[8:])
	if p.b == 8 {
		high |= uint64(i)
	} else {
		low |= uint64(i) << (8 * p.b)
	}
	binary.BigEndian.PutUint64(c.buf[:8], high^binary.BigEndian.Uint64(p.state[:8]))
	binary.BigEndian.PutUint64(c.buf[8:], low^half^binary.BigEndian.Uint64(p.state[8:]))
	c.block.Encrypt(c.buf[:], c.buf[:])
	m := p.modulus(i)
	if p.d == 8 {
		return binary.BigEndian.Uint64(c.buf[:8]) % m
	}
	_, y := bits.Div64(uint64(binary.BigEndian.Uint32(c.buf[:4]))%m, binary.BigEndian.Uint64(c.buf[4:12]), m)
	return y
}

// add is a+b modulo m, of a below m and b at most m.
func (c *Cipher) add(a, b, m uint64) uint64 {
	sum, carry := bits.Add64(a, b, 0)
	if carry != 0 || sum >= m {
		sum -= m
	}
	return sum
}

// power is radix^n, 0 if it is 2^64 or more.
func (c *Cipher) power(n int) uint64 {
	v := uint64(1)
	for range n {
		high, low := bits.Mul64(v, c.radix)
		if high != 0 {
			return 0
		}
		v = low
	}
	return v
}

func (c *Cipher) number(x []uint16) (v uint64) {
	for _, n := range x {
		v = v*c.radix + uint64(n)
	}
	return v
}

func (c *Cipher) numerals(x []uint16, v uint64) {
	for i := len(x) - 1; i >= 0; i-- {
		x[i] = uint16(v % c.radix)
		v /= c.radix
	}
}
