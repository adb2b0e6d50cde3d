package contract

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// ServiceLevel is one of slaProperties, understood. Which of its amounts is set
// goes by Property; nothing here is monitored yet.
type ServiceLevel struct {
	// Property is the standard's name ("latency", also where the document says
	// "LY" or "freshness"), or what the document says where Known is false.
	Property string
	Known    bool
	Path     string   // in the document
	Elements []string // what it is measured on: "orders.changed"
	Driver   string
	Schedule string // of Scheduler, such as cron

	Scheduler string
	// Period is that of frequency, latency, retention, timeToDetect,
	// timeToNotify and timeToRepair; Longest that of valueExt, if there is one.
	Period, Longest Period
	// Percent is that of availability and errorRate, 0 to 100.
	Percent float64
	// Moment is that of generalAvailability, endOfSupport and endOfLife. A day
	// without a time is its midnight in UTC, and Day is true.
	Moment time.Time
	Day    bool
	// Hours are those of timeOfAvailability.
	Hours Hours
	// Rate is that of throughput.
	Rate Rate
}

// Period is a time as calendars know it: a month is not a number of days.
type Period struct {
	Months, Days int
	Time         time.Duration
}

// After is the moment a period after t.
func (p Period) After(t time.Time) time.Time { return t.AddDate(0, p.Months, p.Days).Add(p.Time) }

// Before is the moment a period before t.
func (p Period) Before(t time.Time) time.Time { return t.AddDate(0, -p.Months, -p.Days).Add(-p.Time) }

// Hours are a time of day or, where Until is not zero, the hours up to another.
// Both are counted from midnight; Until may be past the next one.
type Hours struct {
	From, Until time.Duration
	Zone        *time.Location // nil: the document does not say
}

// Rate is how much there is in a period: 1000 rows in a second.
type Rate struct {
	Amount float64
	Of     string // "rows", as written
	Per    Period
}

// levels are the standard's service levels, with their short names, and
// timeOfAvailability, which its examples have.
func levels() map[string]string {
	return map[string]string{
		"availability": "av", "throughput": "th", "errorRate": "er", "generalAvailability": "ga", "endOfSupport": "es", "endOfLife": "el",
		"retention": "re", "frequency": "fy", "latency": "ly", "timeToDetect": "td", "timeToNotify": "tn", "timeToRepair": "tr",
		"timeOfAvailability": "", "freshness": "",
	}
}

// levelName finds the standard's name of a service level.
func levelName(text string) (name string, known bool) {
	for name, short := range levels() {
		if !strings.EqualFold(text, name) && (short == "" || !strings.EqualFold(text, short)) {
			continue
		}
		if name == "freshness" {
			name = "latency" // which the standard prefers
		}
		return name, true
	}
	return text, false
}

// ServiceLevels understands slaProperties. What cannot be understood is a
// problem, unless its property is none of the standard's.
func (c *Contract) ServiceLevels() ([]ServiceLevel, yamldoc.Problems) {
	var all []ServiceLevel
	var problems yamldoc.Problems
	for i := range c.SLAProperties {
		s := &c.SLAProperties[i]
		at := fmt.Sprintf("slaProperties[%d]", i)
		l := ServiceLevel{Path: at, Driver: s.Driver, Scheduler: s.Scheduler, Schedule: s.Schedule}
		l.Property, l.Known = levelName(s.Property)
		element := s.Element
		if element == "" {
			element = c.SLADefaultElement
		}
		for e := range strings.SplitSeq(element, ",") {
			if e = strings.TrimSpace(e); e != "" {
				l.Elements = append(l.Elements, e)
			}
		}
		if l.Known {
			if key, hint := l.understand(s); key != "" {
				problems = append(problems, c.Problem(at+"."+key, fmt.Sprintf("%s: the %s is not understood", s.Property, key), hint))
				continue
			}
		}
		all = append(all, l)
	}
	return all, problems
}

// understand reads the amounts. Where it cannot it says the key at fault, and
// what would do.
func (l *ServiceLevel) understand(s *SLAProperty) (key, hint string) {
	var ok bool
	switch l.Property {
	case "frequency", "latency", "retention", "timeToDetect", "timeToNotify", "timeToRepair":
		if l.Period, key, hint = period(s.Value, s.Unit); key != "" {
			return key, hint
		}
		if s.ValueExt != nil {
			if l.Longest, key, hint = period(s.ValueExt, s.Unit); key == "value" {
				key = "valueExt"
			}
		}
		return key, hint
	case "availability", "errorRate":
		if l.Percent, ok = percent(s.Value, s.Unit, l.Property == "errorRate"); !ok {
			return "value", "percent, such as 99.9 with unit: percent"
		}
	case "generalAvailability", "endOfSupport", "endOfLife":
		if l.Moment, l.Day, ok = moment(s.Value); !ok {
			return "value", "a date such as 2030-12-31, or 2030-12-31T09:30:00Z"
		}
	case "timeOfAvailability":
		text, _ := s.Value.(string)
		if l.Hours, ok = hours(text); !ok {
			return "value", `a time of day such as "09:00", "09:00-08:00" (with the zone) or "09:00/17:00" (from, until)`
		}
	case "throughput":
		if l.Rate, key = rate(s.Value, s.Unit); key != "" {
			return key, "a number, with a unit such as rows/s or MB/h"
		}
	}
	return "", ""
}

// amount is a number, or a text that is one.
func amount(v any) (float64, bool) {
	var f float64
	switch t := v.(type) {
	case int:
		f = float64(t)
	case int64:
		f = float64(t)
	case uint64:
		f = float64(t)
	case float64:
		f = t
	case string:
		var err error
		if f, err = strconv.ParseFloat(strings.TrimSpace(t), 64); err != nil {
			return 0, false
		}
	default:
		return 0, false
	}
	return f, f >= 0 && !math.IsInf(f, 0)
}

// span is what one of a unit is.
type span struct {
	period Period
	names  []string
}

func spans() []span {
	return []span{
		{Period{Time: time.Millisecond}, []string{"ms", "millisecond", "milliseconds"}},
		{Period{Time: time.Second}, []string{"s", "sec", "second", "seconds"}},
		{Period{Time: time.Minute}, []string{"m", "min", "mins", "minute", "minutes"}},
		{Period{Time: time.Hour}, []string{"h", "hr", "hrs", "hour", "hours"}},
		{Period{Days: 1}, []string{"d", "day", "days"}},
		{Period{Days: 7}, []string{"w", "wk", "week", "weeks"}},
		{Period{Months: 1}, []string{"mo", "mon", "month", "months"}},
		{Period{Months: 3}, []string{"q", "quarter", "quarters"}},
		{Period{Months: 12}, []string{"y", "yr", "yrs", "year", "years"}},
	}
}

// one is what one of a unit is. Units are written in any case.
func one(unit string) (Period, bool) {
	for _, s := range spans() {
		if slices.Contains(s.names, strings.ToLower(strings.TrimSpace(unit))) {
			return s.period, true
		}
	}
	return Period{}, false
}

// most is the number of days, or of months, that a period may have, and longest
// the time of one in hours and less.
const (
	most    = 98_550 // days of 270 years
	longest = 270 * 365 * 24 * time.Hour
)

// times is a period n times over. Parts of a day are hours; parts of a month are
// nothing that a calendar knows.
func (p Period) times(n float64) (Period, bool) {
	switch {
	case p.Months > 0:
		months := n * float64(p.Months)
		return Period{Months: int(months)}, months == math.Trunc(months) && months <= most
	case p.Days > 0 && n == math.Trunc(n):
		return Period{Days: int(n) * p.Days}, n*float64(p.Days) <= most
	case p.Days > 0:
		p.Time = time.Duration(p.Days) * 24 * time.Hour
	}
	d := n * float64(p.Time)
	return Period{Time: time.Duration(math.Round(d))}, d <= float64(longest)
}

// period reads a number of units, or an ISO 8601 duration. key is what is not
// understood.
func period(v any, unit string) (p Period, key, hint string) {
	if text, ok := v.(string); ok && unit == "" && strings.HasPrefix(text, "P") {
		if p, ok = isoDuration(text); !ok {
			return p, "value", "an ISO 8601 duration such as P1D or PT30M, or a number with a unit"
		}
		return p, "", ""
	}
	n, ok := amount(v)
	if !ok {
		return p, "value", "a number, with a unit such as d, h or min"
	}
	of, ok := one(unit)
	if !ok {
		var names []string
		for _, s := range spans() {
			names = append(names, s.names[0])
		}
		return p, "unit", "one of " + strings.Join(names, ", ") + " (m is a minute, mo a month)"
	}
	if p, ok = of.times(n); !ok {
		return p, "value", "months and years in whole numbers, and less than 270 years"
	}
	return p, "", ""
}

// isoDuration reads P3Y6M4DT12H30M5S, parts in this order, each once (ISO 8601,
// 5.5.2.2), or P2W.
func isoDuration(text string) (total Period, ok bool) {
	date, clock, timed := strings.Cut(strings.TrimPrefix(text, "P"), "T")
	parts := 0
	read := func(text, units string) bool {
		for text != "" {
			end := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
			if end <= 0 || end > 9 {
				return false
			}
			n, err := strconv.Atoi(text[:end])
			at := strings.IndexByte(units, text[end])
			if err != nil || at < 0 {
				return false
			}
			name := text[end : end+1]
			if name == "M" && !strings.Contains(units, "S") {
				name = "mo"
			}
			of, _ := one(name)
			p, ok := of.times(float64(n))
			if !ok {
				return false
			}
			total = Period{Months: total.Months + p.Months, Days: total.Days + p.Days, Time: total.Time + p.Time}
			text, units = text[end+1:], units[at+1:]
			parts++
		}
		return true
	}
	if strings.HasSuffix(date, "W") {
		return total, !timed && read(date, "W") && parts == 1
	}
	if !read(date, "YMD") {
		return total, false
	}
	before := parts
	if timed && (!read(clock, "HMS") || parts == before) {
		return total, false
	}
	return total, parts > 0
}

// percent reads "99.9%", or 99.9 with unit percent. Without a unit at least 1 is
// taken for percent, and less may as well be a part of one: it is not taken.
// Error rates are always small, so they need the unit.
func percent(v any, unit string, small bool) (float64, bool) {
	said := slices.Contains([]string{"percent", "percentage", "pct", "%"}, strings.ToLower(strings.TrimSpace(unit)))
	if text, ok := v.(string); ok && strings.HasSuffix(text, "%") {
		v, said = strings.TrimSuffix(text, "%"), said || unit == ""
	}
	n, ok := amount(v)
	if !said && (unit != "" || small || n <= 1) {
		return 0, false
	}
	return n, ok && n <= 100
}

// moment reads a date or an RFC 3339 time.
func moment(v any) (t time.Time, day, ok bool) {
	text, _ := v.(string)
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, false, true
	}
	t, err := time.Parse(time.DateOnly, text)
	return t, err == nil, err == nil
}

// rate reads 1000 of "rows/s", "rows per second" or "MB/h".
func rate(v any, unit string) (r Rate, key string) {
	n, ok := amount(v)
	if !ok {
		return r, "value"
	}
	of, per, ok := strings.Cut(unit, "/")
	if !ok {
		of, per, ok = strings.Cut(unit, " per ")
	}
	p, known := one(per)
	if of = strings.TrimSpace(of); !ok || !known || of == "" {
		return r, "unit"
	}
	return Rate{Amount: n, Of: of, Per: p}, ""
}

// hours reads a time of day with or without a zone, or two with "/" or "-"
// between them. What could be a zone is one: "09:00-08:00" is nine o'clock eight
// hours behind UTC, as it is in the standard's examples; "09:00-17:00" cannot be,
// and are the hours from nine to five.
func hours(text string) (h Hours, ok bool) {
	text = strings.ReplaceAll(strings.TrimSpace(text), "–", "/")
	text = strings.ReplaceAll(strings.ReplaceAll(text, " - ", "/"), " ", "")
	from, until, two := strings.Cut(text, "/")
	if !two {
		if h.From, h.Zone, ok = timeOfDay(text); ok {
			return h, true
		}
		from, until, two = strings.Cut(text, "-")
	}
	if !two {
		return h, false
	}
	var first, second bool
	var zone *time.Location
	h.From, zone, first = timeOfDay(from)
	h.Until, h.Zone, second = timeOfDay(until)
	if h.Zone == nil {
		h.Zone = zone
	}
	if h.Until <= h.From {
		h.Until += 24 * time.Hour // over midnight
	}
	return h, first && second
}

// timeOfDay reads 09:00 or 09:00:30, with Z or an offset that some place has.
func timeOfDay(text string) (since time.Duration, zone *time.Location, ok bool) {
	clock, offset := text, ""
	if i := strings.IndexAny(text, "Z+-"); i >= 0 {
		clock, offset = text[:i], text[i:]
	}
	for _, layout := range []string{"15:04", "15:04:05"} {
		if t, err := time.Parse(layout, clock); err == nil && len(clock) == len(layout) {
			since, ok = t.Sub(t.Truncate(24*time.Hour)), true
		}
	}
	if offset == "" {
		return since, nil, ok
	}
	t, err := time.Parse("Z07:00", offset)
	if err != nil {
		return 0, nil, false
	}
	_, seconds := t.Zone()
	if seconds < -12*3600 || seconds > 14*3600 {
		return 0, nil, false
	}
	if seconds == 0 {
		return since, time.UTC, ok
	}
	return since, time.FixedZone("", seconds), ok
}
