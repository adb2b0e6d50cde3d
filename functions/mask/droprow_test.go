package mask_test

import "testing"

// TestDropRow: a rule of a profile keeps rows, which are counted; what the filter
// keeps is not, however a view's rows are found.
func TestDropRow(t *testing.T) {
	const rule = "  profile: french\n"
	w := newWorld(t,
		subscription("asked", rule),
		subscription("looked-up", "  filter: country in [\"FR\", \"DE\"]\n"+rule),
		subscription("only-french", "  filter: country == \"FR\"\n"+rule),
		subscription("all", ""))
	got := w.handle(w.segment(rows, csvFormat))
	for id, want := range map[string]struct {
		text string
		kept int64
	}{
		"asked":       {"country;id\r\nDE;1\r\nDE;3\r\n", 1},
		"looked-up":   {"country;id\r\nDE;1\r\nDE;3\r\n", 1},
		"only-french": {"", 1},
		"all":         {"country;id\r\nDE;1\r\nFR;2\r\nDE;3\r\n", 0},
	} {
		if text := w.text(got[id]); text != want.text || got[id].Suppressed != want.kept {
			t.Errorf("%s gets %q, and %d rows are kept", id, text, got[id].Suppressed)
		}
	}
}
