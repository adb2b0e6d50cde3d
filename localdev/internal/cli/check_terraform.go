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

// cloud is one that infra/terraform deploys to.
type cloud string

const (
	onAWS cloud = "AWS"
	onGCP cloud = "Google Cloud"
)

// deployed is a resource, or a right, that infra/terraform makes of the folder. Names
// begin with NAME, which is the variable name of the deployment.
type deployed struct {
	Cloud cloud  `json:"cloud"`
	For   string `json:"for"` // a partner; "" for all
	Kind  string `json:"kind"`
	Name  string `json:"name"`
	What  string `json:"what"`
}

// clouds are those that the partners of an exchange name, by how they reach it or
// where they receive; all, if none does.
func clouds(b *exchange.Bundle) []cloud {
	var named []cloud
	for _, c := range []cloud{onAWS, onGCP} {
		if slices.ContainsFunc(b.Partners(), c.serves) {
			named = append(named, c)
		}
	}
	if named == nil {
		return []cloud{onAWS, onGCP}
	}
	return named
}

// serves tells whether a partner says something of the cloud.
func (c cloud) serves(p *exchange.Partner) bool {
	aws, gcp := p.Access.AWS, p.Access.GCP
	if c == onAWS && len(aws.Principals) > 0 || c == onGCP && (len(gcp.Principals) > 0 || gcp.Issuer != "") {
		return true
	}
	return slices.ContainsFunc(p.Subscriptions, func(s *exchange.Subscription) bool {
		return c.place(s.Destination.URL) != "" || c.place(s.Destination.Bucket) != ""
	})
}

// deployment is what Terraform makes of an exchange, cloud by cloud: that of all
// first, then partner by partner. It needs no account: it follows from the folder and
// the wiring alone.
func deployment(b *exchange.Bundle) ([]deployed, error) {
	w, err := wiring.Load()
	if err != nil {
		return nil, err
	}
	var all []deployed
	for _, c := range clouds(b) {
		add := func(partner, kind, name, what string) { all = append(all, deployed{c, partner, kind, name, what}) }
		c.common(w, add)
		for _, p := range b.Partners() {
			c.access(p, add)
			c.destinations(p, add)
		}
	}
	return all, nil
}

// common adds what is made for all.
func (c cloud) common(w wiring.Wiring, add func(partner, kind, name, what string)) {
	for _, name := range sortedKeys(w.Buckets) {
		add("", "bucket", "NAME-"+name, w.Buckets[name])
	}
	for _, name := range w.AllTopics() {
		add("", "topic", "NAME-"+name, "")
	}
	with := map[cloud]string{onAWS: "with a role, a log group and alarms", onGCP: "a service of Cloud Run, with a service account and alarms"}[c]
	queues := map[cloud]string{onAWS: "a queue and a dead-letter queue", onGCP: "a subscription to each topic, and a topic of dead letters"}[c]
	for _, name := range w.Names() {
		what := with
		if hears := w.Functions[name].Hears; len(hears) > 0 {
			what += "; " + queues + "; hears " + strings.Join(hears, ", ")
		}
		add("", "function", "NAME-"+name, what)
	}
	if c == onAWS {
		add("", "key", "alias/NAME-keyring", "wraps the key ring of tokens")
		add("", "keys", "alias/NAME-*", "of each bucket, of queues, of functions: where customer_managed_keys are enabled")
		return
	}
	add("", "key", "NAME/keyring", "wraps the key ring of tokens")
	add("", "keys", "NAME/*", "of each bucket, of topics, of functions: where customer_managed_keys are enabled")
}

// access adds how a partner comes in.
func (c cloud) access(p *exchange.Partner, add func(partner, kind, name, what string)) {
	aws, gcp := p.Access.AWS, p.Access.GCP
	switch {
	case len(p.Drops) == 0:
	case c == onAWS && len(aws.Principals) == 0:
		add(p.ID, "no role", "", "access.aws.principals names nobody who may take it")
	case c == onAWS:
		add(p.ID, "role", "NAME-partner-"+p.ID, fmt.Sprintf("puts objects below %s/, reads its refusals; for %s", p.ID, strings.Join(aws.Principals, ", ")))
		if aws.OwnKey {
			add(p.ID, "key", "alias/NAME-partner-"+p.ID, "encrypts its drops")
		}
	case len(gcp.Principals) == 0 && gcp.Issuer == "":
		add(p.ID, "no folder", "", "access.gcp names neither principals nor an issuer")
	default:
		who := slices.Clone(gcp.Principals)
		for _, subject := range gcp.Subjects {
			who = append(who, p.ID+"::"+subject)
		}
		add(p.ID, "folder", "NAME-drops/"+p.ID+"/", "objects are created there by "+strings.Join(who, ", "))
		add(p.ID, "folder", "NAME-quarantine/"+p.ID+"/", "its refusals, for it to read")
		if gcp.Issuer != "" {
			add(p.ID, "provider", "NAME-partners", "takes tokens of "+gcp.Issuer)
		}
		if gcp.OwnKey {
			add(p.ID, "key", "NAME/partner-"+p.ID, "encrypts its drops")
		}
		add(p.ID, "topics", "NAME-partner-"+p.ID+"-*", "of each drop rule: where events are enabled")
	}
}

// destinations adds where a partner receives.
func (c cloud) destinations(p *exchange.Partner, add func(partner, kind, name, what string)) {
	may := map[cloud]string{onAWS: "fanout may write there, for ", onGCP: "the partner lets fanout write there, for "}[c]
	for _, s := range p.Subscriptions {
		if s.Revoked {
			continue
		}
		for _, to := range []string{s.Destination.URL, s.Destination.Bucket} {
			if to == "" {
				continue
			}
			if place := c.place(to); place != "" {
				add(p.ID, "right", place, may+s.ID)
			} else {
				add(p.ID, "no right", "", fmt.Sprintf("nothing on %s opens the destination of %s", c, s.ID))
			}
		}
	}
}

// place is what a destination's URL names on the cloud, "" if nothing. Parameters of
// the URL but for the prefix are left out: they may be secrets.
func (c cloud) place(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	switch {
	case c == onAWS && u.Scheme == "s3", c == onGCP && u.Scheme == "gs":
		return u.Scheme + "://" + u.Host + "/" + u.Query().Get("prefix")
	case c == onAWS && u.Scheme == "awssns":
		return strings.TrimPrefix(u.Path, "/")
	case c == onAWS && u.Scheme == "awssqs", c == onGCP && u.Scheme == "gcppubsub":
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
	for i, d := range all {
		if i == 0 || d.Cloud != all[i-1].Cloud {
			out.Heading("What Terraform makes on " + string(d.Cloud))
		}
		if i == 0 || d.Cloud != all[i-1].Cloud || d.For != all[i-1].For {
			out.Printf("%s\n", out.Paint(show.Title, cmp.Or(d.For, "for all")))
		}
		text := strings.TrimSpace(d.Kind + " " + d.Name)
		if d.What != "" {
			text += ": " + strings.TrimSuffix(d.What, ".")
		}
		out.Text(2, text)
	}
}
