package detect

import "net/netip"

// number is what v begins with: how many bytes, 0 if it is none.
func number(v []byte) (typ Type, size int, sure bool) {
	if classes[v[0]]&digit == 0 && v[0] != '+' && v[0] != '(' {
		return 0, 0, false
	}
	if size := ssn(v); size > 0 {
		return SSN, size, true
	}
	if size := ipv4(v); size > 0 {
		return IP, size, true
	}
	if size := phone(v); size > 0 {
		return Phone, size, true
	}
	size, sure = card(v)
	return Card, size, sure
}

// form tells whether v begins with what has a form: 9 stands for a digit, A for a
// capital, all else for itself. Nothing may go on behind it.
func form(v []byte, as string) bool {
	if len(v) < len(as) || !ends(v, len(as)) {
		return false
	}
	for i := range len(as) {
		switch as[i] {
		case '9':
			if classes[v[i]]&digit == 0 {
				return false
			}
		case 'A':
			if classes[v[i]]&upper == 0 {
				return false
			}
		default:
			if v[i] != as[i] {
				return false
			}
		}
	}
	return len(v) == len(as) || v[len(as)] != '-'
}

// ssn is a social security number of the United States, 3-2-4 digits, without what
// is never given (Social Security Administration, Randomization, 2011).
func ssn(v []byte) int {
	if !form(v, "999-99-9999") {
		return 0
	}
	area := string(v[:3])
	if area == "000" || area == "666" || v[0] == '9' || string(v[4:6]) == "00" || string(v[7:11]) == "0000" {
		return 0
	}
	return 11
}

// phone is a number that begins with a plus (ITU-T E.164: 8 to 15 digits), or one of
// North America in its usual forms.
func phone(v []byte) int {
	if form(v, "(999) 999-9999") {
		return 14
	}
	if form(v, "999-999-9999") && v[0] > '1' {
		return 12
	}
	if v[0] != '+' || len(v) < 9 || v[1] < '1' || v[1] > '9' {
		return 0
	}
	digits, end := 0, 0
	for i := 1; i < len(v); i++ {
		switch c := v[i]; {
		case classes[c]&digit != 0:
			digits++
			end = i + 1
		case (c == ' ' || c == '-' || c == '.' || c == '/' || c == '(' || c == ')') && i-end < 2:
		default:
			if digits < 8 || digits > 15 || !ends(v, end) {
				return 0
			}
			return end
		}
	}
	if digits < 8 || digits > 15 {
		return 0
	}
	return end
}

// ipv4 is four numbers to 255, parted by dots.
func ipv4(v []byte) int {
	at := 0
	for part := range 4 {
		if part > 0 {
			if at == len(v) || v[at] != '.' {
				return 0
			}
			at++
		}
		n, from := 0, at
		for at < len(v) && at-from < 3 && classes[v[at]]&digit != 0 {
			n = 10*n + int(v[at]-'0')
			at++
		}
		if at == from || n > 255 || v[from] == '0' && at-from > 1 {
			return 0
		}
	}
	if !ends(v, at) || at+1 < len(v) && v[at] == '.' && classes[v[at+1]]&digit != 0 {
		return 0
	}
	return at
}

// ipv6 is an address of RFC 4291 with eight groups, or with two colons side by side
// and at least two groups.
func ipv6(v []byte) int {
	end, colons, double, groups := 0, 0, false, 0
	for end < len(v) && (classes[v[end]]&hex != 0 || v[end] == '.' && colons > 1) {
		if v[end] == ':' {
			colons++
			double = double || end > 0 && v[end-1] == ':'
		} else if end == 0 || v[end-1] == ':' {
			groups++
		}
		end++
	}
	for end > 0 && (v[end-1] == '.' || v[end-1] == ':' && !(end > 1 && v[end-2] == ':')) {
		end--
	}
	if colons < 2 || groups < 2 || !double && colons < 7 || !ends(v, end) {
		return 0
	}
	if _, err := netip.ParseAddr(string(v[:end])); err != nil {
		return 0
	}
	return end
}

// networks are the numbers that payment cards begin with (ISO/IEC 7812), and how
// many digits such have. The first four digits count.
var networks = []struct{ from, to, least, most int }{
	{4000, 4999, 13, 19}, // Visa
	{5100, 5599, 16, 16}, // Mastercard
	{2221, 2720, 16, 16},
	{3400, 3499, 15, 15}, // American Express
	{3700, 3799, 15, 15},
	{6011, 6011, 16, 19}, // Discover
	{6440, 6599, 16, 19},
	{6200, 6299, 16, 19}, // UnionPay
	{3528, 3589, 16, 19}, // JCB
	{3000, 3059, 14, 19}, // Diners Club
	{3600, 3699, 14, 19},
	{3800, 3999, 14, 19},
}

// card is a number of a payment card, its digits in groups or not; sure where
// Luhn's check digit is right (ISO/IEC 7812-1, annex B).
func card(v []byte) (size int, sure bool) {
	var digits [20]byte
	n, end := 0, 0
	for i, c := range v {
		if classes[c]&digit != 0 {
			if n == len(digits) {
				return 0, false
			}
			digits[n] = c - '0'
			n++
			end = i + 1
		} else if c != ' ' && c != '-' || i != end {
			break
		}
	}
	if n < 13 || n > 19 || !ends(v, end) {
		return 0, false
	}
	first := 1000*int(digits[0]) + 100*int(digits[1]) + 10*int(digits[2]) + int(digits[3])
	for _, network := range networks {
		if first < network.from || first > network.to || n < network.least || n > network.most {
			continue
		}
		sum := 0
		for k := range n {
			d := int(digits[n-1-k])
			if k%2 == 1 {
				if d *= 2; d > 9 {
					d -= 9
				}
			}
			sum += d
		}
		return end, sum%10 == 0
	}
	return 0, false
}

// lengths are how many characters the IBANs of a country have (ISO 13616, the
// registry of SWIFT).
var lengths = map[string]int{
	"AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27,
	"BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28,
	"EE": 20, "EG": 29, "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23,
	"GL": 18, "GR": 27, "GT": 28, "HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
	"IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21,
	"LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28,
	"NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22,
	"RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SO": 23, "ST": 25,
	"SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}

// iban is an account number, in groups of four or not; sure where its check digits
// are right (ISO 7064, MOD 97-10).
func iban(v []byte) (size int, sure bool) {
	if len(v) < 15 || classes[v[0]]&upper == 0 || classes[v[1]]&upper == 0 || classes[v[2]]&digit == 0 || classes[v[3]]&digit == 0 {
		return 0, false
	}
	want := lengths[string(v[:2])]
	var text [34]byte
	n, end := 0, 0
	for ; end < len(v) && n < want; end++ {
		switch c := v[end]; {
		case classes[c]&(digit|upper) != 0:
			text[n] = c
			n++
		case c != ' ' || n%4 != 0 || v[end-1] == ' ':
			return 0, false
		}
	}
	if want == 0 || n < want || !ends(v, end) {
		return 0, false
	}
	rest := 0
	for k := range n {
		if c := text[(k+4)%n]; c <= '9' {
			rest = (10*rest + int(c-'0')) % 97
		} else {
			rest = (100*rest + int(c-'A') + 10) % 97
		}
	}
	return end, rest == 1
}
