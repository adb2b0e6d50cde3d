package detect

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestNational: numbers that authorities and encyclopaedias give as examples, and near
// misses.
func TestNational(t *testing.T) {
	for text, want := range map[string]string{
		"NHS 943 476 5919.":                    "UK_NHS 943 476 5919",
		"943 476 5918 943-476-5919 9434765919": "PHONE_NUMBER 943-476-5919", // in America's form

		"NI AB123456C, AB 12 34 56 C":                       "UK_NINO AB123456C; UK_NINO AB 12 34 56 C",
		"QQ123456C DA123456A AO123456A GB123456A AB123456E": "",

		"DNI 12345678Z":                 "ES_NIF 12345678Z",
		"12345678A 1234567Z 123456789Z": "",
		"NIE X1234567L y Z1234567R":     "ES_NIE X1234567L; ES_NIE Z1234567R",
		"X1234567A W1234567L":           "",

		"CF RSSMRA85T10A562S":                               "IT_FISCAL_CODE RSSMRA85T10A562S",
		"RSSMRA85T10A562T RSSMRA85F10A562S RSSMRA85T10A562": "",

		"NIR 2 55 08 14 168 025 38 ou 255081416802538": "FR_NIR 2 55 08 14 168 025 38; FR_NIR 255081416802538",
		"255081416802539 855081416802538":              "",

		"RN 85.07.30-033.28": "BE_NATIONAL_NUMBER 85.07.30-033.28",
		"85.07.30-033.29":    "",

		"CPF 529.982.247-25 e 111.444.777-35":       "BR_CPF 529.982.247-25; BR_CPF 111.444.777-35",
		"529.982.247-24 111.111.111-11 52998224725": "",

		"IdNr 86095742719, 47036892816": "DE_TAX_ID 86095742719; DE_TAX_ID 47036892816",
		"86095742718 11111111111":       "",

		"Aadhaar 2341 2341 2346":                     "IN_AADHAAR 2341 2341 2346",
		"2341 2341 2347 1341 2341 2346 234123412346": "",

		"BSN: 111222333, en burgerservicenummer 123456782": "NL_BSN 111222333; NL_BSN 123456782",
		"111222333 bestelling, BSN 111222334":              "",

		"PESEL 44051401359":       "PL_PESEL 44051401359",
		"44051401358 44131401359": "",

		"811218-9876 och 811218+9876":        "SE_PERSONNUMMER 811218-9876; SE_PERSONNUMMER 811218+9876",
		"811218-9875 811318-9876 8112189876": "",
	} {
		if got := strings.Join(found(text), "; "); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// TestChance: of numbers in a form that some type has few are taken for one of it, so
// that a column of them is no finding of a guard.
func TestChance(t *testing.T) {
	source := rand.New(rand.NewPCG(1, 2))
	for _, form := range []string{"99999999999", "99999999A", "999999-9999", "999 999 9999", "9999 9999 9999", "999.999.999-99", "99.99.99-999.99", "999999999", "199999999999999", "X9999999A", "AAAAAA99A99A999A"} {
		g, hits := NewGuard([]Set{0}), 0
		const all = 20_000
		for range all {
			text := []byte(form)
			for i, c := range text {
				switch c {
				case '9':
					text[i] = '0' + byte(source.IntN(10))
				case 'A':
					text[i] = 'A' + byte(source.IntN(26))
				}
			}
			g.Observe(0, text)
			hits += len(found(string(text)))
		}
		if findings := g.Findings(); len(findings) > 0 || hits > all/8 {
			t.Errorf("%s: %d of %d are taken for something, %v", form, hits, all, fmt.Sprint(findings))
		}
	}
}
