package infer

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/contract/interop"
	"github.com/sallyport-io/sallyport/shared/record"
)

// writer makes properties of what is known of columns.
type writer struct {
	s *survey
	r *Result
}

func (w *writer) propose(path, format string, args ...any) {
	w.r.Proposals = append(w.r.Proposals, interop.Note{Path: path, Text: fmt.Sprintf(format, args...)})
}

// properties are the members of an object.
func (w *writer) properties(parent *column, path string) []contract.Property {
	var list []contract.Property
	for _, c := range parent.members {
		if c.name == "" {
			w.propose(path, "a member without a name is left out: rows that have it will be refused")
			continue
		}
		list = append(list, w.property(c, interop.Join(path, c.name), parent.objects))
	}
	return list
}

// property makes one property. instances is how often it could have been there.
func (w *writer) property(c *column, path string, instances int64) contract.Property {
	p := contract.Property{Element: contract.Element{Name: c.name}}
	present := c.single() + c.objects + c.arrays
	p.Required = present == instances && present > 0
	if c.field != nil {
		w.typed(c, &p, path)
		return p
	}
	shapes := 0
	for _, n := range []int64{c.strings, c.numbers, c.bools, c.objects, c.arrays} {
		if n > 0 {
			shapes++
		}
	}
	switch {
	case shapes == 0:
		p.LogicalType = "string"
		w.propose(path, "there is no value in %s: taken as a string", rows(instances))
		return p
	case shapes > 1:
		w.majority(c, path, present)
	}
	switch {
	case c.objects > 0:
		p.LogicalType = "object"
		p.Properties = w.properties(c, path)
		return p
	case c.arrays > 0:
		p.LogicalType = "array"
		p.Items = w.items(c, path)
		return p
	case c.bools > 0:
		p.LogicalType = "boolean"
		return p
	}
	tokens := words(c.name)
	_, personal := w.personal(c, tokens)
	w.named(c, &p, path, w.choose(c, path, tokens, personal))
	if k := &p.LogicalTypeOptions; p.LogicalType == "integer" && k.Format == "i32" {
		k.Format = "" // the standard's default
	}
	return p
}

// items is what an array holds, nil if that is not known.
func (w *writer) items(c *column, path string) *contract.Property {
	if c.items == nil {
		return nil
	}
	items := w.property(c.items, path+"[]", c.items.instances)
	items.Name = ""
	return &items
}

// named gives a single value its type, and what its name and values show.
func (w *writer) named(c *column, p *contract.Property, path string, k candidate) {
	p.LogicalType, p.LogicalTypeOptions.Format = k.logical, k.format
	if k.zone {
		p.LogicalTypeOptions.Timezone = &k.zone
	}
	if kind, personal := w.personal(c, words(c.name)); personal || kind != nil {
		w.classify(p, c, kind, path)
		return
	}
	w.enum(p, c, path)
}

// majority forgets the values that are not of the type that most are of.
func (w *writer) majority(c *column, path string, present int64) {
	counts := []*int64{&c.strings, &c.numbers, &c.bools, &c.objects, &c.arrays}
	most := slices.MaxFunc(counts, func(a, b *int64) int { return cmp.Compare(*a, *b) })
	if most == &c.strings || most == &c.numbers { // which of them fitted is not known
		c.alive = 0
	}
	w.propose(path, "values are of several types, which ODCS cannot say: %d of %d will be refused", present-*most, present)
	for _, n := range counts {
		if n != most {
			*n = 0
		}
	}
}

// choose is the first candidate that every value fits. Numbers that identify
// people are text: nobody adds them up.
func (w *writer) choose(c *column, path string, tokens []string, personal bool) candidate {
	alive := c.alive
	switch {
	case c.field != nil:
		alive &= texts()
	case c.strings > 0 && w.r.Format.Codec != record.CSV:
		alive &^= numeric() | 1<<slices.IndexFunc(candidates, func(k candidate) bool { return k.logical == "boolean" })
	case c.numbers > 0:
		alive &= numeric()
	case c.coded || personal:
		alive &^= numeric()
	}
	var first *candidate
	for i, k := range candidates {
		if alive&(1<<i) == 0 || k.named && !slices.ContainsFunc(tokens, func(t string) bool { return slices.Contains(dateWords, t) }) {
			continue
		}
		if k.named { // a number by its form, a date by its name
			return k
		}
		switch {
		case first == nil:
			first = &candidates[i]
		case k.logical == first.logical && k.format != first.format && len(k.format) == len(first.format) && first.format != "" && k.logical != "integer" && k.logical != "string":
			w.propose(path, "dates in which day and month cannot be told apart (%s or %s): taken as a string", first.format, k.format)
			return candidate{logical: "string"}
		}
	}
	if first == nil {
		if c.numbers > 0 {
			return candidate{logical: "number"}
		}
		return candidate{logical: "string"}
	}
	return *first
}

// personal tells what the values show: the detector that most of them pass, and
// else what the name says. many reports that the values show it.
func (w *writer) personal(c *column, tokens []string) (kind *named, many bool) {
	best := 0
	for k := range kinds {
		if c.detected[k] > c.detected[best] {
			best = k
		}
	}
	if n := c.detected[best]; n > 0 && n*5 >= c.single()*4 {
		d := kinds[best]
		return &named{what: fmt.Sprintf("%d of %d values look like %s", n, c.single(), d.words), tag: d.tag, classify: d.classification}, true
	}
	return byName(tokens), false
}

func (w *writer) classify(p *contract.Property, c *column, kind *named, path string) {
	p.Classification, p.Tags = kind.classify, []string{"pii", kind.tag}
	text := kind.what
	if n := slices.Max(c.detected[:]); n*5 < c.single()*4 {
		text = "by its name it is " + kind.what
	}
	w.propose(path, "classification and tags: %s", text)
}

// enum proposes the values of a column that has few.
func (w *writer) enum(p *contract.Property, c *column, path string) {
	n := int64(len(c.values))
	if p.LogicalType != "string" || p.LogicalTypeOptions.Format != "" || n < 2 || c.strings < 10*n || c.strings < 20 || c.values[""] > 0 {
		return
	}
	if !w.s.o.Enums {
		w.propose(path, "there %s in %s: perhaps an enum (--enums writes the values here)", are(n, "distinct value"), rows(c.strings))
		return
	}
	for _, v := range slices.Sorted(maps.Keys(c.values)) {
		p.Enum = append(p.Enum, contract.EnumValue{Value: v})
	}
	w.propose(path, "enum: there %s in %s", are(n, "distinct value"), rows(c.strings))
}

// keys proposes a primary key, and what else is unique. Columns that differ in
// every row by chance are not proposed: their names must be those of keys.
func (w *writer) keys(properties []contract.Property) {
	if w.s.root.objects < 2 {
		return
	}
	best, most := -1, 0
	for i := range properties {
		p := &properties[i]
		c := w.s.root.byName[p.Name]
		if c == nil || c.doubles || !p.Required || c.single() == 0 || p.LogicalType == "boolean" || p.LogicalType == "number" || p.LogicalType == "object" || p.LogicalType == "array" {
			continue
		}
		tokens := words(p.Name)
		score := 0
		switch {
		case w.r.Format.Codec == record.CSV && !w.r.Format.Header:
			if i == 0 {
				score = 1
			}
		case len(tokens) == 1 && tokens[0] == "id":
			score = 5
		case p.LogicalTypeOptions.Format == "uuid":
			score = 4
		case len(tokens) > 0 && tokens[len(tokens)-1] == "id":
			score = 3
		case len(tokens) > 0 && slices.Contains(keyWords, tokens[len(tokens)-1]):
			score = 2
		}
		if score == 0 {
			continue
		}
		if len(p.Tags) == 0 && score > most {
			if best >= 0 {
				w.unique(&properties[best])
			}
			best, most = i, score
			continue
		}
		w.unique(p)
	}
	if best >= 0 {
		properties[best].PrimaryKey = true
		w.propose(properties[best].Name, "primaryKey: no value stands twice in %s", rows(w.s.root.objects))
	}
}

func (w *writer) unique(p *contract.Property) {
	p.Unique = true
	w.propose(p.Name, "unique: no value stands twice in %s", rows(w.s.root.objects))
}

func are(n int64, what string) string {
	if n == 1 {
		return "is 1 " + what
	}
	return "are " + strconv.FormatInt(n, 10) + " " + what + "s"
}

func rows(n int64) string {
	return strconv.FormatInt(n, 10) + cmp.Or(map[int64]string{1: " row"}[n], " rows")
}
