package show

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"
)

// screen is a screen of a given width that writes into a string.
func screen(width int, terminal bool) (*Screen, *strings.Builder) {
	var out strings.Builder
	s := NewScreen(&out, func(string) string { return "" })
	s.Width, s.Terminal, s.Colours = width, terminal, terminal
	return s, &out
}

var escapes = regexp.MustCompile("\x1b\\[[0-9;]*[mK]|\r")

// holdsWidth fails if a line of out is wider than the screen.
func holdsWidth(t *testing.T, out string, width int) {
	t.Helper()
	for line := range strings.SplitSeq(escapes.ReplaceAllString(out, ""), "\n") {
		if Width(line) > width {
			t.Errorf("a line takes %d columns of %d: %q", Width(line), width, line)
		}
		if line != strings.TrimRight(line, " ") {
			t.Errorf("a line ends in spaces: %q", line)
		}
	}
}

func TestScreenOfAPipe(t *testing.T) {
	env := map[string]string{"COLUMNS": "123", "TERM": "xterm"}
	s := NewScreen(new(strings.Builder), func(k string) string { return env[k] })
	if s.Colours || s.Terminal || s.Width != 123 {
		t.Errorf("a pipe is %+v, want no terminal, no colours, 123 columns", s)
	}
	env["COLUMNS"] = "many"
	if s := NewScreen(new(strings.Builder), func(k string) string { return env[k] }); s.Width != DefaultWidth {
		t.Errorf("width %d, want %d", s.Width, DefaultWidth)
	}
}

// TestForeignText: nothing that a partner sent reaches a terminal as a command.
func TestForeignText(t *testing.T) {
	hostile := "a\x1b[2Jb\u202ec\x9bd\xff\tf\r\ng\x07"
	const want = "a�[2Jb�c�d� f⏎g�"
	if got := Clean(hostile); got != want {
		t.Errorf("Clean = %q, want %q", got, want)
	}
	s, out := screen(80, true)
	s.Table(&Table{Columns: []Column{{Head: hostile}}, rows: [][]Cell{{{Text: hostile, Style: Bad}}}})
	s.SideBySide(0, hostile, hostile, []Pair{{hostile, hostile, Cell{Text: hostile}, hostile}})
	s.Width = 30
	s.SideBySide(0, hostile, hostile, []Pair{{hostile, hostile, Cell{Text: hostile}, hostile}})
	s.Table(&Table{Columns: []Column{{Head: hostile}}, rows: [][]Cell{{{Text: hostile + strings.Repeat("x", 80)}}}})
	s.Heading(hostile)
	s.Text(2, hostile)
	rest := escapes.ReplaceAllString(out.String(), "")
	for _, c := range "\x1b\x07\t\u202e" {
		if strings.ContainsRune(rest, c) {
			t.Errorf("%q reached the screen", c)
		}
	}
}

func TestTable(t *testing.T) {
	table := Table{Indent: 2, Columns: []Column{{Head: "DROP"}, {Head: "PARTNER", Least: 6}, {Head: "ROWS", Right: true}, {Head: "WHY", Least: 8}}}
	table.Add(Cell{Text: "3f2a91c0"}, Cell{Text: "northwind-tools"}, Cell{Text: "1,240"}, Cell{Text: "too many rows are invalid"})
	table.Add(Cell{Text: "77aa0011"}, Cell{Text: "株式会社"}, Cell{Text: "2"})
	for _, c := range []struct {
		width int
		want  string
	}{
		{80, "  DROP      PARTNER           ROWS  WHY\n" +
			"  3f2a91c0  northwind-tools  1,240  too many rows are invalid\n" +
			"  77aa0011  株式会社             2\n"},
		{40, "  DROP      PARTNER      ROWS  WHY\n" +
			"  3f2a91c0  northwin…   1,240  too many…\n" +
			"  77aa0011  株式会社        2\n"},
		{24, "  DROP: 3f2a91c0\n  PARTNER: northwind-tools\n  ROWS: 1,240\n  WHY: too many rows are invalid\n\n" +
			"  DROP: 77aa0011\n  PARTNER: 株式会社\n  ROWS: 2\n"},
	} {
		s, out := screen(c.width, false)
		s.Table(&table)
		if c.width == 40 {
			holdsWidth(t, out.String(), c.width)
			continue
		}
		if out.String() != c.want {
			t.Errorf("%d columns:\n%s\nwant:\n%s", c.width, out, c.want)
		}
	}
	s, out := screen(80, false)
	s.Table(&Table{Columns: table.Columns})
	if out.Len() > 0 {
		t.Errorf("a table without rows prints %q", out)
	}
}

func TestSideBySide(t *testing.T) {
	pairs := []Pair{
		{"name", "Anna Schmidt", Cell{"t1_K8sdQ2", Changed}, "token"},
		{"identifier[].value", strings.Repeat("1234 ", 20), Cell{strings.Repeat("*", 100), Changed}, "mask"},
		{"note", "two\nlines", Cell{"–", Faint}, ""},
	}
	for _, width := range []int{20, 30, 59, 60, 80, 200} {
		s, out := screen(width, true)
		s.SideBySide(2, "meridian-bank dropped", "sentinel received", pairs)
		holdsWidth(t, out.String(), width)
		for _, want := range []string{"Anna Schmidt", "\x1b[33mt1_K8sdQ2\x1b[0m", "two⏎lines", "note", "token"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%d columns: no %q in\n%s", width, want, out)
			}
		}
	}
}

func TestText(t *testing.T) {
	s, out := screen(30, false)
	s.Text(2, "Each distributor sees only what it carries, and no prices.")
	s.Heading("Inventory")
	want := "  Each distributor sees only\n  what it carries, and no\n  prices.\n\n── Inventory ─────────────────\n"
	if out.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", out, want)
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Number(0), "0"}, {Number(999), "999"}, {Number(1000), "1,000"}, {Number(-1234567), "-1,234,567"},
		{Bytes(999), "999 B"}, {Bytes(1000), "1.0 kB"}, {Bytes(999_949), "999.9 kB"}, {Bytes(999_950), "1.0 MB"}, {Bytes(3 << 30), "3.2 GB"},
		{Count(1, "row"), "1 row"}, {Count(2000, "row"), "2,000 rows"}, {Count(2, "delivery"), "2 deliveries"}, {Count(1, "delivery"), "1 delivery"},
		{Cut("abcdef", 6), "abcdef"}, {Cut("abcdef", 4), "abc…"}, {Cut("株式会社", 5), "株式…"},
		{strings.Join(Break("abcdefgh", 3, 5), "|"), "abc|def|gh"}, {strings.Join(Break("abcdefgh", 3, 2), "|"), "abc|de…"},
		{strings.Join(Break("株式会社", 1, 2), "|"), "…"}, {strings.Join(Break("", 3, 2), "|"), ""},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestProgress(t *testing.T) {
	for _, c := range []struct {
		name     string
		terminal bool
		want     string
	}{
		{"terminal", true, "━━━━━━━━━━────────── copying: 50.0 MB of 100.0 MB, 50 %, 20s left"},
		{"pipe", false, "copying: 50.0 MB of 100.0 MB, 50 %, 20s left\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, out := screen(80, c.terminal)
			now := time.Unix(0, 0)
			s.now = func() time.Time { return now }
			p := s.Progress("copying", 100e6, Bytes)
			p.Set(1, 100e6)
			if out.Len() > 0 {
				t.Errorf("it shows %q at once", out)
			}
			now = now.Add(20 * time.Second)
			p.Set(50e6, 100e6)
			p.Set(51e6, 100e6)
			if got := escapes.ReplaceAllString(out.String(), ""); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			p.Done()
			if got := strings.HasSuffix(out.String(), "\r\x1b[K"); got != c.terminal {
				t.Errorf("the line is cleared: %v, want %v", got, c.terminal)
			}
		})
	}
	s, out := screen(30, true)
	now := time.Unix(0, 0)
	s.now = func() time.Time { return now }
	p := s.Progress("verifying the ledger of the exchange", 0, Number)
	now = now.Add(time.Minute)
	p.Set(12345, 0)
	holdsWidth(t, out.String(), 29)
}

type fullDisk struct{ calls int }

func (w *fullDisk) Write([]byte) (int, error) {
	w.calls++
	return 0, errors.New("no space left on device")
}

// TestOutputFails: what cannot be written is not tried again, and told.
func TestOutputFails(t *testing.T) {
	w := new(fullDisk)
	s := NewScreen(w, func(string) string { return "" })
	s.Printf("a")
	s.Printf("b")
	if _, err := s.Write([]byte("c")); err == nil || s.Err() == nil || w.calls != 1 {
		t.Errorf("after %d writes: %v, %v", w.calls, err, s.Err())
	}
}
