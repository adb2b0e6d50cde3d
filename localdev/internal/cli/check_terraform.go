package cli

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/sallyport-io/sallyport/infra/terraform/wiring"
	"github.com/sallyport-io/sallyport/localdev/internal/show"
	"github.com/sallyport-io/sallyport/shared/exchange"
)

// deployed is a resource, or a right, that infra/terraform/aws makes of the folder.
// Names begin with NAME, which is the variable name of the deployment.
type deployed struct {
	For  string `json:"for"` // a partner; "" for all
	Kind string `json:"kind"`
	Name string `json:"name"`
	What string `json:"what"`
}

// deployment is what Terraform makes of an exchange, that of all first, then partner
// by partner. It needs no account: it follows from the folder and the wiring alone.
func deployment(b *exchange.Bundle) ([]deployed, error) {
	w, err := wiring.Load()
	if err != nil {
		return nil, err
	}
	var all []deployed
	add := func(partner, kind, name, what string) { all = append(all, deployed{partner, kind, name, what}) }
	for _, name := range sortedKeys(w.Buckets) {
		add("", "bucket", "NAME-"+name, w.Buckets[name])
	}
	for _, name := range w.AllTopics() {
		add("", "topic", "NAME-"+name, "")
	}
	for _, name := range w.Names() {
		add("", "function", "NAME-"+name, "with a role, a queue, a dead-letter queue, a log group and four alarms; hears "+strings.Join(w.Functions[name].Hears, ", "))
	}
	add("", "key", "alias/NAME-keyring", "wraps the key ring of tokens")
	add("", "keys", "alias/NAME-*", "of each bucket, of queues, of functions: where customer_managed_keys are enabled")
	for _, p := range b.Partners() {
		of(p, add)
	}
	return all, nil
}

// of adds what is made for a partner.
func of(p *exchange.Partner, add func(partner, kind, name, what string)) {
	access := p.Access.AWS
	switch {
	case len(p.Drops) == 0:
	case len(access.Principals) == 0:
		add(p.ID, "no role", "", "access.aws.principals names nobody who may take it")
	default:
		add(p.ID, "role", "NAME-partner-"+p.ID, fmt.Sprintf("puts objects below %s/, reads its refusals; for %s", p.ID, strings.Join(access.Principals, ", ")))
		if access.OwnKey {
			add(p.ID, "key", "alias/NAME-partner-"+p.ID, "encrypts its drops")
		}
	}
	for _, s := range p.Subscriptions {
		if s.Revoked {
			continue
		}
		for _, to := range []string{s.Destination.URL, s.Destination.Bucket} {
			if to == "" {
				continue
			}
			if place := placeOnAWS(to); place != "" {
				add(p.ID, "right", place, "fanout may write there, for "+s.ID)
			} else {
				add(p.ID, "no right", "", "nothing on AWS opens the destination of "+s.ID)
			}
		}
	}
}

// placeOnAWS is what a destination's URL names on AWS, "" if nothing. Parameters of
// the URL but for the prefix are left out: they may be secrets.
func placeOnAWS(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	switch u.Scheme {
	case "s3":
		return "s3://" + u.Host + "/" + u.Query().Get("prefix")
	case "awssns":
		return strings.TrimPrefix(u.Path, "/")
	case "awssqs":
		return u.Host + u.Path
	}
	return ""
}

func sortedKeys[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func showDeployment(out *show.Screen, all []deployed) {
	out.Heading("What Terraform makes on AWS")
	for i, d := range all {
		if i == 0 || d.For != all[i-1].For {
			out.Printf("%s\n", out.Paint(show.Title, cmp.Or(d.For, "for all")))
		}
		text := strings.TrimSpace(d.Kind + " " + d.Name)
		if d.What != "" {
			text += ": " + strings.TrimSuffix(d.What, ".")
		}
		out.Text(2, text)
	}
}
