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
	labelByte  // of a host name
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
	mark(labelByte, digits+letters+"-")
	mark(atextByte, digits+letters+"!#$%&'*+-/=?^_`{|}~.")
	for c := 0x80; c <= 0xff; c++ {
		t[c] |= atextByte
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
	return all(v[:8], hexDigit) && all(v[9:13], hexDigit) && all(v[14:18], hexDigit) && all(v[19:23], hexDigit) && all(v[24:36], hexDigit)
}

// isEmail: RFC 5321's Mailbox without quotes, comments and address literals;
// letters beyond ASCII are allowed before and behind the @ (RFC 6531).
func isEmail(v []byte) bool {
	at := bytes.IndexByte(v, '@')
	if at < 1 || at > 64 || len(v) > 254 {
		return false
	}
	local, domain := v[:at], v[at+1:]
	if !all(local, atextByte) || local[0] == '.' || local[at-1] == '.' || bytes.Contains(local, []byte("..")) {
		return false
	}
	return bytes.IndexByte(domain, '.') > 0 && isHost(domain, true)
}

// isHostname: RFC 1123.
func isHostname(v []byte) bool { return isHost(v, false) }

func isHost(v []byte, international bool) bool {
	if len(v) == 0 || len(v) > 253 {
		return false
	}
	label := 0
	for i, c := range v {
		switch {
		case c == '.':
			if label == 0 || v[i-1] == '-' {
				return false
			}
			label = 0
			continue
		case c == '-' && label == 0:
			return false
		case classes[c]&labelByte == 0 && (c < 0x80 || !international):
			return false
		}
		if label++; label > 63 {
			return false
		}
	}
	return label > 0 && v[len(v)-1] != '-'
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
