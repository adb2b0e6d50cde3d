package jetstream

import (
	"net/url"
	"strings"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
)

// reserved reports whether a header means something to NATS. "Status" marks a
// message without a body as one of the server's own.
func reserved(key string) bool {
	return strings.EqualFold(key, "Status") ||
		len(key) >= 5 && strings.EqualFold(key[:5], "Nats-")
}

// toHeader makes NATS headers of metadata.
func toHeader(metadata map[string]string) (nats.Header, error) {
	if len(metadata) == 0 {
		return nil, nil
	}
	h := make(nats.Header, len(metadata))
	for k, v := range metadata {
		if reserved(k) && k != natsjs.MsgIDHeader {
			return nil, errReservedKey
		}
		h[url.QueryEscape(k)] = []string{escapeValue(v)}
	}
	return h, nil
}

// fromHeader is the inverse of toHeader. It leaves out what the server and the
// driver added. What is not validly escaped was written by someone else and is
// taken as it is.
func fromHeader(h nats.Header) map[string]string {
	m := make(map[string]string, len(h))
	for k, vs := range h {
		if len(vs) == 0 || reserved(k) && k != natsjs.MsgIDHeader {
			continue
		}
		if u, err := url.QueryUnescape(k); err == nil {
			k = u
		}
		v := vs[0]
		if u, err := url.PathUnescape(v); err == nil {
			v = u
		}
		m[k] = v
	}
	return m
}

// escapeValue percent-encodes what a header line cannot hold: everything but
// printable ASCII, spaces at the ends (NATS trims them), and "%" itself.
func escapeValue(v string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(v) {
		c := v[i]
		edge := i == 0 || i == len(v)-1
		if c > ' ' && c < 0x7f && c != '%' || c == ' ' && !edge {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}
