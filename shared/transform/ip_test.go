package transform

import (
	"net/netip"
	"testing"
)

// FuzzAddress: addresses are read as package netip reads them, but for zones.
func FuzzAddress(f *testing.F) {
	for _, text := range []string{"1.2.3.4", "::", "::1", "1::", "2001:db8::1:2", "::ffff:1.2.3.4", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7::",
		"::2:3:4:5:6:7:8", "1::2::3", "01.2.3.4", "1.2.3.256", "12345::", ":1", "1:", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:1.2.3.4", "FE80::A", "fe80::1%eth0", "::1.2.3.4.5", "1::2:3:4:5:6:7:8"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want, err := netip.ParseAddr(text)
		got, ok := parseV4([]byte(text))
		if !ok {
			got, ok = parseV6([]byte(text))
		}
		if fits := err == nil && want.Zone() == ""; ok != fits || ok && got != want {
			t.Errorf("%q: %v %v, want %v %v", text, got, ok, want, err)
		}
	})
}
