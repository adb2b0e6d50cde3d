package exchange

import (
	"fmt"
	"slices"
	"strings"
)

// reference is how a document names an object of a version of a contract.
type reference struct {
	contract string // id or name
	version  Range  // "": see versionMeant
	object   string // "": the only one
	dropped  map[target]bool
}

// object resolves a reference, and answers nil, after noting why, if it leads
// nowhere or to several places.
func (c *checker) object(at problemAt, field func(string) string, r reference) (*Contract, string) {
	if r.contract == "" {
		c.add(at, field("contract"), "contract is missing", "give the id or the name of a contract")
		return nil, ""
	}
	all := c.contract(at, field, r.contract)
	if all == nil {
		return nil, ""
	}
	k := c.versionMeant(at, field, r, all)
	if k == nil {
		return nil, ""
	}
	object, objects := r.object, k.Objects()
	switch {
	case object == "" && len(objects) == 1:
		return k, objects[0]
	case object == "":
		c.add(at, field("object"), fmt.Sprintf("contract %s has %d objects", k, len(objects)), "name one of "+strings.Join(objects, ", "))
		return nil, ""
	case !slices.Contains(objects, object):
		c.add(at, field("object"), fmt.Sprintf("contract %s has no object %q", k, object), near(object, objects))
		return nil, ""
	}
	return k, object
}

// contract finds the versions of a contract by its id or name, nil if that is no
// one contract.
func (c *checker) contract(at problemAt, field func(string) string, idOrName string) []*Contract {
	var named, names []string
	for _, k := range c.b.contracts {
		if k.ID == idOrName {
			return c.b.Versions(k.ID)
		}
		if k.Name == idOrName && !slices.Contains(named, k.ID) {
			named = append(named, k.ID)
		}
		names = append(names, k.ID, k.Name)
	}
	switch {
	case len(named) > 1:
		c.add(at, field("contract"), fmt.Sprintf("%d contracts have the name %q", len(named), idOrName), "use the id of the one that is meant")
	case len(named) == 1:
		return c.b.Versions(named[0])
	case !c.lenient:
		c.add(at, field("contract"), fmt.Sprintf("there is no contract %q", idOrName), near(idOrName, names))
	}
	return nil
}

// versionMeant picks the version that a reference means: of those in its range
// the only one; or else, for a subscription, the only one that is dropped; or
// else the active one, or the deprecated one if none is active. Where two could
// be meant it is nil, after a problem is noted: nobody guesses.
func (c *checker) versionMeant(at problemAt, field func(string) string, r reference, all []*Contract) *Contract {
	if err := r.version.Check(); r.version != "" && err != nil {
		c.add(at, field("version"), err.Error(), "write ^1, ~1.2, 1.x or an exact version")
		return nil
	}
	meant := slices.DeleteFunc(slices.Clone(all), func(k *Contract) bool { return !r.version.Match(k.Version) })
	if len(meant) == 0 {
		if !c.lenient {
			c.add(at, field("version"), fmt.Sprintf("contract %s has no version %s", all[0].ID, r.version), "it has "+versionsOf(all))
		}
		return nil
	}
	path, why := "contract", "could be meant"
	if r.version != "" {
		path = "version"
	}
	if arriving := r.arriving(meant); len(arriving) > 0 {
		meant, why = arriving, "are dropped"
	} else {
		meant = best(meant)
	}
	if len(meant) > 1 {
		c.add(at, field(path), fmt.Sprintf("versions %s of contract %s %s", versionsOf(meant), all[0].ID, why), "say which one: version: "+pin(meant))
		return nil
	}
	return meant[0]
}

// pin is how the last of some versions is told from the others.
func pin(all []*Contract) string {
	last, others := all[len(all)-1], all[:len(all)-1]
	pinned := Range("^" + major(last.Version))
	if !pinned.Match(last.Version) || slices.ContainsFunc(others, func(k *Contract) bool { return pinned.Match(k.Version) }) {
		return last.Version
	}
	return string(pinned)
}

// arriving are those versions that partners may drop data of.
func (r reference) arriving(all []*Contract) []*Contract {
	return slices.DeleteFunc(slices.Clone(all), func(k *Contract) bool {
		for t := range r.dropped {
			if t.contract == k && (r.object == "" || r.object == t.object) {
				return false
			}
		}
		return true
	})
}
