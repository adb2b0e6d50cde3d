package soak

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// Canaries are made of these, so that one search finds them all, and part of one
// as well: nothing else has such letters or digits.
const (
	textMark  = "QzVkXw7J" // and four digits
	digitMark = "9021773364"
)

// canaries makes values that nothing else has, and knows where each was put.
type canaries struct {
	spots map[string]string // by canary
	dates []string
}

func newCanaries() *canaries { return &canaries{spots: map[string]string{}} }

func (c *canaries) put(canary, spot string) string {
	c.spots[canary] = spot
	return canary
}

// text is a canary of 12 letters and digits.
func (c *canaries) text(spot string) string {
	return c.put(fmt.Sprintf("%s%04d", textMark, len(c.spots)), spot)
}

// digits is a canary that is a number of 13 digits.
func (c *canaries) digits(spot string) string {
	return c.put(fmt.Sprintf("%s%03d", digitMark, len(c.spots)), spot)
}

// date is a canary that is a day two centuries ago, and not the first of a month:
// that is what a date becomes of which only the year or month may leave.
func (c *canaries) date(spot string) string {
	n := len(c.dates)
	c.dates = append(c.dates, fmt.Sprintf("1791-%02d-%02d", n/27%12+1, n%27+2))
	return c.put(c.dates[n], spot)
}

// leak is a canary where none may be.
type leak struct {
	place string
	form  string // how it is written there
	spot  string // where it was put in
}

func (l leak) String() string {
	return fmt.Sprintf("%s: %s, written %s", l.place, l.spot, l.form)
}

// search looks for canaries in any of the ways in which a program may write a
// value.
type search struct {
	c     *canaries
	forms []form
}

type form struct {
	name    string
	pattern []byte
	mark    string
}

func newSearch(c *canaries) *search {
	s := &search{c: c}
	for _, mark := range append([]string{textMark, digitMark}, c.dates...) {
		patterns := formsOf(mark)
		for _, name := range slices.Sorted(maps.Keys(patterns)) {
			s.forms = append(s.forms, form{name, []byte(patterns[name]), mark})
		}
	}
	return s
}

// formsOf is what a value looks like wherever it stands in a text. Forms that
// leave it as it is (CSV, JSON, URLs: it needs no escape in any) are one, "as it
// is".
func formsOf(v string) map[string]string {
	forms := map[string]string{
		"as it is":      v,
		"in lower case": strings.ToLower(v),
		"in upper case": strings.ToUpper(v),
		"backwards":     reversed(v),
		"in hex":        hex.EncodeToString([]byte(v)),
		"in upper hex":  strings.ToUpper(hex.EncodeToString([]byte(v))),
		"URL-encoded":   each(v, "%%%02X"),
		"url-encoded":   each(v, "%%%02x"),
		"JSON-escaped":  each(v, `\u%04x`),
		"JSON-Escaped":  each(v, `\u%04X`),
		"as Go bytes":   strings.TrimSuffix(each(v, "%d "), " "),
		"as Go hex":     strings.TrimSuffix(each(v, "0x%x, "), ", "),
		"as JSON bytes": strings.TrimSuffix(each(v, "%d,"), ","),
		"in UTF-16":     utf16Of(v),
	}
	for name, enc := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding} {
		for offset := range 3 { // bytes before it in its group of three
			text := enc.EncodeToString(append(make([]byte, offset), v...))
			from, to := (offset*8+5)/6, (offset+len(v))*8/6 // the digits that are all its own
			forms[fmt.Sprintf("in %s from byte %d", name, offset)] = text[from:to]
		}
	}
	return forms
}

func reversed(v string) string {
	b := []byte(v)
	slices.Reverse(b)
	return string(b)
}

func each(v, format string) string {
	var b strings.Builder
	for _, c := range []byte(v) {
		fmt.Fprintf(&b, format, c)
	}
	return b.String()
}

func utf16Of(v string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(v)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

// in finds the canaries in data, those that are allowed there left out: each
// form once.
func (s *search) in(place string, data []byte, allowed map[string]bool) []leak {
	if len(allowed) > 0 {
		data = blank(data, allowed)
	}
	var found []leak
	seen := map[string]bool{}
	for _, f := range s.forms {
		at := bytes.Index(data, f.pattern)
		if at < 0 || seen[string(f.pattern)] { // forms of digits and dates are often the same
			continue
		}
		seen[string(f.pattern)] = true
		found = append(found, leak{place, f.name, s.spot(data[at:], f)})
	}
	return found
}

// blank takes the allowed canaries out, as they are.
func blank(data []byte, allowed map[string]bool) []byte {
	data = bytes.Clone(data)
	for canary := range allowed {
		for rest := data; ; {
			at := bytes.Index(rest, []byte(canary))
			if at < 0 {
				break
			}
			rest = rest[at:]
			clear(rest[:len(canary)])
		}
	}
	return data
}

// spot says where a canary was put in, as far as its form tells.
func (s *search) spot(found []byte, f form) string {
	for canary, spot := range s.c.spots {
		if f.name == "as it is" && bytes.HasPrefix(found, []byte(canary)) {
			return spot
		}
	}
	return "a canary like " + f.mark
}

// TestSearch plants a canary in every way in which a value may be written, at
// every offset.
func TestSearch(t *testing.T) {
	c := newCanaries()
	values := []string{c.text("text"), c.digits("digits"), c.date("date")}
	s := newSearch(c)
	quoteEach := func(v string) string { return each(v, `\u%04x`) }
	writers := map[string]func(string) string{
		"as it is":  func(v string) string { return v },
		"in a JSON": func(v string) string { return quoteJSON(`<"` + v + `">`) },
		"in a CSV":  func(v string) string { return quoteCSV(`"` + v + `"`) },
		"escaped":   quoteEach,
		"hex":       func(v string) string { return hex.EncodeToString([]byte(v)) },
		"%X":        func(v string) string { return fmt.Sprintf("%X", v) },
		"%v":        func(v string) string { return fmt.Sprintf("%v", []byte(v)) },
		"%#v":       func(v string) string { return fmt.Sprintf("%#v", []byte(v)) },
		"url":       func(v string) string { return each(v, "%%%02X") },
		"base64":    func(v string) string { return base64.StdEncoding.EncodeToString([]byte(v)) },
		"base64url": func(v string) string { return base64.URLEncoding.EncodeToString([]byte(v)) },
		"reversed":  reversed,
		"upper":     strings.ToUpper,
		"utf16":     utf16Of,
	}
	for name, write := range writers {
		for _, v := range values {
			for offset := range 7 {
				noise := strings.Repeat("{", offset)
				text := "\x01\xff" + write(noise+v+"}]") + "\n"
				if len(s.in("here", []byte(text), nil)) == 0 {
					t.Errorf("%s of %s is not found behind %d bytes", name, v, offset)
				}
			}
		}
	}
	allowed := map[string]bool{values[0]: true}
	if found := s.in("here", []byte("a "+values[0]+values[0]+" b"), allowed); len(found) > 0 {
		t.Errorf("what is allowed is found: %v", found)
	}
	if found := s.in("here", []byte("a "+values[0]+" "+hex.EncodeToString([]byte(values[0]))), allowed); len(found) != 1 || found[0].form != "in hex" {
		t.Errorf("in another form it is not allowed: %v", found)
	}
	other := c.text("elsewhere")
	if found := s.in("here", []byte(values[0]+","+other), allowed); len(found) != 1 || found[0].spot != "elsewhere" {
		t.Errorf("one that is not allowed beside one that is: %v", found)
	}
	if found := s.in("here", []byte("a perfectly harmless text of 17 91 02 177 33"), nil); len(found) > 0 {
		t.Errorf("found in nothing: %v", found)
	}
}
