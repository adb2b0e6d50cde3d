package siv

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestRFC: the example of RFC 5297, appendix A.1.
func TestRFC(t *testing.T) {
	c, err := New(unhex(t, "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"))
	if err != nil {
		t.Fatal(err)
	}
	data, text := unhex(t, "101112131415161718191a1b1c1d1e1f2021222324252627"), unhex(t, "112233445566778899aabbccddee")
	want := unhex(t, "85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c")
	if got := c.Seal(nil, text, data); !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

// TestWycheproof: the vectors of project Wycheproof, the invalid ones included.
func TestWycheproof(t *testing.T) {
	data, err := os.ReadFile("../../../../../shared/data/aes_siv_cmac_test.json")
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("shared/data is not beside this checkout")
	}
	var file struct {
		TestGroups []struct {
			Tests []struct {
				ID                        int `json:"tcId"`
				Key, AAD, Msg, CT, Result string
			}
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	valid, invalid := 0, 0
	for _, g := range file.TestGroups {
		for _, c := range g.Tests {
			s, err := New(unhex(t, c.Key))
			if err != nil {
				t.Fatal(err)
			}
			text, sealed, data := unhex(t, c.Msg), unhex(t, c.CT), unhex(t, c.AAD)
			got, err := s.Open([]byte("before"), sealed, data)
			if c.Result != "valid" {
				invalid++
				if !errors.Is(err, ErrOpen) || string(got) != "before" {
					t.Errorf("case %d is opened, and is %s", c.ID, c.Result)
				}
				continue
			}
			valid++
			if err != nil || string(got) != "before"+string(text) {
				t.Errorf("case %d is opened as %x, %v", c.ID, got, err)
			}
			for range 2 { // the second time with what was kept
				if got := s.Seal(nil, text, data); !bytes.Equal(got, sealed) {
					t.Errorf("case %d is sealed as %x, want %x", c.ID, got, sealed)
				}
			}
		}
	}
	if valid != 118 || invalid != 324 {
		t.Errorf("%d valid and %d invalid cases", valid, invalid)
	}
}

func FuzzBack(f *testing.F) {
	f.Add([]byte("text"), []byte("data"), []byte{})
	f.Add(bytes.Repeat([]byte{1}, 16), []byte{}, []byte("more"))
	f.Add(bytes.Repeat([]byte{1}, 33), []byte{}, bytes.Repeat([]byte{1}, 31))
	f.Fuzz(func(t *testing.T, text, data, other []byte) {
		c, err := New(bytes.Repeat([]byte{9}, 64))
		if err != nil {
			t.Fatal(err)
		}
		sealed := c.Seal(nil, text, data)
		if got, err := c.Open(nil, sealed, data); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%x comes back as %x, %v", text, got, err)
		}
		if !bytes.Equal(data, other) {
			if _, err := c.Open(nil, sealed, other); err == nil {
				t.Error("it is opened with other data")
			}
		}
		if _, err := c.Open(nil, other, data); err == nil && !bytes.Equal(other, sealed) {
			t.Error("what was not sealed is opened")
		}
	})
}

func BenchmarkSeal24(b *testing.B) {
	c, err := New(make([]byte, 64))
	if err != nil {
		b.Fatal(err)
	}
	text, data := []byte("a.person@mail.example.org"[:24]), []byte("payments\x00email")
	dst := make([]byte, 0, 64)
	b.ReportAllocs()
	for b.Loop() {
		dst = c.Seal(dst[:0], text, data)
	}
}
