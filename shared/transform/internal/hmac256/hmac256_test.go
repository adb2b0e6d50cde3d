package hmac256

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

// TestVectors: RFC 4231, the test cases with keys of a block at most.
func TestVectors(t *testing.T) {
	for _, test := range []struct{ key, data, want string }{
		{"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
		{"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd", "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
		{"0102030405060708090a0b0c0d0e0f10111213141516171819", "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd", "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
	} {
		key, _ := hex.DecodeString(test.key)
		data, _ := hex.DecodeString(test.data)
		var x, y [Size]byte
		New(key).Sum2(data, data, &x, &y)
		if hex.EncodeToString(x[:]) != test.want || x != y {
			t.Errorf("%x and %x, want %s", x, y, test.want)
		}
	}
}

// FuzzSum2 holds it to the standard library, messages of all lengths.
func FuzzSum2(f *testing.F) {
	f.Add([]byte("key"), []byte(""), bytes.Repeat([]byte("x"), 55))
	f.Add(bytes.Repeat([]byte{0xff}, 64), bytes.Repeat([]byte("y"), 56), []byte("z"))
	for n := range 70 {
		f.Add([]byte{1, 2, 3}, bytes.Repeat([]byte{byte(n)}, n), bytes.Repeat([]byte{0xaa}, 70-n))
	}
	f.Fuzz(func(t *testing.T, key, a, b []byte) {
		key = key[:min(len(key), sha256.BlockSize)]
		m := New(key)
		for range 2 { // the first leaves nothing behind
			var x, y [Size]byte
			m.Sum2(a, b, &x, &y)
			for _, s := range []struct {
				message []byte
				got     [Size]byte
			}{{a, x}, {b, y}} {
				h := hmac.New(sha256.New, key)
				h.Write(s.message)
				if want := h.Sum(nil); !bytes.Equal(s.got[:], want) {
					t.Fatalf("the MAC of %d bytes is %x, want %x", len(s.message), s.got, want)
				}
			}
		}
	})
}

func TestNoAllocation(t *testing.T) {
	m := New([]byte("key"))
	a, b := []byte("somebody@example.com"), bytes.Repeat([]byte("x"), 100)
	var x, y [Size]byte
	if n := testing.AllocsPerRun(100, func() { m.Sum2(a, b, &x, &y); m.Sum2(a, a, &x, &y) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

func BenchmarkSum2(b *testing.B) {
	m := New(bytes.Repeat([]byte{7}, 32))
	v, w := []byte("somebody@example.com!!!!"), []byte("else.body@example.org!!!")
	var x, y [Size]byte
	for b.Loop() {
		m.Sum2(v, w, &x, &y)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(2*b.N), "ns/MAC")
}
