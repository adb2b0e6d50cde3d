package cli

import (
	"fmt"
	"os"

	"github.com/sallyport-io/sallyport/localdev/internal/impact"
	"github.com/sallyport-io/sallyport/localdev/internal/local"
	"github.com/sallyport-io/sallyport/localdev/internal/revision"
	"github.com/sallyport-io/sallyport/localdev/internal/show"
	"github.com/sallyport-io/sallyport/shared/contract/diff"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/policy"
)

// againstFlags name what an exchange is compared with.
type againstFlags struct {
	Against string `xor:"against" placeholder:"REV" help:"Tell what is different since a revision of the git repository."`
	Bundle  string `xor:"against" placeholder:"FILE" type:"existingfile" help:"Tell what is different from a published bundle: a file of bundles/ in the configuration bucket."`
}

// since is what is different, and whom it touches.
type since struct {
	What      string           `json:"what"` // the revision, or the bundle's file
	Leaves    []impact.Leaving `json:"leaves"`
	Changes   []string         `json:"changes"`
	Contracts []*differed      `json:"contracts"`
}

// compare compares the exchange with what the flags name; nil if they name
// nothing.
func (f againstFlags) compare(s *session, dir string, p *policy.Policy) (*since, error) {
	var old *policy.Policy
	var err error
	switch {
	case f.Against != "":
		old, err = policyAt(s, dir, f.Against)
	case f.Bundle != "":
		old, err = policyOf(f.Bundle)
	default:
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("what it is compared with: %w", err)
	}
	d := impact.Between(old, p)
	r := &since{What: f.Against + f.Bundle, Leaves: append([]impact.Leaving{}, d.Leaves...), Changes: append([]string{}, d.Changes...), Contracts: []*differed{}}
	for _, c := range d.Contracts {
		one := newDiffered(c.Report, diff.NoMode)
		one.touch(c.Touched)
		r.Contracts = append(r.Contracts, one)
	}
	return r, nil
}

func policyAt(s *session, dir, rev string) (*policy.Policy, error) {
	copied, err := revision.Folder(s, dir, rev)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(copied)
	return local.Policy(copied)
}

func policyOf(file string) (*policy.Policy, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	b, err := exchange.Decode(data)
	if err != nil {
		return nil, err
	}
	return policy.Compile(b)
}

// tooSmall tells whether a contract says too little with its version.
func (r *since) tooSmall() bool {
	for _, c := range r.Contracts {
		if c.TooSmall {
			return true
		}
	}
	return false
}

func (r *since) show(out *show.Screen) {
	if len(r.Leaves)+len(r.Changes)+len(r.Contracts) == 0 {
		out.Printf("\nNothing is different since %s.\n", show.Clean(r.What))
		return
	}
	if len(r.Leaves) > 0 {
		out.Heading("What leaves that did not, since " + r.What)
		for _, l := range r.Leaves {
			name := l.Field
			if name == "" {
				name = "rows"
			}
			out.Printf("%s\n", out.Paint(show.Bad, show.Clean(fmt.Sprintf("%s to %s (%s)", name, l.Subscription, l.Partner))))
			out.Text(2, fmt.Sprintf("now %s; before %s", l.How, l.Before))
		}
	}
	if len(r.Changes) > 0 {
		out.Heading("What else is different, since " + r.What)
		for _, c := range r.Changes {
			out.Text(0, c)
		}
	}
	for _, c := range r.Contracts {
		out.Heading("Contract " + c.Contract + ", since " + r.What)
		c.show(out)
	}
}
