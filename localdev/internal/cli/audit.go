package cli

import (
	"errors"
	"fmt"

	"github.com/sallyport-io/sallyport/localdev/internal/local"
	"github.com/sallyport-io/sallyport/localdev/internal/show"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/ledger"
)

type auditCommand struct {
	Verify auditVerifyCommand `cmd:"" help:"Verify the whole ledger: every record, leaf, tile and checkpoint."`
}

type auditVerifyCommand struct {
	dirArgument
	jsonFlag
}

func (auditVerifyCommand) Help() string {
	return `Derives the whole ledger again from its batches and compares it with every object that is stored. If anything differs it names the object and exits with 4. It may run while the chain does.

The public key that checkpoints are verified with lies in .sallyport/keys/ledger.pub. Whoever has it can verify a copy of .sallyport/ledger with any verifier of https://c2sp.org/tlog-tiles.

Examples:

    sallyport audit verify
    sallyport audit verify myexchange --json`
}

// Run verifies the ledger.
func (c auditVerifyCommand) Run(s *session) error {
	f, err := local.Open(c.Dir)
	if err != nil {
		return err
	}
	log, err := f.Ledger()
	if err != nil {
		return err
	}
	defer log.Close()
	progress := s.err.Progress("verifying the ledger", 0, show.Number)
	report, err := log.Verify(s, progress.Set)
	progress.Done()
	var broken *fault.Error
	if err != nil && !(errors.As(err, &broken) && broken.Code == "ledger-damaged") {
		return err
	}
	if broken != nil {
		s.code = Tampered
	}
	if c.JSON {
		return s.json(verified(log.Origin, report, broken))
	}
	if broken != nil {
		return broken
	}
	s.out.Printf("%s %s\n", s.out.Paint(show.Good, "verified"), s.out.Paint(show.Title, log.Origin))
	for _, line := range []struct{ name, text string }{
		{"records", show.Number(report.Entries)},
		{"signed", show.Number(report.Signed)},
		{"checkpoints", show.Number(report.Batches)},
		{"erased", show.Number(report.Erased)},
		{"root", report.Root.String()},
	} {
		s.out.Printf("  %s %s\n", s.out.Paint(show.Faint, fmt.Sprintf("%-12s", line.name)), line.text)
	}
	if report.Signed < report.Entries {
		s.advise("the last writer was cut off: the next record completes its checkpoint")
	}
	return nil
}

func verified(origin string, r ledger.Report, broken *fault.Error) any {
	type finding struct {
		Object  string `json:"object"`
		Message string `json:"message"`
		Do      string `json:"do,omitempty"`
	}
	v := struct {
		OK          bool     `json:"ok"`
		Origin      string   `json:"origin"`
		Records     int64    `json:"records"`
		Signed      int64    `json:"signed"`
		Checkpoints int64    `json:"checkpoints"`
		Erased      int64    `json:"erased"`
		Root        string   `json:"root"` // base64
		Broken      *finding `json:"broken,omitempty"`
	}{OK: broken == nil, Origin: origin, Records: r.Entries, Signed: r.Signed, Checkpoints: r.Batches, Erased: r.Erased, Root: r.Root.String()}
	if broken != nil {
		v.Broken = &finding{broken.Where.Object, broken.Msg, broken.Do}
	}
	return v
}
