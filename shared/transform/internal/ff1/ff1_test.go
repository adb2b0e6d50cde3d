package ff1

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

const alphanumeric = "0123456789abcdefghijklmnopqrstuvwxyz"

// The samples of NIST for FF1.
var samples = []struct{ key, tweak, text, cipher string }{
	{"2B7E151628AED2A6ABF7158809CF4F3C", "", "0123456789", "2433477484"},
	{"2B7E151628AED2A6ABF7158809CF4F3C", "39383736353433323130", "0123456789", "6124200773"},
	{"2B7E151628AED2A6ABF7158809CF4F3C", "3737373770717273373737", "0123456789abcdefghi", "a9tv40mll9kdu509eum"},
	{"2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F", "", "0123456789", "2830668132"},
	{"2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F", "39383736353433323130", "0123456789", "2496655549"},
	{"2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F", "3737373770717273373737", "0123456789abcdefghi", "xbj3kv35jrawxv32ysr"},
	{"2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F7F036D6F04FC6A94", "", "0123456789", "6657667009"},
	{"2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F7F036D6F04FC6A94", "39383736353433323130", "0123456789", "1001623463"},
	{"2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F7F036D6F04FC6A94", "3737373770717273373737", "0123456789abcdefghi", "xs8a0azh2avyalyzuwd"},
}

func TestSamples(t *testing.T) {
	for _, s := range samples {
		radix := 10
		if strings.ContainsAny(s.text, "abc") {
			radix = 36
		}
		both(t, newCipher(t, s.key, radix, s.tweak), alphanumeric, s.text, s.cipher)
	}
}

// TestWycheproof: the vectors of project Wycheproof, the invalid ones included.
func TestWycheproof(t *testing.T) {
	data, err := os.ReadFile("../../../../../shared/data/aes_ff1_base10_test.json")
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("shared/data is not beside this checkout")
	}
	var file struct {
		TestGroups []struct {
			Radix    int
			Alphabet string
			Tests    []struct {
				ID                          int `json:"tcId"`
				Key, Tweak, Msg, CT, Result string
				Flags                       []string
			}
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	valid, small, invalid := 0, 0, 0
	for _, g := range file.TestGroups {
		for _, c := range g.Tests {
			if slices.Contains(c.Flags, "SmallMessageSize") { // valid before revision 1
				small++
				x, _ := numerals(g.Alphabet, c.Msg)
				if err := newCipher(t, c.Key, g.Radix, c.Tweak).Encrypt(x); !errors.Is(err, ErrDomain) {
					t.Errorf("case %d: %v", c.ID, err)
				}
				continue
			}
			if c.Result == "valid" {
				valid++
				both(t, newCipher(t, c.Key, g.Radix, c.Tweak), g.Alphabet, c.Msg, c.CT)
				continue
			}
			invalid++
			key, _ := hex.DecodeString(c.Key)
			tweak, _ := hex.DecodeString(c.Tweak)
			f, err := New(key, g.Radix, tweak)
			if err != nil {
				continue
			}
			x, ok := numerals(g.Alphabet, c.Msg)
			if ok && f.Encrypt(x) == nil {
				t.Errorf("case %d is encrypted, and is %s", c.ID, c.Result)
			}
		}
	}
	if valid+small != 3312 || invalid != 533 {
		t.Errorf("%d valid, %d small and %d invalid cases", valid, small, invalid)
	}
}

func newCipher(t *testing.T, key string, radix int, tweak string) *Cipher {
	t.Helper()
	k, err := hex.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	w, err := hex.DecodeString(tweak)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(k, radix, w)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func numerals(alphabet, text string) (x []uint16, ok bool) {
	ok = true
	for i := range len(text) {
		at := strings.IndexByte(alphabet, text[i])
		ok = ok && at >= 0
		x = append(x, uint16(at))
	}
	return x, ok
}

func both(t *testing.T, c *Cipher, alphabet, text, cipher string) {
	t.Helper()
	x, _ := numerals(alphabet, text)
	want, _ := numerals(alphabet, cipher)
	was := slices.Clone(x)
	if err := c.Encrypt(x); err != nil || !slices.Equal(x, want) {
		t.Errorf("%d numerals: %v %v, want %v", len(x), x, err, want)
	}
	if err := c.Decrypt(x); err != nil || !slices.Equal(x, was) {
		t.Errorf("%d numerals come back as %v %v, want %v", len(x), x, err, was)
	}
}

// The two ways, of halves that fit 64 bits and of any, agree where both can.
func TestWide(t *testing.T) {
	for _, radix := range []int{2, 10, 36, 62, 255, 256, 65536} {
		c, err := New(bytes.Repeat([]byte{7}, 32), radix, []byte("tweak"))
		if err != nil {
			t.Fatal(err)
		}
		for n := 2; n < 60; n++ {
			x := make([]uint16, n)
			for i := range x {
				x[i] = uint16((i*31 + n) % radix)
			}
			p, err := c.plan(n)
			if errors.Is(err, ErrDomain) || p.mv == 0 {
				continue
			}
			y := slices.Clone(x)
			if err := c.Encrypt(x); err != nil {
				t.Fatal(err)
			}
			if c.cryptWide(p, y, true); !slices.Equal(x, y) {
				t.Fatalf("radix %d, %d numerals: %v, and the wide way %v", radix, n, x, y)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	c, err := New(make([]byte, 16), 10, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []struct {
		x    []uint16
		want error
	}{
		{nil, ErrDomain}, {make([]uint16, 5), ErrDomain}, {make([]uint16, MaxLength+1), ErrLength}, {[]uint16{1, 2, 3, 4, 5, 10}, ErrNumeral},
	} {
		if err := c.Encrypt(r.x); !errors.Is(err, r.want) {
			t.Errorf("%d numerals: %v, want %v", len(r.x), err, r.want)
		}
	}
	for _, radix := range []int{0, 1, MaxRadix + 1} {
		if _, err := New(make([]byte, 16), radix, nil); err == nil {
			t.Errorf("radix %d is taken", radix)
		}
	}
}

func FuzzBack(f *testing.F) {
	f.Add([]byte("0123456789"), uint16(10), []byte("t"))
	f.Add(bytes.Repeat([]byte{255}, 90), uint16(0), []byte{})
	f.Fuzz(func(t *testing.T, text []byte, radix uint16, tweak []byte) {
		c, err := New(make([]byte, 32), max(2, int(radix)), tweak)
		if err != nil {
			t.Skip()
		}
		x := make([]uint16, len(text))
		for i, b := range text {
			x[i] = uint16(uint64(b) * 257 % c.radix)
		}
		was := slices.Clone(x)
		if err := c.Encrypt(x); err != nil {
			t.Skip()
		}
		if err := c.Decrypt(x); err != nil || !slices.Equal(x, was) {
			t.Errorf("%v comes back as %v, %v", was, x, err)
		}
	})
}

func BenchmarkEncrypt16(b *testing.B) {
	c, err := New(make([]byte, 32), 10, []byte("payments\x00card_number"))
	if err != nil {
		b.Fatal(err)
	}
	x := []uint16{4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Encrypt(x); err != nil {
			b.Fatal(err)
		}
	}
}
