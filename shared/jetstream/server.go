package jetstream

import (
	"errors"
	"io/fs"
	"net/url"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// dialTimeout bounds one attempt to reach a server.
const dialTimeout = 5 * time.Second

// Server says how to reach a NATS server, or a cluster of them. Its fields are
// those of the environment variables SALLYPORT_NATS_*.
type Server struct {
	// URL is nats://host:4222, or tls://host:4222 for TLS in any case. Those of
	// a cluster are parted by commas. A user and password, or a token, may
	// stand before the host, followed by "@".
	URL string `env:"NATS_URL"`
	// Creds is a file with a user's JWT and seed (.creds). "": none.
	Creds string `env:"NATS_CREDS"`
	// CA is a file with the certificates of the authorities that the server's
	// is held to. "": those of the system.
	CA string `env:"NATS_CA"`
	// Cert and Key are files with the certificate and the private key that the
	// server asks for, or both are "".
	Cert string `env:"NATS_CERT"`
	Key  string `env:"NATS_KEY"`
}

// Dial connects. A connection that breaks later is made again, without end. An
// error is Invalid where the settings are wrong, and Retry where no server
// answers; it holds nothing of the URL.
func (s Server) Dial() (*nats.Conn, error) {
	if s.URL == "" {
		return nil, fault.New(fault.Invalid, "jetstream-server", "a jetstream URL was given, and no server", "set SALLYPORT_NATS_URL, such as nats://127.0.0.1:4222")
	}
	if (s.Cert == "") != (s.Key == "") {
		return nil, fault.New(fault.Invalid, "jetstream-server", "of the client's certificate and its key one is missing", "set both SALLYPORT_NATS_CERT and SALLYPORT_NATS_KEY, or none")
	}
	opts := []nats.Option{nats.Name("sallyport"), nats.Timeout(dialTimeout), nats.MaxReconnects(-1)}
	if s.Creds != "" {
		opts = append(opts, nats.UserCredentials(s.Creds))
	}
	if s.CA != "" {
		opts = append(opts, nats.RootCAs(s.CA))
	}
	if s.Cert != "" {
		opts = append(opts, nats.ClientCert(s.Cert, s.Key))
	}
	conn, err := nats.Connect(s.URL, opts...)
	if err != nil {
		return nil, dialFault(err)
	}
	return conn, nil
}

// dialFault leaves out the text of what may quote the URL, and so a password.
func dialFault(err error) error {
	var u *url.Error
	switch {
	case errors.As(err, &u):
		return fault.New(fault.Invalid, "jetstream-server", "the URL of the NATS server is none", "write SALLYPORT_NATS_URL such as nats://127.0.0.1:4222; percent-encode what is special in a password")
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired):
		f := fault.Wrap(fault.Invalid, "jetstream-server", err, "the NATS server refuses the user")
		f.Do = "see SALLYPORT_NATS_CREDS, or the user in SALLYPORT_NATS_URL"
		return f
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		f := fault.Wrap(fault.Invalid, "jetstream-server", err, "a file for the connection to the NATS server cannot be read")
		f.Do = "see SALLYPORT_NATS_CREDS, _CA, _CERT and _KEY"
		return f
	}
	f := fault.Wrap(fault.Retry, "jetstream-server", err, "the NATS server cannot be reached")
	f.Do = "see whether it runs at SALLYPORT_NATS_URL and what certificate it shows"
	return f
}
