package stories

import (
	"encoding/hex"
	"io"
	"math/rand/v2"
	"strconv"
	"time"
)

const paymentsHeader = "id,created_at,name,email,ssn,card_number,iban,amount,currency,merchant,country,note\n"

// Payments writes a CSV file of the payments contract, header included: whole
// rows until size bytes are reached. A row has about 230 bytes. Every row keeps
// the contract. The same size and seed write the same bytes.
func Payments(w io.Writer, size int64, seed uint64) error { return writePayments(w, size, seed, 0) }

// FlawedPayments is Payments with one row in 1000 that breaks the contract, each
// in one of the ways that payments break it.
func FlawedPayments(w io.Writer, size int64, seed uint64) error {
	return writePayments(w, size, seed, 1000)
}

// writePayments flaws each every-th row; 0: none.
func writePayments(w io.Writer, size int64, seed uint64, every int) error {
	const flushAt = 256 << 10
	g := newPaymentWriter(seed, 500_000)
	buf := append(make([]byte, 0, flushAt+4096), paymentsHeader...)
	var written int64
	for n := 1; written+int64(len(buf)) < size; n++ {
		f := sound
		if every > 0 && n%every == every/2 {
			f = badID + flaw(n/every)%(flaws-badID)
		}
		buf = g.appendRow(buf, f)
		if len(buf) >= flushAt {
			if _, err := w.Write(buf); err != nil {
				return err
			}
			written += int64(len(buf))
			buf = buf[:0]
		}
	}
	_, err := w.Write(buf)
	return err
}

// payments are the payments of the example.
func payments() Drop {
	const rows = 40
	flawed := map[int]flaw{6: shortCard, 17: strayText, 26: unknownCountry, 33: missingColumn}
	g := newPaymentWriter(7, 12)
	data := []byte(paymentsHeader)
	for n := range rows {
		data = g.appendRow(data, flawed[n])
	}
	return Drop{
		Story:   "A bank has payments searched for fraud by someone who must not know whose they are",
		Partner: "harbour-bank", Contract: "payments", Name: "payments-2026-11-02.csv",
		Data: data, Rows: rows, Invalid: len(flawed),
	}
}

// flaw is a way in which a row breaks the contract.
type flaw int

const (
	sound flaw = iota
	badID
	badTime
	badEmail
	shortCard
	strayText // in the amount
	unknownCountry
	missingColumn // the note
	flaws         // how many there are
)

// paymentWriter makes the rows of one file.
type paymentWriter struct {
	rng    *rand.Rand
	time   time.Time
	people int // how many persons pay
}

func newPaymentWriter(seed uint64, people int) *paymentWriter {
	return &paymentWriter{rand.New(rand.NewPCG(seed, 0x5a11)), time.Date(2026, 1, 5, 6, 0, 0, 0, time.UTC), people}
}

var (
	givenNames = [...]string{"Ada", "Bram", "Carla", "Dario", "Elif", "Femke", "Goran", "Hanna", "Ines", "Jonas", "Klára", "Luca", "Maëlle", "Nuno", "Olga", "Pavel", "Quentin", "Renata", "Søren", "Tereza", "Umberto", "Vera", "Wim", "Zoë"}
	// asciiNames are givenNames as they stand in addresses.
	asciiNames  = [...]string{"ada", "bram", "carla", "dario", "elif", "femke", "goran", "hanna", "ines", "jonas", "klara", "luca", "maelle", "nuno", "olga", "pavel", "quentin", "renata", "soren", "tereza", "umberto", "vera", "wim", "zoe"}
	familyNames = [...]string{"Abbink", "Baumann", "Castellanos", "Dvorak", "Eggers", "Ferreira", "Grabowski", "Hofstetter", "Iglesias", "Jansen", "Kovac", "Lindqvist", "Marchetti", "Novotny", "Oliveira", "Peeters", "Quadros", "Rousseau", "Schneider", "Tichy", "Urban", "Vermeulen", "Wagner", "Zielinska"}
	mailHosts   = [...]string{"example.org", "example.com", "example.net", "mail.example.org"}
	merchants   = [...]string{"Corner Shop", "Bakery Lindner", "Station Books", "Kiosk 24", "Grand Hotel Aurora", "City Pharmacy", "Green Market", "Fuel & Go", "Cinema Lumen", "Online Garden Store", "Bike Repair Rossi", "Harbour Ferry"}
	countries   = [...]string{"AT", "BE", "CH", "CZ", "DE", "ES", "FR", "IT", "NL", "PL", "PT", "SK"}
	currencies  = [...]string{"EUR", "EUR", "CHF", "CZK", "EUR", "EUR", "EUR", "EUR", "EUR", "PLN", "EUR", "EUR"} // of countries
	// notes stand in the file as they are: bare, with commas, quotes or line
	// ends, or not at all.
	notes = [...]string{
		"Paid at the counter with a card of the family", "", "Invoice 2026/114 for the second quarter of the year", "Contactless payment at terminal 0413 in hall B",
		"Monthly standing order set up by phone in January", "Refund promised; customer will call again next week", "\"Paid, with thanks, for flowers and two cards\"",
		"\"Guest said: \"\"please send the bill home\"\"\"", "\"First line of a note that has two,\nand the second with a comma\"", "Größe getauscht und der Beleg liegt der Sendung bei",
	}
)

// appendRow appends the next row.
func (g *paymentWriter) appendRow(dst []byte, f flaw) []byte {
	r := g.rng
	var id [16]byte
	for i, v := range [2]uint64{r.Uint64(), r.Uint64()} {
		for k := range 8 {
			id[8*i+k] = byte(v >> (8 * k))
		}
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80 // version 4, RFC 9562
	for i, part := range [...][]byte{id[0:4], id[4:6], id[6:8], id[8:10], id[10:16]} {
		if i > 0 && f != badID {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, part)
	}
	dst = append(dst, ',')

	bits := r.Uint64() // enough for all small choices
	choose := func(n int) int {
		v := int(bits % uint64(n))
		bits /= uint64(n)
		return v
	}
	g.time = g.time.Add(time.Duration(1+choose(240)) * time.Second)
	if f == badTime {
		dst = g.time.AppendFormat(dst, "02.01.2006 15:04")
	} else {
		dst = g.time.AppendFormat(dst, time.RFC3339)
	}
	dst = append(dst, ',')

	// A person has the same name, address and numbers every time.
	person := choose(g.people)
	given, family := person%len(givenNames), (5*person+person/len(givenNames)+7)%len(familyNames)
	mixed := uint64(person+1) * 0x9e3779b97f4a7c15
	dst = append(append(append(dst, givenNames[given]...), ' '), familyNames[family]...)
	dst = append(dst, ',')
	dst = append(append(dst, asciiNames[given]...), '.')
	for _, c := range []byte(familyNames[family]) {
		dst = append(dst, c|0x20)
	}
	dst = strconv.AppendInt(dst, int64(person/(len(givenNames)*len(familyNames))+1), 10)
	if f != badEmail {
		dst = append(dst, '@')
	}
	dst = append(dst, mailHosts[mixed>>60%uint64(len(mailHosts))]...)
	dst = append(dst, ',')

	ssn := mixed >> 33
	dst = append(dst, '9')
	dst = appendDigits(dst, ssn/1e6, 2)
	dst = append(dst, '-')
	dst = appendDigits(dst, ssn/1e4, 2)
	dst = append(dst, '-')
	dst = appendDigits(dst, ssn, 4)
	dst = append(dst, ',')

	card := len(dst)
	dst = append(dst, "400000"...)
	dst = appendDigits(dst, mixed>>20, 9)
	if f != shortCard {
		dst = append(dst, luhn(dst[card:]))
	}
	dst = append(dst, ',')

	bban := 500105170000000000 + mixed>>13%1e10
	dst = append(dst, "DE"...)
	dst = appendDigits(dst, 98-(bban%97*(1000000%97)+131400)%97, 2) // ISO 13616: "DE00" behind it, modulo 97
	dst = appendDigits(dst, bban, 18)
	dst = append(dst, ',')

	cents := choose(5000)
	if choose(8) == 0 {
		cents = cents*37 + 10000
	}
	if f == strayText {
		dst = append(dst, "ca. "...)
	}
	dst = strconv.AppendInt(dst, int64(cents/100), 10)
	dst = append(dst, '.')
	dst = appendDigits(dst, uint64(cents%100), 2)
	dst = append(dst, ',')

	country := choose(len(countries))
	dst = append(append(dst, currencies[country]...), ',')
	dst = append(append(dst, merchants[choose(len(merchants))]...), ',')
	if f == unknownCountry {
		dst = append(dst, "XX"...)
	} else {
		dst = append(dst, countries[country]...)
	}
	if f != missingColumn {
		dst = append(append(dst, ','), notes[choose(len(notes))]...)
	}
	return append(dst, '\n')
}

// appendDigits appends the last n decimal digits of v.
func appendDigits(dst []byte, v uint64, n int) []byte {
	at := len(dst)
	dst = append(dst, "00000000000000000000"[:n]...)
	for i := at + n - 1; i >= at; i-- {
		dst[i] = '0' + byte(v%10)
		v /= 10
	}
	return dst
}

// luhn is the check digit (ISO/IEC 7812-1) of an odd number of digits.
func luhn(digits []byte) byte {
	sum := 0
	for i, c := range digits {
		d := int(c - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return '0' + byte((10-sum%10)%10)
}
