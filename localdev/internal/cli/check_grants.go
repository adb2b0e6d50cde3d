package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/sallyport-io/sallyport/localdev/internal/show"
	"github.com/sallyport-io/sallyport/shared/exchange"
)

// checkedGrant is who may have values behind tokens.
type checkedGrant struct {
	ID          string   `json:"id"`
	Partner     string   `json:"partner"`
	Contract    string   `json:"contract"`
	Object      string   `json:"object"`
	Fields      []string `json:"fields"`
	TokenDomain string   `json:"tokenDomain"`
	Purpose     string   `json:"purpose"`
	LegalBasis  string   `json:"legalBasis"`
	Expires     string   `json:"expires"`
	PerMinute   int      `json:"perMinute"`
	Callers     []string `json:"callers"`           // "<issuer> <subject>", or "key <the start of its digest>"
	Stopped     string   `json:"stopped,omitempty"` // why nothing is revealed
}

// revealable are the grants of an exchange.
func revealable(b *exchange.Bundle, now time.Time) (all []checkedGrant) {
	for _, g := range b.Grants() {
		c := checkedGrant{ID: g.ID, Partner: g.Partner().ID, Contract: g.ContractID(), Object: g.ObjectName(), Fields: g.Fields, TokenDomain: g.Domain(),
			Purpose: g.Purpose, LegalBasis: g.LegalBasis, Expires: g.Expires.String(), PerMinute: g.PerMinute()}
		if k := b.Contract(g.ContractID()); k != nil && k.Name != "" {
			c.Contract = k.Name
		}
		for _, who := range g.Callers {
			if who.APIKey != "" {
				c.Callers = append(c.Callers, "key "+who.APIKey[:16])
			} else {
				c.Callers = append(c.Callers, who.Issuer+" "+who.Subject)
			}
		}
		if err := g.Standing(now); err != nil {
			c.Stopped = reasonOf(err)
		}
		all = append(all, c)
	}
	return all
}

// show says what a grant reveals, and to whom.
func (g *checkedGrant) show(out *show.Screen) {
	out.Printf("%s (%s)\n", out.Paint(show.Title, g.ID), show.Clean(g.Partner))
	out.Text(2, fmt.Sprintf("%s of %s %s, tokens of domain %s, for %s (%s), until %s, %d a minute", strings.Join(g.Fields, ", "), g.Contract, g.Object, g.TokenDomain,
		g.Purpose, g.LegalBasis, g.Expires, g.PerMinute))
	out.Text(2, "to "+strings.Join(g.Callers, ", "))
	if g.Stopped != "" {
		out.Printf("  %s\n", out.Paint(show.Bad, g.Stopped))
	}
}
