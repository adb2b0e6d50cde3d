package detect

import (
	"bytes"
	"slices"
)

// national is a number that a state gave to a person: how many bytes of text[i:] it
// has, 0 if there is none; sure where its check digits are right, or it has none.
//
// Those of which one number in ten would pass are taken only in their usual groups, or
// behind a word that names them.
func national(text []byte, i int) (typ Type, size int, sure bool) {
	v := text[i:min(i+longest, len(text))]
	if classes[v[0]]&upper != 0 {
		switch {
		case form(v, "A9999999A") && v[0] >= 'X':
			return ESNIE, 9, nif(v)
		case form(v, "AA999999A"), form(v, "AA 99 99 99 A"):
			if size := nino(v); size > 0 {
				return UKNINO, size, true
			}
		case form(v, "AAAAAA99A99A999A"):
			return ITFiscalCode, 16, codiceFiscale(v)
		}
		return 0, 0, false
	}
	run := 0
	for run < len(v) && classes[v[run]]&digit != 0 {
		run++
	}
	switch run {
	case 1, 15:
		if size, sure := nir(v); size > 0 {
			return FRNIR, size, sure
		}
	case 2:
		if form(v, "99.99.99-999.99") {
			return BENationalNumber, 15, rijksregister(v)
		}
	case 3:
		if form(v, "999.999.999-99") {
			return BRCPF, 14, cpf(v)
		}
		if form(v, "999 999 9999") {
			return UKNHS, 12, nhs(v)
		}
	case 4:
		if form(v, "9999 9999 9999") && v[0] >= '2' {
			return INAadhaar, 14, verhoeff(v[:14])
		}
	case 6:
		if form(v, "999999-9999") || form(v, "999999+9999") {
			return SEPersonnummer, 11, personnummer(v)
		}
	case 8:
		if form(v, "99999999A") {
			return ESNIF, 9, nif(v)
		}
	case 9:
		if form(v, "999999999") && named(text[:i], "bsn", "burgerservicenummer", "sofinummer") {
			return NLBSN, 9, bsn(v)
		}
	case 11:
		if !form(v, "99999999999") {
			break
		}
		if taxID(v) {
			return DETaxID, 11, true
		}
		return PLPESEL, 11, pesel(v)
	}
	return 0, 0, false
}

// named tells whether the last words of text, 32 bytes at most, name what comes.
func named(text []byte, names ...string) bool {
	before := bytes.ToLower(text[max(0, len(text)-32):])
	return slices.ContainsFunc(names, func(name string) bool { return bytes.Contains(before, []byte(name)) })
}

// digitsOf are the digits of v, 16 at most.
func digitsOf(v []byte) (digits [16]int, n int) {
	for _, c := range v {
		if classes[c]&digit != 0 && n < len(digits) {
			digits[n] = int(c - '0')
			n++
		}
	}
	return digits, n
}

func valueOf(digits []int) (value int) {
	for _, d := range digits {
		value = 10*value + d
	}
	return value
}

func weighed(digits []int, weights ...int) (sum int) {
	for i, w := range weights {
		sum += w * digits[i]
	}
	return sum
}

// nif is the check letter of a Spanish NIF, or of a NIE whose X, Y or Z stands for 0, 1
// or 2: the number modulo 23 (Real Decreto 1553/2005; Ministerio del Interior).
func nif(v []byte) bool {
	number := 0
	if classes[v[0]]&upper != 0 {
		number, v = int(v[0]-'X'), v[1:]
	}
	for classes[v[0]]&digit != 0 { // a letter follows
		number, v = 10*number+int(v[0]-'0'), v[1:]
	}
	return v[0] == "TRWAGMYFPDXBNJZSQVHLCKE"[number%23]
}

// nino is a British National Insurance number: it has no check digit, but not all
// letters are given (HMRC, National Insurance Manual, NIM39110).
func nino(v []byte) int {
	size := 9
	if v[2] == ' ' {
		size = 13
	}
	switch string(v[:2]) {
	case "BG", "GB", "KN", "NK", "NT", "TN", "ZZ":
		return 0
	}
	if bytes.IndexByte([]byte("DFIQUV"), v[0]) >= 0 || bytes.IndexByte([]byte("DFIOQUV"), v[1]) >= 0 || v[size-1] > 'D' {
		return 0
	}
	return size
}

// odd is what a character at an odd place of a codice fiscale counts, digits as the
// letters A to J.
const odd = "\x01\x00\x05\x07\x09\x0d\x0f\x11\x13\x15\x02\x04\x12\x14\x0b\x03\x06\x08\x0c\x0e\x10\x0a\x16\x19\x18\x17"

// codiceFiscale is the check letter of an Italian tax code (Decreto Ministeriale
// 23 dicembre 1976, article 4), with a month and a day that there are.
func codiceFiscale(v []byte) bool {
	sum := 0
	for i, c := range v[:15] {
		at := c - 'A'
		if classes[c]&digit != 0 {
			at = c - '0'
		}
		if i%2 == 0 {
			sum += int(odd[at])
		} else {
			sum += int(at)
		}
	}
	day := 10*int(v[9]-'0') + int(v[10]-'0')
	return v[15] == 'A'+byte(sum%26) && bytes.IndexByte([]byte("ABCDEHLMPRST"), v[8]) >= 0 && (day >= 1 && day <= 31 || day >= 41 && day <= 71)
}

// nir is a French social security number, in groups or not; its key is 97 less the
// number modulo 97 (INSEE, arrêté du 30 janvier 1998). Those of Corsica, with a letter,
// are not found.
func nir(v []byte) (size int, sure bool) {
	switch {
	case form(v, "999999999999999"):
		size = 15
	case form(v, "9 99 99 99 999 999 99"):
		size = 21
	default:
		return 0, false
	}
	d, _ := digitsOf(v[:size])
	if d[0] != 1 && d[0] != 2 {
		return 0, false
	}
	return size, valueOf(d[13:15]) == 97-valueOf(d[:13])%97
}

// rijksregister is the check number of a Belgian national number: 97 less what stands
// before it modulo 97, with a 2 in front for who was born from 2000 on (arrêté royal du
// 3 avril 1984).
func rijksregister(v []byte) bool {
	d, _ := digitsOf(v[:15])
	number, check := valueOf(d[:9]), valueOf(d[9:11])
	return check == 97-number%97 || check == 97-(2_000_000_000+number)%97
}

// cpf is the two check digits of a Brazilian CPF (Receita Federal): weights down to 2,
// modulo 11. Numbers of one digit alone are not given.
func cpf(v []byte) bool {
	d, n := digitsOf(v[:14])
	check := func(sum int) int { return (sum * 10 % 11) % 10 }
	same := true
	for i := 1; i < n; i++ {
		same = same && d[i] == d[0]
	}
	return !same && d[9] == check(weighed(d[:], 10, 9, 8, 7, 6, 5, 4, 3, 2)) && d[10] == check(weighed(d[:], 11, 10, 9, 8, 7, 6, 5, 4, 3, 2))
}

// nhs is the check digit of a number of the British NHS: weights 10 to 2, modulo 11
// (NHS Data Dictionary, NHS NUMBER).
func nhs(v []byte) bool {
	d, _ := digitsOf(v[:12])
	return (11-weighed(d[:], 10, 9, 8, 7, 6, 5, 4, 3, 2)%11)%11 == d[9]
}

// personnummer is the check digit of a Swedish personnummer, by Luhn, with a date that
// there is; the day has 60 added in a coordination number (Folkbokföringslag 1991:481,
// Skatteverket).
func personnummer(v []byte) bool {
	d, _ := digitsOf(v[:11])
	month, day := valueOf(d[2:4]), valueOf(d[4:6])%60
	sum := 0
	for i, digit := range d[:10] {
		if i%2 == 0 {
			if digit *= 2; digit > 9 {
				digit -= 9
			}
		}
		sum += digit
	}
	return sum%10 == 0 && month >= 1 && month <= 12 && day >= 1 && day <= 31
}

// bsn is the Dutch test of eleven: weights 9 to 2, and less the last (Besluit
// burgerservicenummer).
func bsn(v []byte) bool {
	d, _ := digitsOf(v[:9])
	return weighed(d[:], 9, 8, 7, 6, 5, 4, 3, 2, -1)%11 == 0 && valueOf(d[:9]) > 0
}

// pesel is the check digit of a Polish PESEL, with a date that there is; the century is
// added to the month, by twenties (ustawa o ewidencji ludności, 2010).
func pesel(v []byte) bool {
	d, _ := digitsOf(v[:11])
	month, day := valueOf(d[2:4])%20, valueOf(d[4:6])
	return (10-weighed(d[:], 1, 3, 7, 9, 1, 3, 7, 9, 1, 3)%10)%10 == d[10] && month >= 1 && month <= 12 && day >= 1 && day <= 31
}

// taxID is the check digit of a German tax number (ISO 7064, MOD 11,10). Of its first
// ten digits one stands there twice or three times, all others once at most
// (Steueridentifikationsnummerverordnung; Bundeszentralamt für Steuern).
func taxID(v []byte) bool {
	d, _ := digitsOf(v[:11])
	product := 10
	var times [10]int
	for _, digit := range d[:10] {
		times[digit]++
		sum := (digit + product) % 10
		if sum == 0 {
			sum = 10
		}
		product = 2 * sum % 11
	}
	repeated := 0
	for _, n := range times {
		if n > 3 {
			return false
		}
		if n > 1 {
			repeated++
		}
	}
	return d[0] != 0 && repeated == 1 && (11-product)%10 == d[10]
}

// The dihedral group of ten, and Verhoeff's permutation (J. Verhoeff, Error Detecting
// Decimal Codes, 1969).
var (
	dihedral = [10]string{"0123456789", "1234067895", "2340178956", "3401289567", "4012395678", "5987604321", "6598710432", "7659821043", "8765932104", "9876543210"}
	permuted = [8]string{"0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258"}
)

// verhoeff is the check digit of an Aadhaar (UIDAI).
func verhoeff(v []byte) bool {
	d, n := digitsOf(v)
	check := byte('0')
	for i := range n {
		check = dihedral[check-'0'][permuted[i%8][d[n-1-i]]-'0']
	}
	return check == '0'
}
