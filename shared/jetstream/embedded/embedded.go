// Package embedded runs a NATS server with JetStream inside the process: the
// queues of a laptop or of a single machine, with nothing to install.
//
// Streams and consumers lie in files in one directory. Every message is synced
// to the disk before its publisher gets the ack, so that what was acked survives
// a killed process, and a machine that loses power as far as its disk keeps its
// word.
//
// By default the server listens nowhere: its only clients are in the process.
package embedded

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// MaxPayload is the largest message, headers included, in bytes.
const MaxPayload = 8 << 20

// startTimeout bounds the recovery of the streams at the start.
const startTimeout = time.Minute

// Options tune the server. The zero value is fine.
type Options struct {
	// Listen is a loopback address to listen on as well, such as
	// "127.0.0.1:4222" (port 0 picks one), for tools and other processes of
	// this machine. "" listens nowhere. Clients are not authenticated, hence
	// loopback only.
	Listen string
	// MaxStore is how many bytes of disk the streams may take. The default is
	// three quarters of what is free.
	MaxStore int64
}

// Server is a running server. Its methods may be called concurrently.
type Server struct {
	nats *server.Server
	lock *os.File

	mu     sync.Mutex
	closed bool
	conns  []*nats.Conn
}

// Start runs a server whose streams lie in dir, which is created if absent. A
// directory left by a killed process is recovered. One server at a time may
// have it: a second gets an error whose code is "embedded-locked".
func Start(dir string, opts Options) (*Server, error) {
	o := &server.Options{
		ServerName:        "sallyport",
		DontListen:        true,
		NoLog:             true,
		NoSigs:            true,
		MaxPayload:        MaxPayload,
		JetStream:         true,
		StoreDir:          dir,
		SyncAlways:        true,
		JetStreamMaxStore: opts.MaxStore,
	}
	if opts.Listen != "" {
		addr, err := netip.ParseAddrPort(opts.Listen)
		if err != nil || !addr.Addr().IsLoopback() {
			return nil, fault.New(fault.Invalid, "embedded-listen",
				"the embedded server listens on a loopback address and a port only, since it authenticates nobody",
				"write an address such as 127.0.0.1:4222, or run a NATS server of your own")
		}
		o.DontListen = false
		o.Host = addr.Addr().String()
		if o.Port = int(addr.Port()); o.Port == 0 {
			o.Port = server.RANDOM_PORT
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.Wrap(fault.Retry, "embedded-dir", err, "cannot create the directory of the embedded server")
	}
	lock, err := lockFile(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	n, err := server.NewServer(o)
	if err != nil {
		lock.Close()
		return nil, fault.Wrap(fault.Invalid, "embedded-options", err, "the embedded server does not start")
	}
	go n.Start()
	if !n.ReadyForConnections(startTimeout) {
		n.Shutdown()
		n.WaitForShutdown()
		lock.Close()
		return nil, fault.New(fault.Retry, "embedded-start", "the embedded server does not start",
			"see whether its directory is writable, its disk has room and its port is free")
	}
	return &Server{nats: n, lock: lock}, nil
}

// Conn makes a connection that needs no network. It is closed by Shutdown, or
// by the caller.
func (s *Server) Conn() (*nats.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fault.Wrap(fault.Retry, "embedded-closed", nats.ErrConnectionClosed, "the embedded server was shut down")
	}
	c, err := nats.Connect("", nats.InProcessServer(s.nats), nats.Name("sallyport"), nats.MaxReconnects(-1))
	if err != nil {
		return nil, fault.Wrap(fault.Retry, "embedded-connect", err, "cannot connect to the embedded server")
	}
	s.conns = append(s.conns, c)
	return c, nil
}

// Addr is the address that the server listens on, or nil.
func (s *Server) Addr() net.Addr { return s.nats.Addr() }

// Shutdown closes the connections, stops the server and waits until its files
// are closed. Shut topics and subscriptions down before. A second call does
// nothing.
func (s *Server) Shutdown() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	for _, c := range s.conns {
		c.Close()
	}
	s.nats.Shutdown()
	s.nats.WaitForShutdown()
	return s.lock.Close()
}

// locked is what lockFile answers where another process has the directory.
func locked() error {
	return fault.New(fault.Retry, "embedded-locked", "another process uses this directory for its embedded server",
		"stop that process, or use another directory")
}

func lockFault(err error) error {
	return fault.Wrap(fault.Retry, "embedded-dir", err, "cannot lock the directory of the embedded server")
}
