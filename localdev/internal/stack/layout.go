package stack

import (
	"fmt"
	"net/url"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"

	"github.com/sallyport-io/sallyport/functions/audit"
	"github.com/sallyport-io/sallyport/functions/fanout"
	"github.com/sallyport-io/sallyport/functions/ingest"
	"github.com/sallyport-io/sallyport/functions/mask"
	"github.com/sallyport-io/sallyport/functions/reveal"
	"github.com/sallyport-io/sallyport/shared/deliver"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// dataName is the folder in an exchange directory that holds all but its
// configuration.
const dataName = ".sallyport"

// Places says where everything of an exchange directory lies. Folders and files
// need not be there. All are absolute.
type Places struct {
	Dir  string // exchange.yaml, contracts, partners, profiles; relative destinations start here
	Data string // <dir>/.sallyport, which holds all that follows

	// Folders that are buckets (shared/filebucket).
	Drops      string
	Landing    string
	Masked     string
	Quarantine string
	Ledger     string
	Config     string // published exchanges
	State      string // what was announced and delivered
	Subjects   string // keys of data subjects, wrapped

	Queue     string // folder of the embedded NATS server
	Keyring   string // keys of tokens; for its owner only
	LedgerKey string // signs the ledger; for its owner only
	LedgerPub string // verifies the ledger; for everyone
	Lock      string // held by the process that runs the chain
	HTTP      string // address of the HTTP endpoint, while there is one
}

// Layout is where the things of the exchange directory dir lie.
func Layout(dir string) Places {
	if abs, err := filepath.Abs(dir); err == nil { // it fails only where there is no working directory
		dir = abs
	}
	data := filepath.Join(dir, dataName)
	in := func(name ...string) string { return filepath.Join(append([]string{data}, name...)...) }
	return Places{
		Dir: dir, Data: data,
		Drops: in("drops"), Landing: in("landing"), Masked: in("masked"), Quarantine: in("quarantine"),
		Ledger: in("ledger"), Config: in("config"), State: in("state"), Subjects: in("subjects"),
		Queue: in("queue"), Keyring: in("keys", "keyring.json"), LedgerKey: in("keys", "ledger.key"), LedgerPub: in("keys", "ledger.pub"),
		Lock: in("lock"), HTTP: in("http"),
	}
}

// The configurations of the functions. The buckets of each are opened by a mux
// that opens these and nothing else: ingest and mask have no way to a partner,
// fanout has none to raw rows, reveal has none to any rows.

// Ingest is the configuration of functions/ingest.
func (p Places) Ingest() ingest.Config {
	return ingest.Config{Drops: fileURL(p.Drops), Landing: fileURL(p.Landing), Quarantine: fileURL(p.Quarantine), Exchange: fileURL(p.Config),
		Buckets: door(p.Drops, p.Landing, p.Quarantine, p.Config)}
}

// Mask is the configuration of functions/mask.
func (p Places) Mask() mask.Config {
	return mask.Config{Landing: fileURL(p.Landing), Masked: fileURL(p.Masked), Exchange: fileURL(p.Config), Keys: fileURL(p.Keyring), Subjects: fileURL(p.Subjects),
		Buckets: door(p.Landing, p.Masked, p.Config, p.Subjects)}
}

// Fanout is the configuration of functions/fanout. Destinations are folders, and
// whatever else the drivers that the program has linked in can open.
func (p Places) Fanout() fanout.Config {
	return fanout.Config{Masked: fileURL(p.Masked), State: fileURL(p.State), Exchange: fileURL(p.Config),
		Buckets:      door(p.Masked, p.State, p.Config),
		Destinations: deliver.Opener{Buckets: outside(p)}}
}

// Reveal is the configuration of functions/reveal.
func (p Places) Reveal() reveal.Config {
	return reveal.Config{Exchange: fileURL(p.Config), Keys: fileURL(p.Keyring), Subjects: fileURL(p.Subjects), Buckets: door(p.Config, p.Subjects)}
}

// Audit is the configuration of functions/audit. It reads the signing key, which
// Open makes.
func (p Places) Audit() (audit.Config, error) {
	skey, err := readKey(p.LedgerKey)
	if err != nil {
		return audit.Config{}, err
	}
	vkey, err := verifierKey(skey)
	if err != nil {
		return audit.Config{}, err
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return audit.Config{}, badLedgerKey()
	}
	return audit.Config{Ledger: fileURL(p.Ledger), Origin: verifier.Name(), SigningKey: skey, Buckets: door(p.Ledger)}, nil
}

// Verifier verifies the ledger; its name is the ledger's origin.
func (p Places) Verifier() (note.Verifier, error) {
	vkey, err := readKey(p.LedgerPub)
	if err != nil {
		return nil, err
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, fault.New(fault.Invalid, "ledger-key", fmt.Sprintf("%s is not the public key of a ledger", p.LedgerPub), "remove it: sallyport up makes it again from the signing key")
	}
	return v, nil
}

// fileURL is the URL of a file or folder, given absolutely.
func fileURL(path string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String()
}
