package ff1

import (
	"crypto/aes"
	"encoding/binary"
	"math/big"
)

// wide is scratch space for texts whose halves do not fit 64 bits.
type wide struct {
	left, right, y, radix, numeral big.Int
	powers                         map[int]*big.Int
	half, s                        []byte
	state                          [aes.BlockSize]byte
}

func (c *Cipher) cryptWide(p *plan, x []uint16, encrypt bool) {
	w := &c.wide
	w.radix.SetUint64(c.radix)
	c.bigNumber(&w.left, x[:p.u])
	c.bigNumber(&w.right, x[p.u:])
	left, right := &w.left, &w.right
	for step := range rounds {
		i := step
		if !encrypt {
			i = rounds - 1 - step
		}
		m := c.bigPower(p.u)
		if i%2 == 1 {
			m = c.bigPower(p.v)
		}
		if encrypt {
			c.roundWide(p, i, right)
			left.Mod(left.Add(left, &w.y), m)
		} else {
			c.roundWide(p, i, left)
			right.Mod(right.Sub(right, &w.y), m)
		}
		left, right = right, left
	}
	c.bigNumerals(x[:p.u], left)
	c.bigNumerals(x[p.u:], right)
}

// roundWide sets y to the number that round i adds for the other half.
func (c *Cipher) roundWide(p *plan, i int, half *big.Int) {
	w := &c.wide
	w.half = append(w.half[:0], p.last[:(aes.BlockSize-(1+p.b)%aes.BlockSize)%aes.BlockSize]...)
	w.half = append(w.half, byte(i))
	at := len(w.half)
	for range p.b {
		w.half = append(w.half, 0)
	}
	half.FillBytes(w.half[at:])
	w.state = p.state
	for q := w.half; len(q) > 0; q = q[aes.BlockSize:] {
		c.chain(&w.state, q[:aes.BlockSize])
	}
	w.s = append(w.s[:0], w.state[:]...)
	for j := uint64(1); len(w.s) < p.d; j++ {
		copy(c.buf[:], w.state[:])
		binary.BigEndian.PutUint64(c.buf[8:], binary.BigEndian.Uint64(c.buf[8:])^j)
		c.block.Encrypt(c.buf[:], c.buf[:])
		w.s = append(w.s, c.buf[:]...)
	}
	w.y.SetBytes(w.s[:p.d])
}

func (c *Cipher) bigPower(n int) *big.Int {
	if c.wide.powers == nil {
		c.wide.powers = map[int]*big.Int{}
	}
	if c.wide.powers[n] == nil {
		c.wide.powers[n] = new(big.Int).Exp(new(big.Int).SetUint64(c.radix), big.NewInt(int64(n)), nil)
	}
	return c.wide.powers[n]
}

func (c *Cipher) bigNumber(v *big.Int, x []uint16) {
	v.SetUint64(0)
	for _, n := range x {
		v.Mul(v, &c.wide.radix)
		v.Add(v, c.wide.numeral.SetUint64(uint64(n)))
	}
}

func (c *Cipher) bigNumerals(x []uint16, v *big.Int) {
	for i := len(x) - 1; i >= 0; i-- {
		v.QuoRem(v, &c.wide.radix, &c.wide.numeral)
		x[i] = uint16(c.wide.numeral.Uint64())
	}
}
