package infer

import (
	"fmt"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/contract/interop"
)

// candidate is what a column of text may be.
type candidate struct {
	logical, format string
	zone            bool // every value has a zone
	named           bool // only where the column's name says so: its values could be anything
	number          bool // JSON writes it without quotes
}

// candidates, the most particular first: the first that every value fits is
// taken. Which of two that differ in the order of day and month is meant cannot
// be told where both fit.
var candidates = []candidate{
	{logical: "integer", format: "i32", number: true},
	{logical: "integer", format: "i64", number: true},
	{logical: "integer", number: true},
	{logical: "number", number: true},
	{logical: "boolean"},
	{logical: "timestamp", zone: true}, {logical: "timestamp"}, {logical: "date"}, {logical: "time"},
	{logical: "date", format: "dd.MM.yyyy"}, {logical: "date", format: "dd/MM/yyyy"}, {logical: "date", format: "MM/dd/yyyy"},
	{logical: "date", format: "yyyy/MM/dd"}, {logical: "date", format: "dd-MM-yyyy"}, {logical: "date", format: "MM-dd-yyyy"},
	{logical: "date", format: "yyyyMMdd", named: true},
	{logical: "timestamp", format: "dd.MM.yyyy HH:mm"}, {logical: "timestamp", format: "dd.MM.yyyy HH:mm:ss"},
	{logical: "timestamp", format: "dd/MM/yyyy HH:mm"}, {logical: "timestamp", format: "MM/dd/yyyy HH:mm"},
	{logical: "timestamp", format: "dd/MM/yyyy HH:mm:ss"}, {logical: "timestamp", format: "MM/dd/yyyy HH:mm:ss"},
	{logical: "timestamp", format: "yyyy/MM/dd HH:mm:ss"}, {logical: "timestamp", format: "yyyyMMddHHmmss", named: true},
	{logical: "string", format: "uuid"}, {logical: "string", format: "email"}, {logical: "string", format: "ipv4"},
	{logical: "string", format: "ipv6"}, {logical: "string", format: "uri"},
}

// probe asks the contract's validator which candidates a value fits.
type probe struct {
	compiled *contract.Compiled
	fields   []int  // by candidate
	all      uint64 // every candidate, as bits
}

func newProbe() (*probe, error) {
	c := interop.New(interop.Head{}, "probe")
	p := &probe{}
	for i, k := range candidates {
		option := contract.Options{Format: k.format}
		if k.zone {
			option.Timezone = &k.zone
		}
		c.Schema[0].Properties = append(c.Schema[0].Properties, contract.Property{
			Element: contract.Element{Name: fmt.Sprint(i), LogicalType: k.logical}, LogicalTypeOptions: option})
		p.all |= 1 << i
	}
	compiled, err := contract.Compile(c, "")
	if err != nil {
		return nil, err
	}
	p.compiled = compiled
	for i := range candidates {
		p.fields = append(p.fields, compiled.Schema.Lookup(fmt.Sprint(i)))
	}
	return p, nil
}

// narrow drops the candidates that a value does not fit.
func (p *probe) narrow(alive uint64, value []byte) uint64 {
	for i := range candidates {
		if alive&(1<<i) != 0 && !p.compiled.Fits(p.fields[i], value) {
			alive &^= 1 << i
		}
	}
	return alive
}

// isData reports whether text looks like anything but words.
func (p *probe) isData(value []byte) bool {
	for i, k := range candidates {
		if k.format != "uri" && p.compiled.Fits(p.fields[i], value) {
			return true
		}
	}
	return false
}

// numeric are the candidates that JSON writes without quotes.
func numeric() (bits uint64) {
	for i, k := range candidates {
		if k.number {
			bits |= 1 << i
		}
	}
	return bits
}

// texts are the candidates that are text of some form.
func texts() (bits uint64) {
	for i, k := range candidates {
		if k.logical == "string" {
			bits |= 1 << i
		}
	}
	return bits
}
