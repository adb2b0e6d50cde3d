package stories

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// stock is the inventory of the example: every article in every location, and
// three rows that are wrong.
func stock() Drop {
	d := Drop{
		Story:   "A manufacturer shows each distributor the stock of what that distributor carries",
		Partner: "northwind-tools", Contract: "inventory", Name: "stock-2026-11-02.ndjson",
	}
	r := rand.New(rand.NewPCG(1, 0x570c))
	at := time.Date(2026, 11, 2, 5, 30, 0, 0, time.UTC)
	add := func(available int, location, sku string, cents int) {
		at = at.Add(time.Duration(r.IntN(90_000)+1) * time.Millisecond)
		d.Data = fmt.Appendf(d.Data, `{"updated_at":"%s","available":%d,"location":"%s","sku":"%s","unit_cost":%d.%02d}`+"\n",
			at.Format("2006-01-02T15:04:05.000Z"), available, location, sku, cents/100, cents%100)
		d.Rows++
	}
	articles := [...]string{"9521582929059", "9521582929127", "9521582929295", "9521582929363", "9521582929431", "9521582929509", "9521582929677"}
	for i, sku := range articles {
		cents := 400 + r.IntN(9000)
		for k, location := range [...]string{"hamburg", "rotterdam", "trieste"} {
			available := r.IntN(60)
			if (i+k)%5 == 4 {
				available = 0
			}
			add(available, location, sku, cents)
		}
	}
	add(-3, "gdansk", articles[0], 1250) // fewer than none
	add(12, "gdansk", "95215829", 1250)  // not an EAN-13
	add(4, "hamburg", articles[2], 1250) // a second row of one article and location
	d.Invalid = 3
	return d
}

// patients are the patients of the example: two in three agreed to research, one
// has no id, one was born on a day that there is not.
func patients() Drop {
	d := Drop{
		Story:   "A hospital shares patients who agreed to research, but not who they are",
		Partner: "riverside-hospital", Contract: "patients", Name: "patients-2026-11.ndjson",
	}
	r := rand.New(rand.NewPCG(3, 0xf417))
	places := [...]struct{ city, state, zip string }{
		{"Springfield", "Massachusetts", "01103"}, {"Burlington", "Vermont", "05401"}, {"Concord", "New Hampshire", "03301"}, {"Portland", "Maine", "04101"},
	}
	streets := [...]string{"Elm Street", "Mill Road", "Harbor Lane", "School Street", "Chestnut Avenue"}
	const rows = 12
	for n := range rows {
		given, place := r.IntN(len(givenNames)), places[r.IntN(len(places))]
		id := fmt.Sprintf(`"id":"rh-%06d",`, 104200+37*n)
		if n == 4 {
			id = ""
		}
		consent := ""
		switch {
		case n%3 != 2:
			consent = `,"tag":[{"system":"https://riverside.example/consent","code":"research-consent"}]`
		case n%2 == 0:
			consent = `,"tag":[{"system":"https://riverside.example/consent","code":"treatment-only"}]`
		}
		born := time.Date(1931+r.IntN(75), time.Month(1+r.IntN(12)), 1+r.IntN(28), 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
		if n == 9 {
			born = born[:4] + "-02-30"
		}
		d.Data = fmt.Appendf(d.Data, `{"resourceType":"Patient",%s"meta":{"lastUpdated":"2026-10-%02dT08:%02d:00Z"%s}`, id, 1+r.IntN(28), r.IntN(60), consent)
		d.Data = fmt.Appendf(d.Data, `,"identifier":[{"system":"https://riverside.example/mrn","value":"MRN%07d"},{"system":"http://hl7.org/fhir/sid/us-ssn","value":"999-%02d-%04d"}]`,
			r.IntN(1e7), r.IntN(100), r.IntN(10000))
		d.Data = fmt.Appendf(d.Data, `,"name":[{"use":"official","family":"%s","given":["%s","%s"]}]`,
			familyNames[r.IntN(len(familyNames))], givenNames[given], givenNames[(given+5)%len(givenNames)])
		d.Data = fmt.Appendf(d.Data, `,"telecom":[{"system":"phone","value":"555-01%02d","use":"home"}]`, r.IntN(100))
		d.Data = fmt.Appendf(d.Data, `,"gender":"%s","birthDate":"%s"`, [...]string{"female", "male", "other"}[n%7%3], born)
		d.Data = fmt.Appendf(d.Data, `,"address":[{"line":["%d %s"],"city":"%s","state":"%s","postalCode":"%s","country":"US"}]`,
			1+r.IntN(300), streets[r.IntN(len(streets))], place.city, place.state, place.zip)
		d.Data = fmt.Appendf(d.Data, `,"generalPractitioner":[{"display":"Dr. %s"}]}`+"\n", familyNames[r.IntN(len(familyNames))])
	}
	d.Rows, d.Invalid = rows, 2
	return d
}
