package contract

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestServiceLevels: each property with values that are understood, and how, and
// values that are not, each with the key and line at fault.
func TestServiceLevels(t *testing.T) {
	at := func(hour, minute int) time.Duration {
		return time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute
	}
	day := time.Date(2024, 1, 31, 0, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		sla  string
		want string // of the level, or "!" and the path of the problem
	}{
		{"property: latency, value: 4, unit: d", "latency 0m4d0s"},
		{"property: Latency, value: '4', unit: Days", "latency 0m4d0s"},
		{"property: LY, value: 30, unit: min", "latency 0m0d30m0s"},
		{"property: freshness, value: 1.5, unit: h", "latency 0m0d1h30m0s"},
		{"property: latency, value: 90, unit: s", "latency 0m0d1m30s"},
		{"property: latency, value: 0.5, unit: d", "latency 0m0d12h0m0s"},
		{"property: latency, value: PT30M", "latency 0m0d30m0s"},
		{"property: retention, value: 3, unit: y", "retention 36m0d0s"},
		{"property: re, value: 0.5, unit: years", "retention 6m0d0s"},
		{"property: retention, value: P1Y2M3DT4H5M6S", "retention 14m3d4h5m6s"},
		{"property: retention, value: P2W", "retention 0m14d0s"},
		{"property: retention, value: 6, unit: mo", "retention 6m0d0s"},
		{"property: frequency, value: 1, valueExt: 2, unit: w", "frequency 0m7d0s longest 0m14d0s"},
		{"property: timeToDetect, value: 2, unit: h", "timeToDetect 0m0d2h0m0s"},
		{"property: tn, value: 15, unit: minutes", "timeToNotify 0m0d15m0s"},
		{"property: TIMETOREPAIR, value: 1, unit: quarter", "timeToRepair 3m0d0s"},
		{"property: latency, value: 4", "!slaProperties[0].unit"},
		{"property: latency, value: 4, unit: fortnights", "!slaProperties[0].unit"},
		{"property: latency, value: soon, unit: d", "!slaProperties[0].value"},
		{"property: latency, value: -1, unit: d", "!slaProperties[0].value"},
		{"property: latency, value: , unit: d", "!slaProperties[0].value"},
		{"property: latency, value: true, unit: d", "!slaProperties[0].value"},
		{"property: latency, value: 1e30, unit: s", "!slaProperties[0].value"},
		{"property: latency, value: .inf, unit: d", "!slaProperties[0].value"},
		{"property: retention, value: 1.5, unit: month", "!slaProperties[0].value"},
		{"property: retention, value: P1DT", "!slaProperties[0].value"},
		{"property: retention, value: P, unit: ''", "!slaProperties[0].value"},
		{"property: retention, value: PT1D", "!slaProperties[0].value"},
		{"property: frequency, value: 1, valueExt: often, unit: d", "!slaProperties[0].valueExt"},
		{"property: availability, value: 99.95", "availability 99.95%"},
		{"property: availability, value: 99.95%", "availability 99.95%"},
		{"property: av, value: 0.5, unit: percent", "availability 0.5%"},
		{"property: availability, value: 0.999", "!slaProperties[0].value"},
		{"property: availability, value: 101", "!slaProperties[0].value"},
		{"property: availability, value: 99.9, unit: nines", "!slaProperties[0].value"},
		{"property: errorRate, value: 0.1, unit: percent", "errorRate 0.1%"},
		{"property: errorRate, value: 2", "!slaProperties[0].value"},
		{"property: generalAvailability, value: 2022-05-12T09:30:10-08:00", "generalAvailability 2022-05-12T17:30:10Z"},
		{"property: endOfSupport, value: 2032-05-12", "endOfSupport 2032-05-12T00:00:00Z day"},
		{"property: endOfLife, value: '2032-02-30'", "!slaProperties[0].value"},
		{"property: endOfLife, value: 2032", "!slaProperties[0].value"},
		{"property: timeOfAvailability, value: 09:00-08:00", "timeOfAvailability 9h0m0s zone -8h0m0s"},
		{"property: timeOfAvailability, value: 09:00-17:00", "timeOfAvailability 9h0m0s until 17h0m0s"},
		{"property: timeOfAvailability, value: 22:00/06:00Z", "timeOfAvailability 22h0m0s until 30h0m0s zone 0s"},
		{"property: timeOfAvailability, value: 09:00 - 11:00", "timeOfAvailability 9h0m0s until 11h0m0s"},
		{"property: timeOfAvailability, value: '06:30:15'", "timeOfAvailability 6h30m15s"},
		{"property: timeOfAvailability, value: 25:00", "!slaProperties[0].value"},
		{"property: timeOfAvailability, value: 9", "!slaProperties[0].value"},
		{"property: throughput, value: 1000, unit: rows/s", "throughput 1000 rows in 0m0d1s"},
		{"property: th, value: 5, unit: MB per hour", "throughput 5 MB in 0m0d1h0m0s"},
		{"property: throughput, value: 5, unit: MB", "!slaProperties[0].unit"},
		{"property: throughput, value: many, unit: MB/s", "!slaProperties[0].value"},
		{"property: karma, value: much", "karma?"},
	} {
		t.Run(test.sla, func(t *testing.T) {
			text := strings.Replace(doc("logicalType: string"), "schema:", "slaProperties:\n- {"+test.sla+"}\nschema:", 1)
			c, err := Parse("c.odcs.yaml", []byte(text))
			if path, fails := strings.CutPrefix(test.want, "!"); fails {
				if err == nil || !strings.HasPrefix(err.Error(), "c.odcs.yaml:7:") || !strings.Contains(err.Error(), path+": ") {
					t.Errorf("got %v, want a problem of %s on line 7", err, path)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			all, problems := c.ServiceLevels()
			if len(all) != 1 || len(problems) > 0 {
				t.Fatalf("got %v and %v", all, problems)
			}
			if got := levelText(all[0]); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	if got := (Period{Months: 1, Time: at(1, 30)}).After(day); !got.Equal(time.Date(2024, 3, 2, 1, 30, 0, 0, time.UTC)) {
		t.Errorf("a month after 31 January is %v", got)
	}
	if got := (Period{Days: 31}).Before(day); !got.Equal(time.Date(2023, 12, 31, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("31 days before 31 January are %v", got)
	}
}

// levelText is a service level in words.
func levelText(l ServiceLevel) string {
	text := l.Property
	period := func(p Period) string { return fmt.Sprintf("%dm%dd%v", p.Months, p.Days, p.Time) }
	switch {
	case !l.Known:
		text += "?"
	case l.Period != Period{}:
		text += " " + period(l.Period)
	case l.Percent > 0:
		text += fmt.Sprintf(" %v%%", l.Percent)
	case !l.Moment.IsZero():
		text += " " + l.Moment.UTC().Format(time.RFC3339)
	case l.Rate.Amount > 0:
		text += fmt.Sprintf(" %v %s in %s", l.Rate.Amount, l.Rate.Of, period(l.Rate.Per))
	case l.Hours.From > 0:
		text += " " + l.Hours.From.String()
	}
	if l.Longest != (Period{}) {
		text += " longest " + period(l.Longest)
	}
	if l.Day {
		text += " day"
	}
	if l.Hours.Until > 0 {
		text += " until " + l.Hours.Until.String()
	}
	if l.Hours.Zone != nil {
		_, seconds := time.Now().In(l.Hours.Zone).Zone()
		text += " zone " + (time.Duration(seconds) * time.Second).String()
	}
	return text
}

// TestServiceLevelElements: what has no element of its own is measured on the
// default one.
func TestServiceLevelElements(t *testing.T) {
	text := strings.Replace(doc("logicalType: string"), "schema:",
		"slaDefaultElement: o.v\nslaProperties:\n- {property: latency, value: 1, unit: d}\n- {property: latency, value: 1, unit: d, element: 'o.v, o.other'}\nschema:", 1)
	all, problems := parse(t, "c.odcs.yaml", []byte(text)).ServiceLevels()
	if len(problems) > 0 || len(all) != 2 || fmt.Sprint(all[0].Elements, all[1].Elements) != "[o.v] [o.v o.other]" {
		t.Errorf("got %v and %v", all, problems)
	}
}
