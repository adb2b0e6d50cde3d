package emulate

import (
	"slices"
	"strings"

	"github.com/sallyport-io/sallyport/infra/terraform/wiring"
	"github.com/sallyport-io/sallyport/shared/host"
)

// Cloud says how things of the wiring are found in a cloud.
type Cloud struct {
	Bucket, Topic func(of string) (url string) // of a name in the wiring
}

// Environment is what the wiring gives a function, as environment variables,
// sorted.
func (c Cloud) Environment(name string, f wiring.Function, s Secrets) []string {
	var env []string
	set := func(variable, value string) {
		env = append(env, host.EnvPrefix+strings.ToUpper(variable)+"="+value)
	}
	for bucket := range f.Buckets {
		set(bucket, c.Bucket(bucket))
	}
	if len(f.Hears) > 0 {
		set("dead", c.Topic("dead"))
	}
	if f.Publishes {
		set("topic", c.Topic(name))
	}
	if f.Keys {
		set("keys", s.Keys)
	}
	if f.Signs {
		set("ledger_key", s.LedgerKey)
		set("ledger_origin", s.LedgerOrigin)
	}
	slices.Sort(env)
	return env
}

// Order is the names of the functions, each after those whose topics it hears.
func Order(w wiring.Wiring) []string {
	var sorted []string
	for range w.Functions {
		for _, name := range w.Names() {
			due := !slices.Contains(sorted, name)
			for _, topic := range w.Functions[name].Hears {
				if _, function := w.Functions[topic]; function && !slices.Contains(sorted, topic) {
					due = false
				}
			}
			if due {
				sorted = append(sorted, name)
			}
		}
	}
	return sorted
}
