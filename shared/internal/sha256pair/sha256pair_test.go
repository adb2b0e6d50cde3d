package sha256pair

import (
	"bytes"
	"crypto/sha256"
	"math/rand/v2"
	"testing"
)

// FuzzWrite holds it to the standard library: digests of two messages that come in
// pieces, of which some are written side by side.
func FuzzWrite(f *testing.F) {
	f.Add(uint64(1), []byte{0, 0, 0, 0})
	f.Add(uint64(2), []byte{255, 255, 1, 0, 128, 128, 64, 63, 17, 200})
	f.Add(uint64(3), []byte{1, 90, 0, 90, 90, 0, 70, 71})
	f.Fuzz(func(t *testing.T, seed uint64, sizes []byte) {
		source := rand.New(rand.NewPCG(seed, 0))
		piece := func(size byte) []byte {
			data := make([]byte, int(size)*int(size)/4) // 0 to 16 KB
			for i := range data {
				data[i] = byte(source.Uint32())
			}
			return data
		}
		a, b := sha256.New(), sha256.New()
		var all, other []byte
		for ; len(sizes) >= 2 && len(all) < 1<<20; sizes = sizes[2:] {
			x, y := piece(sizes[0]), piece(sizes[1])
			Write(a, b, x, y)
			all, other = append(all, x...), append(other, y...)
			if want, wantOther := sha256.Sum256(all), sha256.Sum256(other); !bytes.Equal(a.Sum(nil), want[:]) || !bytes.Equal(b.Sum(nil), wantOther[:]) {
				t.Fatalf("after %d and %d bytes a digest differs", len(all), len(other))
			}
		}
	})
}

// TestStates: the standard library's hash gives its state away as it is expected to;
// else Write is right, but no faster.
func TestStates(t *testing.T) {
	var s state
	if rest, ok := s.take(sha256.New(), []byte("abc")); !ok || len(rest) != 3 {
		t.Fatal("crypto/sha256 marshals its states in another way: see its documentation")
	}
}

func BenchmarkWrite(b *testing.B) {
	h, g := sha256.New(), sha256.New()
	x, y := make([]byte, 128<<10), make([]byte, 128<<10)
	b.Run("pair", func(b *testing.B) {
		b.SetBytes(int64(len(x) + len(y)))
		for b.Loop() {
			Write(h, g, x, y)
		}
	})
	b.Run("alone", func(b *testing.B) {
		b.SetBytes(int64(len(x) + len(y)))
		for b.Loop() {
			h.Write(x)
			g.Write(y)
		}
	})
}
