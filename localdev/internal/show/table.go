package show

import (
	"slices"
	"strings"
)

// Cell is one field of a table: a text that is cleaned when it is shown.
type Cell struct {
	Text  string
	Style Style
}

// Column is a column of a table.
type Column struct {
	Head string
	// Least is the width to which the column's texts may be cut where the
	// screen is too narrow; 0: they are never cut.
	Least int
	// Right aligns the column at its right, for numbers.
	Right bool
}

// Table is rows under named columns. If no column has a head there is no line for
// them.
type Table struct {
	Columns []Column
	// Indent is how many columns of the screen stay empty at the left.
	Indent int

	rows [][]Cell
}

// Add adds a row. Cells that are not there are empty.
func (t *Table) Add(cells ...Cell) { t.rows = append(t.rows, cells) }

// Len is the number of rows.
func (t *Table) Len() int { return len(t.rows) }

// gap is the room between two columns.
const gap = 2

// Table prints a table. Where it would be wider than the screen its columns are
// cut, the widest first; where that is not enough each row is printed as a
// block of lines, one per field.
func (s *Screen) Table(t *Table) {
	if len(t.rows) == 0 {
		return
	}
	widths, fits := t.widths(s.Width)
	if !fits {
		s.blocks(t)
		return
	}
	head := make([]Cell, len(t.Columns))
	for i, c := range t.Columns {
		head[i] = Cell{c.Head, Faint}
	}
	if slices.ContainsFunc(head, func(c Cell) bool { return c.Text != "" }) {
		s.row(t, head, widths)
	}
	for _, cells := range t.rows {
		s.row(t, cells, widths)
	}
}

// widths shares the width of the screen among the columns.
func (t *Table) widths(screen int) (widths []int, fits bool) {
	widths = make([]int, len(t.Columns))
	total := t.Indent
	for i, c := range t.Columns {
		widths[i] = Width(Clean(c.Head))
		for _, cells := range t.rows {
			if i < len(cells) {
				widths[i] = max(widths[i], Width(Clean(cells[i].Text)))
			}
		}
		total += widths[i] + gap
	}
	for total -= gap; total > screen; total-- {
		widest := -1
		for i, c := range t.Columns {
			if c.Least > 0 && widths[i] > c.Least && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return widths, false
		}
		widths[widest]--
	}
	return widths, true
}

func (s *Screen) row(t *Table, cells []Cell, widths []int) {
	var line strings.Builder
	line.WriteString(repeat(" ", t.Indent))
	pending := 0 // spaces that only come if something follows
	for i, c := range t.Columns {
		if i > 0 {
			pending += gap
		}
		var cell Cell
		if i < len(cells) {
			cell = cells[i]
		}
		text := Cut(Clean(cell.Text), widths[i])
		room := widths[i] - Width(text)
		if c.Right {
			pending += room
		}
		if text != "" {
			line.WriteString(repeat(" ", pending))
			line.WriteString(s.Paint(cell.Style, text))
			pending = 0
		}
		if !c.Right {
			pending += room
		}
	}
	s.Printf("%s\n", strings.TrimRight(line.String(), " "))
}

// blocks prints each row as lines of "head: text".
func (s *Screen) blocks(t *Table) {
	indent := repeat(" ", t.Indent)
	for i, cells := range t.rows {
		if i > 0 {
			s.Printf("\n")
		}
		for j, c := range t.Columns {
			if j >= len(cells) || cells[j].Text == "" {
				continue
			}
			text := Clean(cells[j].Text)
			if c.Head == "" {
				s.Printf("%s%s\n", indent, s.Paint(cells[j].Style, text))
				continue
			}
			s.Printf("%s%s %s\n", indent, s.Paint(Faint, c.Head+":"), s.Paint(cells[j].Style, text))
		}
	}
}
