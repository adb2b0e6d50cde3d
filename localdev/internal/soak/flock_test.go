package soak

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// flock is what TestNoValueInTheWrongPlace drops and sends: in every field of
// every row a canary of its own.
type flock struct {
	*canaries
	files    []file
	requests []request

	fates map[string]fate            // by canary
	kept  map[string]map[string]bool // by subscription: the canaries that it must get
	twice string                     // an id that is taken, and quarantined when it comes again
}

// fate is what must become of a canary.
type fate int

const (
	// gone: it is refused at the door, or no part of a row, and lies nowhere.
	gone fate = iota
	// discarded: its drop is refused as a whole, when some of its rows may lie
	// in landing or quarantine already.
	discarded
	// quarantined: its row is.
	quarantined
	// taken: its row is, and what the views let through is delivered.
	taken
)

// having is the set of the canaries that have one of these fates.
func (f *flock) having(fates ...fate) map[string]bool {
	set := map[string]bool{}
	for canary, fate := range f.fates {
		if slices.Contains(fates, fate) {
			set[canary] = true
		}
	}
	return set
}

// request is one that is posted.
type request struct {
	path   string // below /partners/
	header map[string]string
	body   string
	want   int // status
}

func newFlock() *flock {
	f := &flock{canaries: newCanaries(), fates: map[string]fate{}, kept: map[string]map[string]bool{}}
	for _, s := range []string{"alpha-people", "beta-people", "alpha-visits", "beta-visits"} {
		f.kept[s] = map[string]bool{}
	}
	f.people()
	f.visits()
	f.broken()
	f.events()
	return f
}

const peopleHeader = "id,name,email,card,salary,born,region,city,note"

// person is a row of people. Its values are more than their canaries, so that
// they are quoted and escaped on their way.
type person struct{ id, name, email, card, salary, born, region, city, note string }

// brood makes the canaries of a row, which share its fate.
type brood struct {
	f    *flock
	spot string
	fate fate
}

func (b brood) text(field string) string   { return b.note(b.f.text(b.spot + ": " + field)) }
func (b brood) digits(field string) string { return b.note(b.f.digits(b.spot + ": " + field)) }
func (b brood) date(field string) string   { return b.note(b.f.date(b.spot + ": " + field)) }

func (b brood) note(canary string) string {
	b.f.fates[canary] = b.fate
	return canary
}

// person makes a row that is due to those who may see it, if it is valid.
func (f *flock) person(spot, region string, fate fate) person {
	b := brood{f, spot, fate}
	city := b.text("city")
	p := person{id: b.text("id"), name: b.text("name") + ` Ω "é"`, email: b.text("email") + "@example.org", card: b.digits("card"),
		salary: b.digits("salary") + ".5", born: b.date("born"), region: region, city: "<" + city + ">, \\ \"east\"", note: "over\ntwo lines " + b.text("note")}
	if fate == taken {
		f.keep("beta-people", p.id, city)
		if region == "north" {
			f.keep("alpha-people", p.id, city)
		}
	}
	return p
}

func (f *flock) keep(subscription string, canaries ...string) {
	for _, c := range canaries {
		f.kept[subscription][c] = true
	}
}

func (p person) csv() string {
	var cells []string
	for _, v := range []string{p.id, p.name, p.email, p.card, p.salary, p.born, p.region, p.city, p.note} {
		cells = append(cells, quoteCSV(v))
	}
	return strings.Join(cells, ",")
}

func (p person) json() string {
	return fmt.Sprintf(`{"id":%s,"name":%s,"email":%s,"card":%s,"salary":%s,"born":%s,"region":%s,"city":%s,"note":%s}`, quoteJSON(p.id), quoteJSON(p.name),
		quoteJSON(p.email), quoteJSON(p.card), p.salary, quoteJSON(p.born), quoteJSON(p.region), quoteJSON(p.city), quoteJSON(p.note))
}

// drop adds a file.
func (f *flock) drop(key, data string) { f.files = append(f.files, file{key, []byte(data)}) }

// people drops CSV of which some rows are wrong, each in its own way.
func (f *flock) people() {
	first := f.person("people, first row", "north", taken)
	lines := []string{peopleHeader, first.csv(), f.person("people, second row", "south", taken).csv()}
	spoilers := map[string]func(*person) string{
		"bad id":          func(p *person) string { p.id += "!"; return p.csv() },
		"no name":         func(p *person) string { p.name = ""; return p.csv() },
		"bad email":       func(p *person) string { p.email += "@"; return p.csv() },
		"long card":       func(p *person) string { p.card += "7"; return p.csv() },
		"salary is text":  func(p *person) string { p.salary += " EUR"; return p.csv() },
		"negative salary": func(p *person) string { p.salary = "-" + p.salary; return p.csv() },
		"no such day":     func(p *person) string { p.born += "9"; return p.csv() },
		"unknown region": func(p *person) string {
			p.region = brood{f, "people, unknown region", quarantined}.text("region")
			return p.csv()
		},
		"columns too many": func(p *person) string { return p.csv() + "," + brood{f, "people", quarantined}.text("surplus column") },
		"columns too few":  func(p *person) string { return p.id + "," + quoteCSV(p.name) + "," + p.email },
		"same id":          func(p *person) string { p.id, f.twice = first.id, first.id; return p.csv() },
		"not UTF-8":        func(p *person) string { p.city += "\xff"; return p.csv() },
		"zero byte":        func(p *person) string { p.city += "\x00"; return p.csv() },
		"stray quote":      func(p *person) string { return `"` + p.id + `"` + p.city[1:13] + strings.TrimPrefix(p.csv(), p.id) },
	}
	for _, name := range slices.Sorted(maps.Keys(spoilers)) {
		p := f.person("people, "+name, "north", quarantined)
		lines = append(lines, spoilers[name](&p))
	}
	lines = append(lines, f.person("people, last row", "north", taken).csv())
	f.drop("acme/people/good.csv", strings.Join(lines, "\n")+"\n")

	// Without a header: the first row is data, whatever it is taken for.
	f.drop("acme/people/headless.csv", f.person("headless", "north", taken).csv()+"\n"+f.person("headless, second row", "south", taken).csv()+"\n")
	f.drop("acme/people/packed.csv.gz", string(pack([]byte(peopleHeader+"\r\n"+f.person("packed", "north", taken).csv()+"\r\n"))))

	p := f.person("unclosed quote", "north", quarantined)
	f.drop("acme/people/unclosed.csv", peopleHeader+"\n"+p.csv()+`x,"`+brood{f, "unclosed quote", quarantined}.text("rest")+"\nand,so,on\n")
}

// visits drops nested JSON.
func (f *flock) visits() {
	lines := []string{f.visit("visits, first row", "north", taken, ""), f.visit("visits, second row", "south", taken, "")}
	spoilers := map[string]func(line string, b brood) string{
		"surplus member": func(line string, b brood) string {
			return `{"surplus":` + quoteJSON(b.text("surplus")) + "," + line[1:]
		},
		"surplus member's name": func(line string, b brood) string { return `{"` + b.text("surplus name") + `":1,` + line[1:] },
		"deep surplus member": func(line string, b brood) string {
			return strings.Replace(line, `"name":`, `"`+b.text("surplus name")+`":[{"x":`+b.digits("surplus")+`}],"name":`, 1)
		},
		"member twice": func(line string, b brood) string { return `{"region":` + quoteJSON(b.text("region")) + "," + line[1:] },
		"wrong type": func(line string, b brood) string {
			return strings.Replace(line, `"region":"north"`, `"region":`+b.digits("region"), 1)
		},
		"array for a string": func(line string, b brood) string {
			return strings.Replace(line, `"region":"north"`, `"region":[`+quoteJSON(b.text("region"))+`]`, 1)
		},
		"no patient": func(line string, b brood) string {
			return strings.Replace(line, `"patient":`, `"patient":null,"`+b.text("renamed")+`":`, 1)
		},
		"cut off":  func(line string, _ brood) string { return line[:len(line)-16] },
		"no JSON":  func(_ string, b brood) string { return b.text("bare word") + " " + b.digits("bare number") },
		"a string": func(_ string, b brood) string { return quoteJSON(b.text("string")) },
		"an array": func(_ string, b brood) string { return "[" + quoteJSON(b.text("item")) + "]" },
		"too deep": func(line string, b brood) string {
			return strings.Replace(line, `"deep":`, `"deep":`+strings.Repeat(`{"x":`, 20)+b.digits("deepest")+strings.Repeat("}", 20)+`,"then":`, 1)
		},
		"bad escape": func(line string, b brood) string { return `{"\x` + b.text("escape") + `":1,` + line[1:] },
		"not UTF-8":  func(line string, b brood) string { return `{"` + b.text("name") + "\xff" + `":1,` + line[1:] },
	}
	for _, name := range slices.Sorted(maps.Keys(spoilers)) {
		spot := "visits, " + name
		lines = append(lines, spoilers[name](f.visit(spot, "north", quarantined, ""), brood{f, spot, quarantined}))
	}
	f.drop("acme/visits/good.ndjson", strings.Join(lines, "\n")+"\n")
	f.drop("acme/visits/array.json", "[\n "+f.visit("array", "north", taken, "\n")+",\n "+
		strings.Replace(f.visit("array, wrong", "north", quarantined, ""), `"region":"north"`, `"region":{}`, 1)+"\n]\n")
	f.drop("acme/visits/cut.json", "["+f.visit("cut array", "north", discarded, "")+","+f.visit("cut array, second", "north", discarded, "")[:90])
}

// visit makes a row of visits. Between its members stands white.
func (f *flock) visit(spot, region string, fate fate, white string) string {
	b := brood{f, spot, fate}
	id, extra, deep, key, number := b.text("id"), b.text("extra"), b.text("deep extra"), b.text("extra name"), b.digits("extra number")
	if fate == taken {
		f.keep("beta-visits", id, extra, deep, key, number)
		if region == "north" {
			f.keep("alpha-visits", id, extra, deep, key, number)
		}
	}
	return fmt.Sprintf(`{"id":%q,%s"region":%q,"patient":{"name":[{"family":%s,"given":[%q,%q]}],%s"ssn":%q,"weight":%s},"extra":{"plain":%s,"deep":[{"x":%q}],"%s":%s}}`,
		id, white, region, quoteJSON(`"é" `+b.text("family")), b.text("given"), b.text("second given"), white, b.digits("ssn"), b.digits("weight"),
		quoteJSON("\\ \n<"+extra+">"), deep, key, number)
}

// broken drops what is refused as a whole.
func (f *flock) broken() {
	refused := func(spot string) string {
		return peopleHeader + "\n" + f.person(spot, "north", discarded).csv() + "\n"
	}
	packed := string(pack([]byte(refused("cut gzip"))))
	f.drop("acme/people/cut.csv.gz", packed[:len(packed)-30])
	packed = string(pack([]byte(refused("gzip with another checksum"))))
	f.drop("acme/people/checksum.csv.gz", packed[:len(packed)-8]+"\x00\x00\x00\x00"+packed[len(packed)-4:])
	f.drop("acme/people/surplus.csv", strings.Replace(refused("surplus column"), "\n", ",shoe size\n", 1))
	f.drop("acme/people/renamed.csv", strings.Replace(refused("renamed column"), "salary", "salery", 1))
	f.drop("acme/people/twice.csv", strings.Replace(refused("column twice"), "salary", "note", 1))
	var rows []string
	for n := range 7 { // enough to see that the columns are in another order
		p := f.person(fmt.Sprintf("columns in another order, row %d", n), "north", discarded)
		p.region, p.city, p.born, p.id = p.city, p.region, p.id, p.born
		rows = append(rows, p.csv())
	}
	f.drop("acme/people/order.csv", strings.Join(rows, "\n")+"\n")
	rows = nil
	for n := range 7 {
		rows = append(rows, brood{f, "a column too many", discarded}.text("first column")+","+f.person(fmt.Sprintf("a column too many, row %d", n), "north", discarded).csv())
	}
	f.drop("acme/people/wide.csv", strings.Join(rows, "\n")+"\n")
	f.drop("acme/people/wide.tsv", strings.ReplaceAll(strings.Join(rows, "\n"), ",", "\t")+"\n")
	f.drop("acme/people/utf16.csv", "\xff\xfe"+utf16Of(refused("UTF-16")))
	p := f.person("row that is too long", "north", discarded)
	p.note = strings.Repeat(p.note, 4000)
	f.drop("acme/people/long.csv", peopleHeader+"\n"+p.csv()+"\n")
	f.drop("acme/nowhere/people.csv", refused("no contract"))
	f.drop("stranger/people/people.csv", refused("unknown partner"))
	f.drop("acme/visits/people.ndjson", refused("CSV for JSON"))
	f.drop("acme/people/word.csv", brood{f, "a single word", discarded}.text("word"))
}

// events posts CloudEvents in all modes, and what is none.
func (f *flock) events() {
	const structured, batch = "application/cloudevents+json", "application/cloudevents-batch+json"
	n := 0
	event := func(data string, more ...string) string {
		n++
		return fmt.Sprintf(`{"specversion":"1.0","id":"e%d","source":"/canary","type":"com.example.person","datacontenttype":"application/json",%s"data":%s}`, n, strings.Join(more, ""), data)
	}
	post := func(want int, kind, path, body string) {
		f.requests = append(f.requests, request{path, map[string]string{"Content-Type": kind}, body, want})
	}
	valid := func(spot string) string { return f.person("event, "+spot, "north", taken).json() }
	wrong := func(spot string, fate fate) string { return f.person("event, "+spot, "north", fate).json() }
	refused := func(spot string) string { return wrong(spot, gone) }
	word := func(spot string) string { return brood{f, "event", gone}.text(spot) }
	row := func(spot string) string { return brood{f, "event", quarantined}.text(spot) }

	post(202, structured, "acme/people", event(valid("structured")))
	post(202, structured, "acme/visits/live", event(f.visit("event, visit", "north", taken, "\n")))
	post(202, structured, "acme/people", event(valid("with attributes"),
		`"subject":`+quoteJSON(word("subject"))+`,"who":`+quoteJSON(word("extension"))+`,"dataschema":"https://example.org/`+word("dataschema")+`",`))
	post(202, structured, "acme/people", fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/%s","type":"com.example.%s","data":%s}`, word("id"), word("source"), word("type"), valid("with an id")))
	post(202, batch, "acme/people", "["+event(valid("batch"))+","+event(strings.Replace(wrong("in a batch", quarantined), `"north"`, `"nowhere"`, 1))+"]")
	post(202, structured, "acme/people", event(`"`+row("data that is a string")+`"`))
	post(202, structured, "acme/people", fmt.Sprintf(`{"specversion":"1.0","id":"e-base64","source":"/canary","type":"com.example.person","datacontenttype":"text/plain","data_base64":%q}`,
		base64.StdEncoding.EncodeToString([]byte("free text,\n"+row("data that is no JSON")))))
	binary := func(want int, body string, header ...string) {
		h := map[string]string{"Content-Type": "application/json", "Ce-Specversion": "1.0", "Ce-Id": fmt.Sprintf("b%d", len(f.requests)), "Ce-Source": "/canary", "Ce-Type": "com.example.person"}
		for i := 0; i < len(header); i += 2 {
			h[header[i]] = header[i+1]
		}
		f.requests = append(f.requests, request{"acme/people", h, body, want})
	}
	binary(202, valid("binary"), "Ce-Who", word("ce-who"))
	binary(400, refused("binary, cut off")[:60])
	binary(400, refused("no time"), "Ce-Time", word("ce-time"))
	binary(400, refused("no version"), "Ce-Specversion", word("ce-specversion"))
	binary(400, refused("no id"), "Ce-Id", "")
	binary(403, refused("reserved type"), "Ce-Type", "io.sallyport."+word("reserved type"))

	post(400, structured, "acme/people", event(refused("cut off"))[:180])
	post(400, structured, "acme/people", event(strings.Replace(refused("broken JSON"), ":", " ", 1)))
	post(400, structured, "acme/people", event(refused("bad time"), `"time":`+quoteJSON(word("time"))+","))
	post(400, structured, "acme/people", event(refused("bad attribute"), `"Not An Attribute":`+quoteJSON(word("attribute"))+","))
	post(400, structured, "acme/people", event(refused("bad extension"), `"list":[`+quoteJSON(word("item"))+"],"))
	post(400, structured, "acme/people", strings.Replace(event(refused("bad version")), `"1.0"`, quoteJSON(word("specversion")), 1))
	post(400, structured, "acme/people", strings.Replace(event(refused("bad source")), `"/canary"`, quoteJSON("%zz"+word("source")), 1))
	post(400, structured, "acme/people", strings.Replace(event(refused("bad data type")), `"application/json"`, quoteJSON("/;"+word("datacontenttype")), 1))
	post(400, structured, "acme/people", quoteJSON(word("no event")))
	post(400, batch, "acme/people", event(refused("no array")))
	post(400, batch, "acme/people", "["+event(refused("array that is cut off"))+",")
	post(400, batch, "acme/people", "["+event(valid("beside a broken one"))+`,{"specversion":"1.0","id":"broken","data":`+refused("no type")+"}]")
	post(415, "text/csv", "acme/people", refused("no CloudEvent"))
	post(403, structured, "acme/nowhere", event(refused("no contract")))
	post(403, structured, "stranger/people", event(refused("unknown partner")))
	long := f.person("event, row that is too long", "north", gone)
	long.note = strings.Repeat(long.note, 4000)
	post(400, structured, "acme/people", event(long.json()))
	post(413, structured, "acme/people", event(`"`+strings.Repeat(word("body that is too large"), 800_000)+`"`))
}
