package detect

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// found is what Each finds, as "TYPE text".
func found(text string) (all []string) {
	Each([]byte(text), All, func(h Hit) { all = append(all, h.Type.String()+" "+text[h.Start:h.End]) })
	return all
}

// TestEach: invented numbers with right check digits, and near misses.
func TestEach(t *testing.T) {
	for text, want := range map[string]string{
		"write to ann.o@sub.example.com.":         "EMAIL_ADDRESS ann.o@sub.example.com",
		"<a+b@example.org>, c@example.de":         "EMAIL_ADDRESS a+b@example.org; EMAIL_ADDRESS c@example.de",
		"mail..x@example.com":                     "EMAIL_ADDRESS mail..x@example.com",
		"@example.com a@b a@b.c a@1.22 me@ x@.de": "",
		"a@example.com-":                          "EMAIL_ADDRESS a@example.com",

		"IBAN DE89 3704 0044 0532 0130 00, please": "IBAN_CODE DE89 3704 0044 0532 0130 00",
		"GB82WEST12345698765432":                   "IBAN_CODE GB82WEST12345698765432",
		"GB83WEST12345698765432":                   "", // check digits
		"xGB82WEST12345698765432":                  "",
		"GB82WEST123456987654321":                  "",
		"ZZ82WEST12345698765432":                   "",

		"card 4111 1111 1111 1111 expires":  "CREDIT_CARD 4111 1111 1111 1111",
		"5500005555555559;378282246310005":  "CREDIT_CARD 5500005555555559; CREDIT_CARD 378282246310005",
		"4111-1111-1111-1112":               "",
		"order 9999999999999995":            "", // no network
		"41111111111111111111111":           "",
		"0190b3a4-5c6d-7e8f-9a0b-012345678": "",

		"ssn 078-05-1120.":                       "US_SSN 078-05-1120",
		"000-12-3456 666-12-3456 123-00-4567":    "",
		"123-45-0000 078-05-1120-1 1078-05-1120": "",
		"900-12-3456":                            "",

		"call +49 (30) 901820 now":   "PHONE_NUMBER +49 (30) 901820",
		"(212) 555-0123":             "PHONE_NUMBER (212) 555-0123",
		"212-555-0123, 112-555-0123": "PHONE_NUMBER 212-555-0123",
		"+1 2 3":                     "",
		"1+15551234567":              "",

		"from 192.0.2.17:443":                        "IP_ADDRESS 192.0.2.17",
		"256.1.1.1 1.2.3 01.2.3.4":                   "",
		"1.2.3.4.5":                                  "",
		"2001:db8::8a2e:370:7334":                    "IP_ADDRESS 2001:db8::8a2e:370:7334",
		"at 12:00:00 on 2026-11-23T12:00:00Z, 10:30": "",
		"a::b":        "IP_ADDRESS a::b",
		"std::vector": "",

		"see https://example.com/a?b=c#d, or (ftp://ftp.example.org).": "URL https://example.com/a?b=c#d; URL ftp://ftp.example.org",
		"s3://b/k and gs://b":                            "URL s3://b/k; URL gs://b",
		"https://x.example/?mail=a@example.com":          "URL https://x.example/?mail=a@example.com",
		"a@example.com:http://[2001:db8::1]/":            "EMAIL_ADDRESS a@example.com; URL http://[2001:db8::1]/",
		"<https://example.com/ü>":                        "URL https://example.com/ü",
		"x:// ://a http:// http://. 1://a c://x 12:30//": "",
		"mailto:a@example.com":                           "EMAIL_ADDRESS a@example.com",

		"":                     "",
		"Jürgen, nothing here": "",
	} {
		if got := strings.Join(found(text), "; "); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// TestInsideURLs: what stands inside of a URL is found where URLs are not asked for,
// and by a guard, for which a URL is nothing.
func TestInsideURLs(t *testing.T) {
	text := []byte("https://x.example/?mail=a@example.com")
	var all []string
	Each(text, Of(Email, IP), func(h Hit) { all = append(all, string(text[h.Start:h.End])) })
	if len(all) != 1 || !strings.HasSuffix(all[0], "mail=a@example.com") { // all of these may stand before an @
		t.Errorf("found %q", all)
	}
	g := NewGuard([]Set{0})
	for range MinHits {
		g.Observe(0, text)
	}
	if all := g.Findings(); len(all) != 1 || all[0].Type != Email {
		t.Errorf("the guard finds %+v", all)
	}
}

func TestTypes(t *testing.T) {
	for _, typ := range Types() {
		if again, ok := ParseType(typ.String()); !ok || again != typ {
			t.Errorf("%s is %s again", typ, again)
		}
	}
	if _, ok := ParseType("NOTHING"); ok {
		t.Error("there is no such type")
	}
}

// TestGuard: a column with a few addresses is found, one that may hold them and one
// of numbers that only look like cards are not.
func TestGuard(t *testing.T) {
	g := NewGuard([]Set{0, Of(Email), 0, 0})
	for i := range 20_000 {
		note, number := "nothing", fmt.Sprintf("4%015d", i*7919)
		if i%7 == 0 {
			note = "ask ann@example.com"
		}
		if !g.Row() {
			continue
		}
		for column, value := range []string{note, note, number, fmt.Sprintf("78-%d", i)} {
			g.Observe(column, []byte(value))
		}
	}
	all := g.Findings()
	if len(all) != 1 || all[0].Column != 0 || all[0].Type != Email {
		t.Fatalf("%+v", all)
	}
	if f := all[0]; f.Seen != Whole+(20_000-Whole)/Every+1 && f.Seen != Whole+(20_000-Whole)/Every || f.Hits < f.Seen/8 {
		t.Errorf("%d of %d", f.Hits, f.Seen)
	}
	few := NewGuard([]Set{0})
	for range MinHits - 1 {
		few.Observe(0, []byte("a@example.com"))
	}
	if all := few.Findings(); len(all) != 0 {
		t.Errorf("%d hits are a finding", MinHits-1)
	}
}

// FuzzEach: hits lie in the text, in order, and are what they are alone, too.
func FuzzEach(f *testing.F) {
	for _, seed := range []string{"a@b.cd", "DE89370400440532013000", "4111 1111 1111 1111", "+4930901820", "2001:db8::1", "1.2.3.4@5.6", "::", "@@.@", "http://a@b.cd/"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		last := 0
		Each(text, All, func(h Hit) {
			if h.Start < last || h.End <= h.Start || h.End > len(text) {
				t.Fatalf("%+v after %d of %d", h, last, len(text))
			}
			last = h.End
		})
		g := NewGuard([]Set{0})
		g.Observe(0, text)
	})
}

func TestNoAllocation(t *testing.T) {
	text := []byte("ask ann@example.com, IBAN DE89 3704 0044 0532 0130 00, card 4111 1111 1111 1111, 078-05-1120, 192.0.2.1")
	n := 0
	if allocs := testing.AllocsPerRun(100, func() { Each(text, All, func(Hit) { n++ }) }); allocs != 0 {
		t.Errorf("%g allocations", allocs)
	}
	if n == 0 {
		t.Error("nothing was found")
	}
}

func BenchmarkEach(b *testing.B) {
	for name, text := range map[string]string{
		"prose":   strings.Repeat("The goods were sent on Monday and have not come yet; please look. ", 16),
		"numbers": strings.Repeat("4012-33 77 81, 12:30, 2026-11-23, 17.5 kg; ", 24),
	} {
		b.Run(name, func(b *testing.B) {
			data := bytes.Clone([]byte(text))
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				Each(data, All, func(Hit) {})
			}
		})
	}
}
