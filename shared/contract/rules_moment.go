package contract

import (
	"fmt"
	"slices"
	"time"
	_ "time/tzdata" // what a zone means must not depend on the machine

	"github.com/sallyport-io/sallyport/shared/record"
)

// moment compiles the options of dates, timestamps and times. Values and bounds
// without a zone are those of defaultTimezone, which is UTC if it is not said.
func (b *compiler) moment(f *field, o Options, at string) {
	kind, zone := f.kind, zoneMay
	if o.Timezone != nil {
		zone = zoneMustNot
		if *o.Timezone {
			zone = zoneMust
		}
	}
	f.zone = zone
	home := b.home(f, o, at)
	var parse func([]byte) (t instant, zoned, ok bool)
	switch f.typ {
	case record.Date:
		parse = isoDate
		kind.want = "a date such as 2026-01-31"
	case record.Timestamp:
		parse = isoTimestamp
		kind.want = "a timestamp such as 2026-01-31T12:00:00Z"
	default:
		parse = isoTime
		kind.want = "a time such as 12:00:00"
	}
	if o.Format != "" {
		l, err := newLayout(o.Format)
		if err == nil {
			err = l.suits(f.typ, zone)
		}
		if err != nil {
			b.problem(at+".format", err.Error(), "letters of java.time.format.DateTimeFormatter, such as yyyy-MM-dd HH:mm:ss.SSSXXX")
			return
		}
		parse = l.parse
		kind.want = "text in the format " + o.Format
	}
	switch zone {
	case zoneMust:
		kind.want += ", with a time zone"
	case zoneMustNot:
		kind.want += ", without a time zone"
	}
	type limit struct {
		bound instant
		sign  int
		equal bool
		rule  *rule
	}
	var limits []limit
	add := func(name string, v any, sign int, equal bool, words string) {
		if v == nil {
			return
		}
		text := b.literal(at+"."+name, v)
		t, zoned, ok := parse([]byte(text))
		if !ok {
			b.problem(at+"."+name, "must be written as the values are: "+kind.want, "")
			return
		}
		if home != nil && !zoned {
			t = t.in(home)
		}
		limits = append(limits, limit{t, sign, equal, &rule{name: name, want: words + " " + text, do: "correct it"}})
	}
	add("minimum", o.Minimum, -1, false, "at or after")
	add("exclusiveMinimum", o.ExclusiveMinimum, -1, true, "after")
	add("maximum", o.Maximum, 1, false, "at or before")
	add("exclusiveMaximum", o.ExclusiveMaximum, 1, true, "before")
	f.moment = func(t instant, zoned bool) *rule {
		if !zone.allow(zoned) {
			return kind
		}
		if len(limits) == 0 {
			return nil
		}
		if home != nil && !zoned {
			t = t.in(home)
		}
		for i := range limits {
			l := &limits[i]
			if c := t.compare(l.bound); c == l.sign || c == 0 && l.equal {
				return l.rule
			}
		}
		return nil
	}
	moment := f.moment
	var plain *pattern
	if f.typ == record.Timestamp && o.Format == "" && len(limits) == 0 && zone.allow(true) {
		plain = plainTimestamps()
	}
	f.checks = append(f.checks, func(v []byte) *rule {
		if plain != nil && plain.match(v) && inCalendar(v) {
			return nil
		}
		t, zoned, ok := parse(v)
		if !ok {
			return kind
		}
		return moment(t, zoned)
	})
}

// plainTimestamps is the pattern of most timestamps: those of UTC, written to the
// second. What it matches and inCalendar passes is a timestamp; of what is not
// isoTimestamp decides.
func plainTimestamps() *pattern {
	p, err := compilePattern("^[0-9]{4}-[01][0-9]-[0-2][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z$")
	if err != nil {
		return nil
	}
	return p
}

// inCalendar tells whether month, day and hour of what plainTimestamps matches are
// some that each year has.
func inCalendar(v []byte) bool {
	pair := func(i int) byte { return 10*(v[i]-'0') + v[i+1] - '0' }
	return pair(5)-1 < 12 && pair(8)-1 < 28 && pair(11) < 24
}

// home is the zone of values that have none; nil is UTC.
func (b *compiler) home(f *field, o Options, at string) *time.Location {
	name := o.DefaultTimezone
	if name == "" || slices.Contains([]string{"UTC", "Etc/UTC", "Z", "GMT"}, name) {
		return nil
	}
	zone, known := findZone(name)
	if !known {
		b.problem(at+".defaultTimezone", fmt.Sprintf("there is no time zone %q", name), "a name of the IANA time zone database, such as Etc/UTC or Europe/Paris")
		return nil
	}
	if f.typ == record.Time {
		b.unenforced(at+".defaultTimezone", f.path+": times without a zone are compared as UTC: what a clock shows has no offset without its date", "Etc/UTC")
		return nil
	}
	return zone
}

// suits tells whether a format can write values of a type.
func (l *layout) suits(t record.Type, zone zones) error {
	switch {
	case t != record.Time && !l.dated():
		return fmt.Errorf("the format has no year")
	case t == record.Time && !l.timed():
		return fmt.Errorf("the format has no hour")
	case t == record.Time && l.dated():
		return fmt.Errorf("the format of a time has a date")
	case zone == zoneMust && l.zone == zoneMustNot:
		return fmt.Errorf("the format has no time zone, and timezone is true")
	case zone == zoneMustNot && l.zone == zoneMust:
		return fmt.Errorf("the format has a time zone, and timezone is false")
	}
	return nil
}
