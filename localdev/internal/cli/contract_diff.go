package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/sallyport-io/sallyport/localdev/internal/impact"
	"github.com/sallyport-io/sallyport/localdev/internal/revision"
	"github.com/sallyport-io/sallyport/localdev/internal/show"
	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/contract/diff"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

type contractDiffCommand struct {
	Old      string `arg:"" help:"The old version: an ODCS document, or REV:PATH of the git repository."`
	New      string `arg:"" help:"The new version, likewise."`
	Exchange string `placeholder:"DIR" type:"existingdir" help:"Tell which partners of this exchange are touched. It has one of the two versions."`
	Mode     string `placeholder:"MODE" help:"Hold the change to a compatibility mode: BACKWARD, FORWARD or FULL."`
	Format   string `enum:"text,markdown" default:"text" help:"text, or markdown for a pull request. Default: ${default}."`
	jsonFlag
}

func (contractDiffCommand) Help() string {
	return `Tells every change, for whom it breaks something, which version it demands and, with --exchange, whom it really touches: a removed column that no partner sees affects nobody. Breaking for producers is what refuses data that was accepted; breaking for consumers what lets through data that was not.

Ends with exit code 1 where the new version says less than the changes demand (3.0.0 instead of 2.4.1), where --mode is broken, or where the exchange would not be in order.

Examples:

    sallyport contract diff main:contracts/payments.odcs.yaml contracts/payments.odcs.yaml
    sallyport contract diff old.odcs.yaml new.odcs.yaml --exchange . --mode FULL
    sallyport contract diff old.odcs.yaml new.odcs.yaml --exchange . --format markdown > comment.md`
}

// Run compares the versions.
func (c contractDiffCommand) Run(s *session) error {
	mode := diff.NoMode
	if c.Mode != "" {
		var err error
		if mode, err = diff.ParseMode(c.Mode); err != nil {
			return usageError{err}
		}
	}
	oldText, oldDoc, err := versionAt(s, c.Old)
	if err != nil {
		return err
	}
	newText, newDoc, err := versionAt(s, c.New)
	if err != nil {
		return err
	}
	d := newDiffered(diff.Compare(oldDoc, newDoc), mode)
	if c.Exchange != "" {
		old, new, broken, err := impact.Sides(os.DirFS(c.Exchange), oldText, newText)
		if err != nil {
			return err
		}
		var problems yamldoc.Problems
		switch {
		case errors.As(broken, &problems):
			d.Problems = append(d.Problems, problems...)
		case broken != nil:
			return broken
		}
		d.touch(impact.Of(d.report, old, new))
	}
	if d.TooSmall || len(d.Breaks) > 0 || len(d.Problems) > 0 {
		s.code = Failed
	}
	switch {
	case c.JSON:
		return s.json(d)
	case c.Format == "markdown":
		s.out.Printf("%s", d.markdown())
		return nil
	}
	d.show(s.out)
	return nil
}

// versionAt reads a contract from a file, or from a revision of the repository.
func versionAt(s *session, name string) ([]byte, *contract.Contract, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) && strings.Contains(name, ":") {
		text, err = revision.File(s, ".", name)
	}
	if err != nil {
		return nil, nil, err
	}
	doc, err := contract.Parse(filepath.Base(name), text)
	return text, doc, err
}

// differed is what a change of a contract comes to.
type differed struct {
	Contract   string           `json:"contract"`
	OldVersion string           `json:"oldVersion"`
	NewVersion string           `json:"newVersion"`
	Demands    diff.Level       `json:"demands"`
	TooSmall   bool             `json:"tooSmall"`       // the new version says less
	Mode       diff.Mode        `json:"mode,omitempty"` // that was asked for
	Breaks     []string         `json:"breaks,omitempty"`
	Changes    []differing      `json:"changes"`
	Problems   yamldoc.Problems `json:"problems,omitempty"` // of the exchange with the other version

	report  diff.Report
	touched bool // whom it touches is known
}

// differing is one change.
type differing struct {
	Where    string           `json:"where,omitempty"` // object.property; "" for the contract
	Kind     string           `json:"kind"`
	Old      string           `json:"old,omitempty"`
	New      string           `json:"new,omitempty"`
	Breaks   []string         `json:"breaks,omitempty"` // producers, consumers
	Exposes  bool             `json:"exposes,omitempty"`
	Demands  diff.Level       `json:"demands"`
	Why      string           `json:"why,omitempty"`
	Affected []impact.Touched `json:"affected"` // null: not asked for

	change diff.Change
}

func newDiffered(r diff.Report, mode diff.Mode) *differed {
	d := &differed{Contract: r.ID, OldVersion: r.OldVersion, NewVersion: r.NewVersion, Demands: r.Demands, TooSmall: r.TooSmall(), Changes: []differing{}, report: r}
	if mode != diff.NoMode {
		d.Mode = mode
	}
	for _, v := range mode.Breaks(r) {
		d.Breaks = append(d.Breaks, strings.TrimSpace(v.Change.Where()+" "+v.Change.Kind))
	}
	for _, c := range r.Changes {
		one := differing{Where: c.Where(), Kind: c.Kind, Old: c.Old, New: c.New, Exposes: c.Exposes, Demands: c.Level, Why: c.Why, change: c}
		if c.Class&diff.BreaksProducer != 0 {
			one.Breaks = append(one.Breaks, "producers")
		}
		if c.Class&diff.BreaksConsumer != 0 {
			one.Breaks = append(one.Breaks, "consumers")
		}
		d.Changes = append(d.Changes, one)
	}
	return d
}

// touch adds whom each change touches.
func (d *differed) touch(all [][]impact.Touched) {
	d.touched = true
	for i := range d.Changes {
		d.Changes[i].Affected = append([]impact.Touched{}, all[i]...)
	}
}

// verdict is what the changes come to, in a sentence or more.
func (d *differed) verdict() (sentences []string, bad bool) {
	switch {
	case len(d.Changes) == 0:
		return []string{"Nothing has changed."}, false
	case d.TooSmall:
		sentences, bad = append(sentences, fmt.Sprintf("The changes demand a new %s version: %s says less.", d.Demands, d.NewVersion)), true
	case !d.report.Judged:
		sentences = append(sentences, fmt.Sprintf("The changes demand a new %s version; %s and %s are no semantic versions that could be held to it.", d.Demands, d.OldVersion, d.NewVersion))
	default:
		sentences = append(sentences, fmt.Sprintf("The changes demand a new %s version, and %s is one.", d.Demands, d.NewVersion))
	}
	if len(d.Breaks) > 0 {
		sentences, bad = append(sentences, fmt.Sprintf("Not %s compatible: %s.", d.Mode, strings.Join(d.Breaks, ", "))), true
	} else if d.Mode != "" {
		sentences = append(sentences, fmt.Sprintf("%s compatible.", d.Mode))
	}
	if len(d.Problems) > 0 {
		sentences, bad = append(sentences, fmt.Sprintf("The exchange would not be in order: %s.", show.Count(int64(len(d.Problems)), "problem"))), true
	}
	return sentences, bad
}

// class is for whom a change breaks something, for people.
func (c *differing) class() string {
	switch {
	case len(c.Breaks) > 0:
		return "breaks " + strings.Join(c.Breaks, " and ")
	case c.Exposes:
		return "exposes"
	case c.Demands == diff.Minor:
		return "compatible"
	}
	return "words only"
}

// change is what has changed, for people: "maxLength: 30 -> 20".
func (c *differing) what() string {
	attribute, how := c.change.Attribute(), c.change.How()
	switch how {
	case diff.Added:
		if attribute == "property" || attribute == "object" {
			return strings.TrimSpace(attribute + " added " + parenthesised(c.New))
		}
		return strings.TrimSuffix(attribute+" added: "+c.New, ": ")
	case diff.Removed:
		if attribute == "property" || attribute == "object" {
			return strings.TrimSpace(attribute + " removed " + parenthesised(c.Old))
		}
		return strings.TrimSuffix(attribute+" removed: "+c.Old, ": ")
	}
	if c.Old == "" && c.New == "" {
		return attribute + " " + how
	}
	none := func(text string) string {
		if text == "" {
			return "(none)"
		}
		return text
	}
	return fmt.Sprintf("%s: %s → %s", attribute, none(c.Old), none(c.New))
}

func parenthesised(text string) string {
	if text == "" {
		return ""
	}
	return "(" + text + ")"
}

// affected is whom a change touches, for people.
func (c *differing) affected() string {
	if len(c.Affected) == 0 {
		return "affects nobody"
	}
	all := make([]string, len(c.Affected))
	for i, t := range c.Affected {
		all[i] = t.String()
	}
	return "affects " + strings.Join(all, "; ")
}

// quiet tells changes of which nobody needs to be told.
func (c *differing) quiet() bool { return len(c.Breaks) == 0 && !c.Exposes && c.Demands == diff.Patch }

func (d *differed) show(out *show.Screen) {
	out.Printf("%s %s → %s\n", out.Paint(show.Title, show.Clean(d.Contract)), show.Clean(d.OldVersion), show.Clean(d.NewVersion))
	for i := range d.Changes {
		c := &d.Changes[i]
		style := show.Plain
		switch {
		case len(c.Breaks) > 0:
			style = show.Bad
		case c.Exposes:
			style = show.Changed
		case c.quiet():
			style = show.Faint
		}
		out.Printf("\n%s\n", out.Paint(style, show.Clean(strings.TrimSpace(c.Where+"  "+c.class()))))
		out.Text(2, c.what())
		if c.Why != "" {
			out.Text(2, c.Why)
		}
		if d.touched && !c.quiet() {
			out.Text(2, c.affected())
		}
	}
	sentences, bad := d.verdict()
	out.Printf("\n")
	style := show.Good
	if bad {
		style = show.Bad
	}
	for _, sentence := range sentences {
		for _, line := range wrapped(out, 0, sentence) {
			out.Printf("%s\n", out.Paint(style, line))
		}
	}
	for _, p := range d.Problems {
		out.Text(2, p.Error())
	}
}

// markdown is the comparison for a pull request.
func (d *differed) markdown() string {
	var text strings.Builder
	fmt.Fprintf(&text, "### %s: %s → %s\n\n", inMarkdown(d.Contract), inMarkdown(d.OldVersion), inMarkdown(d.NewVersion))
	sentences, bad := d.verdict()
	mark := "✅"
	if bad {
		mark = "❌"
	}
	fmt.Fprintf(&text, "%s %s\n", mark, inMarkdown(strings.Join(sentences, " ")))
	for _, p := range d.Problems {
		fmt.Fprintf(&text, "- %s\n", inMarkdown(p.Error()))
	}
	if len(d.Changes) == 0 {
		return text.String()
	}
	text.WriteString("\n| Where | Change | Class |")
	if d.touched {
		text.WriteString(" Affected |")
	}
	text.WriteString("\n|---|---|---|")
	if d.touched {
		text.WriteString("---|")
	}
	text.WriteString("\n")
	for i := range d.Changes {
		c := &d.Changes[i]
		where := "the contract"
		if c.Where != "" {
			where = "`" + strings.ReplaceAll(c.Where, "`", "'") + "`"
		}
		what := inMarkdown(c.what())
		if c.Why != "" {
			what += "<br>" + inMarkdown(c.Why)
		}
		class := c.class()
		if len(c.Breaks) > 0 || c.Exposes {
			class = "**" + class + "**"
		}
		fmt.Fprintf(&text, "| %s | %s | %s |", where, what, class)
		if d.touched {
			who := ""
			if !c.quiet() {
				who = inMarkdown(strings.TrimPrefix(c.affected(), "affects "))
			}
			fmt.Fprintf(&text, " %s |", who)
		}
		text.WriteString("\n")
	}
	return text.String()
}

// inMarkdown is text in a cell of a table: nothing in it is markup.
func inMarkdown(text string) string {
	return strings.NewReplacer("\\", "\\\\", "|", "\\|", "<", "&lt;", "*", "\\*", "_", "\\_", "`", "\\`", "[", "\\[", "\n", " ").Replace(show.Clean(text))
}
