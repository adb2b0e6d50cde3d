package show

import (
	"fmt"
	"time"
)

const (
	redrawEvery = 100 * time.Millisecond // on a terminal
	remindEvery = 10 * time.Second       // elsewhere
)

// Progress tells how far a long piece of work has come: as a bar that moves, on
// a terminal, and elsewhere as a line now and then. Work that is quickly done
// shows nothing. It is for one goroutine.
type Progress struct {
	s       *Screen
	label   string
	total   int64
	format  func(int64) string
	started time.Time
	drawn   time.Time
	shown   bool // a bar is on the line
}

// Progress begins a piece of work of so many units; 0 if that is not known.
// format writes an amount of them, such as Bytes or Number.
func (s *Screen) Progress(label string, total int64, format func(int64) string) *Progress {
	now := s.now()
	return &Progress{s: s, label: label, total: total, format: format, started: now, drawn: now}
}

// Set says how much is done, and of how much (0 if that is not known).
func (p *Progress) Set(done, total int64) {
	p.total = total
	every := remindEvery
	if p.s.Terminal {
		every = redrawEvery
	}
	now := p.s.now()
	if now.Sub(p.drawn) < every {
		return
	}
	p.drawn = now
	line := p.label + ": " + p.format(done)
	if p.total > 0 {
		line = fmt.Sprintf("%s of %s, %d %%", line, p.format(p.total), min(done*100/p.total, 100))
		if left := p.left(now, done); left > 0 {
			line += fmt.Sprintf(", %s left", left)
		}
	}
	if !p.s.Terminal {
		p.s.Printf("%s\n", Clean(line))
		return
	}
	p.s.Printf("\r\x1b[K%s", p.bar(done, line))
	p.shown = true
}

// left is about how long the rest takes, if what was done took as long as that
// it says anything.
func (p *Progress) left(now time.Time, done int64) time.Duration {
	took := now.Sub(p.started)
	if took < time.Second || done <= 0 || done >= p.total {
		return 0
	}
	return time.Duration(float64(took) / float64(done) * float64(p.total-done)).Round(time.Second)
}

// bar is the line with a bar before it, where there is room for one.
func (p *Progress) bar(done int64, line string) string {
	const cells = 20
	line = Cut(Clean(line), p.s.Width-1)
	if p.total <= 0 || Width(line)+cells+2 > p.s.Width-1 {
		return line
	}
	full := int(min(done*cells/p.total, cells))
	return p.s.Paint(Accent, repeat("━", full)) + p.s.Paint(Faint, repeat("─", cells-full)) + " " + line
}

// Done ends it and leaves nothing on a terminal.
func (p *Progress) Done() {
	if p.shown {
		p.s.Printf("\r\x1b[K")
		p.shown = false
	}
}
