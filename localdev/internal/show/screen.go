// Package show puts things on a terminal, or into a file or pipe where there is
// none: styled text, tables that fit the width, two records side by side, and
// progress.
//
// Everything that is shown is cleaned first: what came from a partner, a file
// name included, cannot move the cursor, change colours or hide itself.
package show

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/term"
)

// DefaultWidth is the width in columns where nothing tells another.
const DefaultWidth = 80

// narrowest is the width below which nothing is laid out any narrower.
const narrowest = 20

// Style is how a text looks on a screen with colours: the parameters of an SGR
// sequence (ECMA-48, section 8.3.117). The zero Style is plain.
type Style string

// The styles in use. Each has one meaning all over the command.
const (
	Plain   Style = ""
	Title   Style = "1"  // headings and names to look for
	Faint   Style = "2"  // what can be skipped
	Bad     Style = "31" // refused, failed, broken
	Good    Style = "32" // done, in order
	Changed Style = "33" // masked, or in need of attention
	Accent  Style = "36" // commands and paths to use
)

// Screen is what a command prints on: one of its two outputs. Any number of
// goroutines may print on it; each call is whole.
type Screen struct {
	// Width in columns.
	Width int
	// Colours reports whether styles show.
	Colours bool
	// Terminal reports whether a line that was printed can be replaced.
	Terminal bool

	w   io.Writer
	now func() time.Time

	mu  sync.Mutex
	err error
}

// NewScreen makes a screen of an output. It has colours if the output is a
// terminal that can show them, unless NO_COLOR is set (https://no-color.org);
// COLUMNS, where it is set, outranks the width that the terminal tells.
func NewScreen(w io.Writer, getenv func(string) string) *Screen {
	s := &Screen{Width: DefaultWidth, w: w, now: time.Now}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		s.Terminal = getenv("TERM") != "dumb"
		s.Colours = s.Terminal && getenv("NO_COLOR") == ""
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			s.Width = width
		}
	}
	if columns, err := strconv.Atoi(getenv("COLUMNS")); err == nil && columns > 0 {
		s.Width = columns
	}
	s.Width = max(s.Width, narrowest)
	return s
}

// Err is the first error of writing to the output. After one nothing is written
// any more.
func (s *Screen) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Write writes p as it is. It is for output that is not for people: what is
// shown to them goes through the other methods.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.w.Write(p)
	s.err = err
	return n, err
}

// Printf prints a format of the program's own. Arguments that may hold foreign
// text are passed through Clean or Paint by the caller.
func (s *Screen) Printf(format string, args ...any) {
	_, _ = fmt.Fprintf(s, format, args...) // Err tells
}

// Paint is the cleaned text in a style, or just cleaned on a screen without
// colours.
func (s *Screen) Paint(style Style, text string) string {
	text = Clean(text)
	if !s.Colours || style == Plain || text == "" {
		return text
	}
	return "\x1b[" + string(style) + "m" + text + "\x1b[0m"
}

// Heading prints a title with a rule that goes on to the width of the screen,
// or to DefaultWidth on a wider one.
func (s *Screen) Heading(title string) {
	title = Cut(Clean(title), s.Width-6)
	rule := max(min(s.Width, DefaultWidth)-Width(title)-4, 2)
	s.Printf("\n%s %s %s\n", s.Paint(Faint, "──"), s.Paint(Title, title), s.Paint(Faint, repeat("─", rule)))
}

// Text prints paragraphs, broken at words to the width of the screen and
// indented by so many columns.
func (s *Screen) Text(indent int, text string) {
	for _, line := range Wrap(Clean(text), min(s.Width, DefaultWidth)-indent) {
		s.Printf("%s%s\n", repeat(" ", indent), line)
	}
}
