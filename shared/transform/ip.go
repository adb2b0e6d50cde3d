package transform

import (
	"bytes"
	"fmt"
	"net/netip"

	"github.com/sallyport-io/sallyport/shared/record"
)

// How many bits of an address stay where the spec does not say.
const (
	defaultV4 = 24
	defaultV6 = 48
)

func ipKind() kind {
	return kind{
		name: IP, options: []string{"v4", "v6"},
		check: func(s Spec, in record.Type) (record.Type, error) {
			if s.V4 < 0 || s.V4 > 32 || s.V6 < 0 || s.V6 > 128 {
				return in, optionFault(fmt.Sprintf("ip keeps 1 to 32 bits of IPv4 and 1 to 128 of IPv6, not %d and %d", s.V4, s.V6), "write {type: ip, v4: 24, v6: 48}")
			}
			return record.String, s.takes(in, "if the contract means an address, it should say logicalType: string", record.String)
		},
		make: func(s Spec, _ TokenKey) (func() Appender, error) {
			v4, v6 := s.V4, s.V6
			if v4 == 0 {
				v4 = defaultV4
			}
			if v6 == 0 {
				v6 = defaultV6
			}
			return stateless(func(dst, value []byte) ([]byte, bool) { return appendNetwork(dst, value, v4, v6) }), nil
		},
	}
}

// maxAddress is how many bytes an address has at most: IPv6 with an IPv4 address
// in it. One with a zone ("%eth0") does not fit: that is a name of the sender's
// machine.
const maxAddress = 45

// appendNetwork appends the first address of the network that an address is in. An
// IPv4 address that is written as an IPv6 one ("::ffff:1.2.3.4") is cut as IPv4.
func appendNetwork(dst, value []byte, v4, v6 int) ([]byte, bool) {
	if len(value) > maxAddress {
		return dst, false
	}
	address, ok := parseV4(value)
	if !ok {
		if address, ok = parseV6(value); !ok {
			return dst, false
		}
	}
	bits := v6
	if address.Is4() {
		bits = v4
	} else if address.Is4In6() {
		bits = 96 + v4
	}
	network, err := address.Prefix(bits)
	if err != nil {
		return dst, false
	}
	return network.Addr().AppendTo(dst), true
}

// parseV4 is netip.ParseAddr of bytes, for IPv4: it takes no string, which would
// have to be allocated.
func parseV4(value []byte) (netip.Addr, bool) {
	var parts [4]byte
	for i := range parts {
		n, size := 0, 0
		for size < len(value) && size < 3 && isDigit(value[size]) {
			n = 10*n + int(value[size]-'0')
			size++
		}
		if size == 0 || n > 255 || size > 1 && value[0] == '0' {
			return netip.Addr{}, false
		}
		parts[i] = byte(n)
		value = value[size:]
		if i < 3 {
			if len(value) == 0 || value[0] != '.' {
				return netip.Addr{}, false
			}
			value = value[1:]
		}
	}
	return netip.AddrFrom4(parts), len(value) == 0
}

// parseV6 is netip.ParseAddr of bytes, for IPv6 (RFC 4291, section 2.2).
func parseV6(value []byte) (netip.Addr, bool) {
	var parts [16]byte
	none := netip.Addr{}
	at, gap := 0, -1
	if bytes.HasPrefix(value, []byte("::")) {
		gap, value = 0, value[2:]
	}
	for len(value) > 0 {
		if at == len(parts) {
			return none, false
		}
		if v4, ok := parseV4(value); ok { // the last 4 bytes may be written so
			if at > len(parts)-4 {
				return none, false
			}
			four := v4.As4()
			at += copy(parts[at:], four[:])
			value = nil
			break
		}
		n, size := 0, 0
		for size < len(value) && size < 4 && hexDigit(value[size]) >= 0 {
			n = 16*n + hexDigit(value[size])
			size++
		}
		if size == 0 {
			return none, false
		}
		parts[at], parts[at+1] = byte(n>>8), byte(n)
		at += 2
		if value = value[size:]; len(value) == 0 {
			break
		}
		if value[0] != ':' || len(value) == 1 {
			return none, false
		}
		if value = value[1:]; value[0] == ':' {
			if gap >= 0 {
				return none, false
			}
			gap, value = at, value[1:]
		}
	}
	if at < len(parts) {
		if gap < 0 {
			return none, false
		}
		moved := copy(parts[len(parts)-(at-gap):], parts[gap:at])
		clear(parts[gap : len(parts)-moved])
	} else if gap >= 0 {
		return none, false
	}
	return netip.AddrFrom16(parts), true
}

func hexDigit(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
