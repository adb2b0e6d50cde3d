package show

// Pair is one field of two records, and what was done to it in between.
type Pair struct {
	Name  string
	Left  string
	Right Cell
	Note  string
}

// narrow is the width below which two records stand one below the other.
const narrow = 60

// SideBySide prints two records next to each other, one field a line; on a
// narrow screen what became of a field stands below it.
func (s *Screen) SideBySide(indent int, left, right string, pairs []Pair) {
	if s.Width < narrow {
		s.stacked(indent, left, right, pairs)
		return
	}
	t := Table{Indent: indent, Columns: []Column{{Least: 8}, {Head: left, Least: 12}, {Head: right, Least: 12}, {Least: 4}}}
	for _, p := range pairs {
		t.Add(Cell{p.Name, Faint}, Cell{Text: p.Left}, p.Right, Cell{p.Note, Faint})
	}
	s.Table(&t)
}

func (s *Screen) stacked(indent int, left, right string, pairs []Pair) {
	space := repeat(" ", indent)
	room := s.Width - indent - 2
	s.Printf("%s  %s\n", space, s.Paint(Faint, Cut(Clean(left), room)))
	s.Printf("%s%s %s\n", space, s.Paint(Faint, "→"), s.Paint(Faint, Cut(Clean(right), room)))
	for _, p := range pairs {
		name := p.Name
		if p.Note != "" {
			name += " (" + p.Note + ")"
		}
		s.Printf("%s%s\n", space, s.Paint(Faint, Cut(Clean(name), room+2)))
		s.Printf("%s  %s\n", space, Cut(Clean(p.Left), room))
		s.Printf("%s→ %s\n", space, s.Paint(p.Right.Style, Cut(Clean(p.Right.Text), room)))
	}
}
