// Package siv is AES-SIV (RFC 5297) without a nonce: deterministic authenticated
// encryption. The same text under the same key and associated data gives the same
// bytes; what was changed is not opened.
package siv

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
)

// Overhead is how many bytes the sealed text has more than the plain one.
const Overhead = aes.BlockSize

// ErrOpen: the bytes were not sealed under this key with these associated data,
// or were changed.
var ErrOpen = errors.New("siv: the text cannot be opened")

type block = [aes.BlockSize]byte

// Cipher seals under one key. It keeps scratch space and is for one goroutine.
type Cipher struct {
	auth, ctr cipher.Block
	k1, k2    block // subkeys of CMAC (RFC 4493)
	zero      block // CMAC of the zero block, with which S2V begins
	data      []byte
	doubled   block // S2V up to data, and doubled for what follows
	begun     bool
	buf, x, v block
}

// New makes a cipher. The key has 32, 48 or 64 bytes: half of them authenticate,
// half encrypt.
func New(key []byte) (*Cipher, error) {
	if len(key) != 32 && len(key) != 48 && len(key) != 64 {
		return nil, fmt.Errorf("siv: a key has 32, 48 or 64 bytes, not %d", len(key))
	}
	auth, err := aes.NewCipher(key[:len(key)/2])
	if err != nil {
		return nil, err
	}
	ctr, err := aes.NewCipher(key[len(key)/2:])
	if err != nil {
		return nil, err
	}
	c := &Cipher{auth: auth, ctr: ctr}
	c.auth.Encrypt(c.buf[:], c.buf[:])
	c.k1 = double(c.buf)
	c.k2 = double(c.k1)
	c.zero = c.cmac(make([]byte, aes.BlockSize), nil)
	return c, nil
}

// Seal appends the sealed text: 16 bytes, and as many as the text has. data are
// authenticated and not part of it; they are kept, as it is cheap to seal many
// texts with the same.
func (c *Cipher) Seal(dst, text, data []byte) []byte {
	c.v = c.s2v(text, data)
	dst = append(dst, c.v[:]...)
	return c.stream(dst, text)
}

// Open appends the text that was sealed.
func (c *Cipher) Open(dst, sealed, data []byte) ([]byte, error) {
	if len(sealed) < Overhead {
		return dst, ErrOpen
	}
	c.v = block(sealed)
	at := len(dst)
	out := c.stream(dst, sealed[Overhead:])
	want := c.s2v(out[at:], data)
	if subtle.ConstantTimeCompare(want[:], sealed[:Overhead]) != 1 {
		clear(out[at:])
		return dst, ErrOpen
	}
	return out, nil
}

// s2v is S2V (section 2.4) of one string of associated data and the text.
func (c *Cipher) s2v(text, data []byte) block {
	if !c.begun || string(data) != string(c.data) {
		c.data = append(c.data[:0], data...)
		c.doubled = double(c.zero)
		mac := c.cmac(data, nil)
		subtle.XORBytes(c.doubled[:], c.doubled[:], mac[:])
		c.begun = true
	}
	if len(text) >= aes.BlockSize {
		return c.cmac(text, &c.doubled)
	}
	last := double(c.doubled)
	for i, b := range text {
		last[i] ^= b
	}
	last[len(text)] ^= 0x80
	return c.cmac(last[:], nil)
}

// cmac is CMAC (RFC 4493) of m, to whose last 16 bytes end is added, if there is
// one.
func (c *Cipher) cmac(m []byte, end *block) block {
	c.x = block{}
	for len(m) > 2*aes.BlockSize {
		subtle.XORBytes(c.x[:], c.x[:], m)
		c.auth.Encrypt(c.x[:], c.x[:])
		m = m[aes.BlockSize:]
	}
	// What is left is up to two blocks; end may lie across both.
	var rest [2 * aes.BlockSize]byte
	n := copy(rest[:], m)
	if end != nil {
		subtle.XORBytes(rest[n-aes.BlockSize:n], rest[n-aes.BlockSize:n], end[:])
	}
	if n > aes.BlockSize {
		subtle.XORBytes(c.x[:], c.x[:], rest[:aes.BlockSize])
		c.auth.Encrypt(c.x[:], c.x[:])
		copy(rest[:], rest[aes.BlockSize:n])
		n -= aes.BlockSize
		clear(rest[n:])
	}
	key := &c.k1
	if n < aes.BlockSize {
		rest[n] = 0x80
		key = &c.k2
	}
	subtle.XORBytes(c.x[:], c.x[:], rest[:aes.BlockSize])
	subtle.XORBytes(c.x[:], c.x[:], key[:])
	c.auth.Encrypt(c.x[:], c.x[:])
	return c.x
}

// stream appends text, in counter mode from v (section 2.5).
func (c *Cipher) stream(dst, text []byte) []byte {
	counter := c.v
	counter[8] &= 0x7f
	counter[12] &= 0x7f
	high, low := binary.BigEndian.Uint64(counter[:8]), binary.BigEndian.Uint64(counter[8:])
	for len(text) > 0 {
		binary.BigEndian.PutUint64(c.buf[:8], high)
		binary.BigEndian.PutUint64(c.buf[8:], low)
		if low++; low == 0 {
			high++
		}
		c.ctr.Encrypt(c.buf[:], c.buf[:])
		n := subtle.XORBytes(c.buf[:], c.buf[:], text)
		dst = append(dst, c.buf[:n]...)
		text = text[n:]
	}
	return dst
}

// double multiplies by x in GF(2^128) (RFC 5297, section 2.3).
func double(b block) block {
	high, low := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	reduce := -(high >> 63) & 0x87
	high = high<<1 | low>>63
	low = low<<1 ^ reduce
	binary.BigEndian.PutUint64(b[:8], high)
	binary.BigEndian.PutUint64(b[8:], low)
	return b
}
