package contract

import (
	"bytes"
	"net/netip"
)

// formats are the string formats of ODCS that say something about the text;
// binary and password do not.
var formats = map[string]func([]byte) bool{
	"email":    isEmail,
	"uuid":     isUUID,
	"uri":      isURI,
	"hostname": isHostname,
	"ipv4":     func(v []byte) bool { a, err := netip.ParseAddr(string(v)); return err == nil && a.Is4() },
	"ipv6": func(v []byte) bool {
		a, err := netip.ParseAddr(string(v))
		return err == nil && a.Is6() && a.Zone() == ""
	},
	"byte":     isBase64,
	"binary":   func([]byte) bool { return true },
	"password": func([]byte) bool { return true },
}

// Classes of ASCII bytes, as bits of classes.
const (
	hexDigit   = 1 << iota
	hostByte   // of a host name: RFC 1123
	mailByte   // of the host in an address: what is not ASCII as well
	atextByte  // of a mailbox: RFC 5322 atext, the dot and what is not ASCII
	schemeByte // of a URI's scheme
	uriByte    // of a URI: RFC 3986, reserved, unreserved and %
	base64Byte
	base64URLByte
)

var classes = func() (t [256]uint8) {
	mark := func(class uint8, text string) {
		for i := range len(text) {
			t[text[i]] |= class
		}
	}
	const digits, letters = "0123456789", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	mark(hexDigit, digits+"abcdefABCDEF")
	mark(hostByte|mailByte, digits+letters+"-.")
	mark(atextByte, digits+letters+"!#$%&'*+-/=?^_`{|}~.")
	for c := 0x80; c <= 0xff; c++ {
		t[c] |= atextByte | mailByte
	}
	mark(schemeByte, digits+letters+"+-.")
	mark(uriByte, digits+letters+"-._~:/?#[]@!$&'()*+,;=%")
	mark(base64Byte, digits+letters+"+/")
	mark(base64URLByte, digits+letters+"-_")
	return t
}()

func all(v []byte, class uint8) bool {
	in := class
	for _, c := range v {
		in &= classes[c]
	}
	return in != 0
}

// isUUID: RFC 9562, section 4: 8-4-4-4-12 hex digits.
func isUUID(v []byte) bool {
	if len(v) != 36 || v[8] != '-' || v[13] != '-' || v[18] != '-' || v[23] != '-' {
		return false
	}
	return isHex(load(v)) && isHex(load(v[9:])&half|load(v[14:])<<32) && isHex(load(v[19:])&half|load(v[24:])<<32) && isHex(load(v[28:]))
}

// isEmail: RFC 5321's Mailbox without quotes, comments and address literals;
// letters beyond ASCII are allowed before and behind the @ (RFC 6531).
func isEmail(v []byte) bool { return plainEmail(v) || anyEmail(v) }

func anyEmail(v []byte) bool {
	at := bytes.IndexByte(v, '@')
	if at < 1 || at > 64 || len(v) > 254 {
		return false
	}
	in, pairs, last := look(v[:at], atextByte)
	if in == 0 || pairs&(1<<(4*dot+dot)) != 0 || last == dot {
		return false
	}
	domain := v[at+1:]
	return bytes.IndexByte(domain, '.') > 0 && isHost(domain, mailByte)
}

// isHostname: RFC 1123.
func isHostname(v []byte) bool { return isHost(v, hostByte) }

// isHost: labels of 1 to 63 bytes of the class, parted by dots, with no hyphen
// at their ends.
func isHost(v []byte, class uint8) bool {
	if len(v) == 0 || len(v) > 253 {
		return false
	}
	const bad = 1<<(4*dot+dot) | 1<<(4*dot+hyphen) | 1<<(4*hyphen+dot)
	in, pairs, last := look(v, class)
	if in == 0 || pairs&bad != 0 || last != 0 {
		return false
	}
	for rest := v; len(rest) > 63; {
		label := bytes.IndexByte(rest, '.')
		if label < 0 || label > 63 {
			return false
		}
		rest = rest[label+1:]
	}
	return true
}

// The bytes that part names, as separators tells them; 0 is any other.
const (
	dot    = 1
	hyphen = 2
)

var separators = [256]uint8{'.': dot, '-': hyphen}

// look tells whether all bytes of v are of a class (in is not 0), which pairs of
// separators stand side by side (bit 4*first+second; before v there is a dot),
// and which separator is the last byte. No branch depends on where they are.
func look(v []byte, class uint8) (in uint8, pairs uint16, last uint8) {
	in, last = class, dot
	for _, c := range v {
		s := separators[c]
		pairs |= 1 << ((last<<2 | s) & 15)
		in &= classes[c]
		last = s
	}
	return in, pairs, last
}

// isURI: RFC 3986: a scheme, a colon, and only bytes that a URI may have; a %
// goes with two hex digits.
func isURI(v []byte) bool {
	colon := bytes.IndexByte(v, ':')
	if colon < 1 || v[0]|0x20 < 'a' || v[0]|0x20 > 'z' || !all(v[:colon], schemeByte) || len(v) == colon+1 {
		return false
	}
	for i, c := range v {
		if classes[c]&uriByte == 0 || c == '%' && (i+2 >= len(v) || !all(v[i+1:i+3], hexDigit)) {
			return false
		}
	}
	return true
}

// isBase64: RFC 4648, section 4 or 5, padded.
func isBase64(v []byte) bool {
	if len(v)%4 != 0 {
		return false
	}
	padding := 0
	for padding < 2 && padding < len(v) && v[len(v)-1-padding] == '=' {
		padding++
	}
	text := v[:len(v)-padding]
	if !all(text, base64Byte) && !all(text, base64URLByte) {
		return false
	}
	if padding == 0 {
		return true
	}
	// The bits of the last letter that stand for nothing are zero.
	last := text[len(text)-1]
	if padding == 1 {
		return bytes.IndexByte([]byte("AEIMQUYcgkosw048"), last) >= 0
	}
	return bytes.IndexByte([]byte("AQgw"), last) >= 0
}
