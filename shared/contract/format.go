package contract

import (
	"bytes"
	"encoding/base64"
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
	atextByte  // of a mailbox: RFC 5322 atext and the dot
	schemeByte // of a URI's scheme
	uriByte    // of a URI: RFC 3986, reserved, unreserved and %
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
	mark(schemeByte, digits+letters+"+-.")
	mark(uriByte, digits+letters+"-._~:/?#[]@!$&'()*+,;=%")
	return t
}()

func all(v []byte, class uint8) bool {
	for _, c := range v {
		if classes[c]&class == 0 {
			return false
		}
	}
	return true
}

// isUUID: RFC 9562, section 4: 8-4-4-4-12 hex digits.
func isUUID(v []byte) bool {
	if len(v) != 36 || v[8] != '-' || v[13] != '-' || v[18] != '-' || v[23] != '-' {
		return false
	}
	return all(v[:8], hexDigit) && all(v[9:13], hexDigit) && all(v[14:18], hexDigit) && all(v[19:23], hexDigit) && all(v[24:], hexDigit)
}

// isEmail: RFC 5321's Mailbox without quotes, comments and address literals;
// letters beyond ASCII are allowed before and behind the @ (RFC 6531).
func isEmail(v []byte) bool {
	at := bytes.IndexByte(v, '@')
	if at < 1 || at > 64 || len(v) > 254 {
		return false
	}
	local, domain := v[:at], v[at+1:]
	for i, c := range local {
		if c < 0x80 && classes[c]&atextByte == 0 || c == '.' && (i == 0 || i == at-1 || local[i-1] == '.') {
			return false
		}
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

// isURI: RFC 3986: a scheme, a colon, and only bytes that a URI may have.
func isURI(v []byte) bool {
	colon := bytes.IndexByte(v, ':')
	if colon < 1 || v[0]-'0' < 10 || !all(v[:colon], schemeByte) || len(v) == colon+1 {
		return false
	}
	return all(v, uriByte)
}

// isBase64: RFC 4648, section 4 or 5, padded.
func isBase64(v []byte) bool {
	if len(v)%4 != 0 {
		return false
	}
	var out [3 * 256]byte
	for len(v) > 0 {
		piece := v[:min(len(v), 1024)]
		v = v[len(piece):]
		if _, err := base64.StdEncoding.Strict().Decode(out[:], piece); err == nil {
			continue
		}
		if _, err := base64.URLEncoding.Strict().Decode(out[:], piece); err != nil {
			return false
		}
	}
	return true
}
