package transform

import (
	"fmt"
	"net/netip"
	"unsafe"

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
	if len(value) == 0 || len(value) > maxAddress || !ofAddress(value) {
		return dst, false
	}
	// The text is parsed where it lies: what the parser keeps of it is in its error,
	// which ends here.
	address, err := netip.ParseAddr(unsafe.String(&value[0], len(value)))
	if err != nil {
		return dst, false
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

// ofAddress tells whether all characters are such as addresses have.
func ofAddress(value []byte) bool {
	for _, c := range value {
		if !isDigit(c) && c != '.' && c != ':' && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	return true
}
