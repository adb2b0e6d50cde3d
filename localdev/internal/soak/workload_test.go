package soak

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

// row is a row as a partner sees it: field path to value, as text. Numbers are
// as they are written, arrays are compact JSON.
type row map[string]string

// workload makes what is dropped, and knows what must come of it. It is for one
// goroutine.
type workload struct {
	rng  *rand.Rand
	made int // rows, which gives each an id of its own

	// due is what each subscription must get: its rows by id.
	due map[string]map[string]row
	// refused are the invalid rows as they must lie in quarantine, by partner.
	refused map[string]map[string]bool
	// accepted and rejected are the keys of the files and whether they are
	// taken.
	accepted, rejected map[string]bool
	// validEvents and invalidEvents count the rows that came as events.
	validEvents, invalidEvents int
}

func newWorkload(seed uint64) *workload {
	w := &workload{rng: rand.New(rand.NewPCG(seed, 0x50a1)), due: map[string]map[string]row{}, refused: map[string]map[string]bool{},
		accepted: map[string]bool{}, rejected: map[string]bool{}}
	for _, subscriptions := range subscribers {
		for _, s := range subscriptions {
			w.due[s] = map[string]row{}
		}
	}
	return w
}

// subscribers are the subscriptions of testdata/soak by contract.
var subscribers = map[string][]string{
	"orders":   {"alpha-orders", "beta-orders"},
	"readings": {"beta-readings", "gamma-readings"},
}

// hidden are the values that must leave as tokens: this marks them in a row that
// is due.
const hidden = "\x00token of "

// order is a row of the contract orders, valid or not.
type order struct {
	id, region, amount, customer, note string
}

var (
	regions   = []string{"north", "south", "east", "west"}
	customers = []string{"Ada Abbink", "Bram Baumann", "Klára Nováková", "Zoë Ω", `Jo "the" Smith`}
	notes     = []string{"plain", "with, comma", `with "quotes"`, "over\ntwo lines", "Grüße, bis \"morgen\"\n", "tab\tand ; and |"}
)

func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }

func (w *workload) order(valid bool) order {
	w.made++
	o := order{id: fmt.Sprintf("o%06d", w.made), region: pick(w.rng, regions), amount: fmt.Sprintf("%d.%02d", w.rng.IntN(1000), w.rng.IntN(100)),
		customer: pick(w.rng, customers), note: pick(w.rng, notes)}
	if valid {
		return o
	}
	o.customer, o.note = "nobody", "refused"
	switch w.rng.IntN(4) {
	case 0:
		o.id = "x" + o.id
	case 1:
		o.region = "nowhere"
	case 2:
		o.amount = "-" + o.amount
	case 3:
		o.region = ""
	}
	return o
}

// expectOrder notes who gets a valid order.
func (w *workload) expectOrder(o order) {
	if o.region == "north" {
		w.due["alpha-orders"][o.id] = row{"id": o.id, "amount": o.amount, "note": o.note}
	}
	note := []rune(o.note)
	masked := string(note[:3]) + strings.Repeat("*", len(note)-3)
	w.due["beta-orders"][o.id] = row{"id": o.id, "region": o.region, "amount": o.amount, "customer": hidden + o.customer, "note": masked}
}

func quoteCSV(v string) string {
	if strings.ContainsAny(v, ",\"\n\r") {
		return `"` + strings.ReplaceAll(v, `"`, `""`) + `"`
	}
	return v
}

func (o order) line() string {
	return strings.Join([]string{o.id, o.region, o.amount, quoteCSV(o.customer), quoteCSV(o.note)}, ",")
}

func (o order) json() string {
	region := quoteJSON(o.region)
	if o.region == "" {
		region = "null"
	}
	return fmt.Sprintf(`{"id":%s,"region":%s,"amount":%s,"customer":%s,"note":%s}`, quoteJSON(o.id), region, o.amount, quoteJSON(o.customer), quoteJSON(o.note))
}

func quoteJSON(v string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// reading makes a row of the contract readings: the line, and the row as it
// stands in the contract if it is valid.
func (w *workload) reading(valid bool) (line string, expect func()) {
	w.made++
	id := fmt.Sprintf("r%06d", w.made)
	serial := fmt.Sprintf("%c-%d", 'A'+rune(w.rng.IntN(3)), w.rng.IntN(100))
	owner, level := pick(w.rng, customers), w.rng.IntN(101)
	samples := fmt.Sprintf("[%d,%d]", w.rng.IntN(10), w.rng.IntN(10))
	if valid {
		line = fmt.Sprintf(`{"id":%q,"device":{"serial":%q,"owner":%s},"level":%d,"samples":%s}`, id, serial, quoteJSON(owner), level, samples)
		return line, func() {
			w.due["gamma-readings"][id] = row{"id": id, "level": fmt.Sprint(level), "samples": samples}
			if strings.HasPrefix(serial, "A") && level >= 20 {
				w.due["beta-readings"][id] = row{"id": id, "device.serial": serial, "device.owner": hidden + owner, "level": fmt.Sprint(level), "samples": samples}
			}
		}
	}
	switch w.rng.IntN(5) {
	case 0:
		return fmt.Sprintf(`{"id":%q,"device":{"serial":%q},"level":101,"samples":[]}`, id, serial), nil
	case 1:
		return fmt.Sprintf(`{"id":%q,"level":1}`, id), nil
	case 2:
		return fmt.Sprintf(`{"id":%q,"device":{"serial":%q},"level":1,"surplus":true}`, id, serial), nil
	case 3:
		return fmt.Sprintf(`["not an object %s"]`, id), nil
	}
	return fmt.Sprintf(`"not an object %s"`, id), nil
}

func (w *workload) refuse(partner, line string) {
	if w.refused[partner] == nil {
		w.refused[partner] = map[string]bool{}
	}
	w.refused[partner][line] = true
}

// file is one that is dropped.
type file struct {
	key  string
	data []byte
}

// one row in this many is invalid.
const oneInvalidIn = 12

// file makes file n. One in fifteen is refused as a whole.
func (w *workload) file(n int) file {
	rows := 25 + w.rng.IntN(40)
	var f file
	var text strings.Builder
	var expect []func()
	partner := "mill"
	switch w.rng.IntN(2) {
	case 0:
		f.key = fmt.Sprintf("mill/orders/%d/orders-%04d.csv", n%7, n)
		end := pick(w.rng, []string{"\n", "\r\n"})
		text.WriteString("id,region,amount,customer,note" + end)
		for range rows {
			if w.rng.IntN(oneInvalidIn) > 0 {
				o := w.order(true)
				text.WriteString(o.line() + end)
				expect = append(expect, func() { w.expectOrder(o) })
				continue
			}
			o := w.order(false)
			line := o.line()
			switch w.rng.IntN(4) { // broken as CSV, perhaps
			case 0:
				line += ",one too many"
			case 1:
				line, _, _ = strings.Cut(line, ",nobody")
			}
			text.WriteString(line + end)
			expect = append(expect, func() { w.refuse(partner, line) })
		}
	default:
		partner = pick(w.rng, []string{"mill", "lab"})
		f.key = fmt.Sprintf("%s/readings/readings-%04d.ndjson", partner, n)
		for range rows {
			line, due := w.reading(w.rng.IntN(oneInvalidIn) > 0)
			text.WriteString(line + "\n")
			if due == nil {
				due = func() { w.refuse(partner, line) }
			}
			expect = append(expect, due)
		}
	}
	f.data = []byte(text.String())
	packed := w.rng.IntN(4) == 0
	switch w.rng.IntN(30) {
	case 0: // nobody said that this may be dropped there
		f.key = partner + "/elsewhere/" + f.key
		w.rejected[f.key] = true
	case 1: // cut off
		f.data = pack(f.data)
		f.data = f.data[:len(f.data)/2]
		w.rejected[f.key] = true
	default:
		if packed {
			f.data = pack(f.data)
		}
		w.accepted[f.key] = true
		for _, e := range expect {
			e()
		}
	}
	return f
}

func pack(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(data) // into memory
	_ = z.Close()
	return b.Bytes()
}

// message is one event that is sent.
type message struct {
	path string // below /partners/
	id   string
	typ  string
	data string // JSON
}

// structured is the event in the structured mode of CloudEvents.
func (m message) structured() string {
	return fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/soak","type":%q,"datacontenttype":"application/json","data":%s}`, m.id, m.typ, m.data)
}

// message makes event n.
func (w *workload) message(n int) message {
	m := message{id: fmt.Sprintf("event-%05d", n)}
	valid := w.rng.IntN(oneInvalidIn) > 0
	partner := "mill"
	var expect func()
	switch w.rng.IntN(3) {
	case 0:
		m.path, m.typ = "mill/orders", "com.example.order"
		o := w.order(valid)
		m.data = o.json()
		expect = func() { w.expectOrder(o) }
	case 1:
		m.path, m.typ = "mill/readings", "com.example.reading"
		m.data, expect = w.reading(valid)
	default:
		partner, m.path, m.typ = "lab", "lab/readings/live", "com.example.reading"
		m.data, expect = w.reading(valid)
	}
	if valid {
		w.validEvents++
		expect()
	} else {
		w.invalidEvents++
		w.refuse(partner, m.data)
	}
	return m
}
