// Package markdown writes a contract as a page for people, in GitHub Flavored
// Markdown: what the data is for, its columns with their rules, service levels
// and who helps.
package markdown

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/contract/interop"
)

// Write makes the page. Whatever text the contract holds stands on it as text:
// it cannot add HTML, headings or rows of a table.
func Write(c *contract.Contract) []byte {
	p := &page{}
	p.heading(1, cmp.Or(c.Name, c.ID))
	p.table([]string{"", ""}, [][]string{
		{"Id", code(c.ID)}, {"Version", code(c.Version)}, {"Status", text(c.Status)}, {"Domain", text(c.Domain)},
		{"Tenant", text(c.Tenant)}, {"Data product", text(c.DataProduct)}, {"Tags", text(strings.Join(c.Tags, ", "))}, {"Standard", text("ODCS " + c.APIVersion)},
	})
	if d := c.Description; d != nil {
		p.paragraph("Purpose", d.Purpose)
		p.paragraph("Usage", d.Usage)
		p.paragraph("Limitations", d.Limitations)
	}
	for i := range c.Schema {
		p.object(&c.Schema[i])
	}
	p.levels(c)
	p.people(c)
	return []byte(strings.TrimRight(p.String(), "\n") + "\n")
}

type page struct{ strings.Builder }

func (p *page) heading(level int, title string) {
	fmt.Fprintf(p, "%s %s\n\n", strings.Repeat("#", level), text(title))
}

func (p *page) paragraph(label, body string) {
	if body = text(body); body != "" {
		fmt.Fprintf(p, "**%s.** %s\n\n", label, body)
	}
}

// table writes rows whose cells are Markdown. Rows with nothing but their first
// cell are left out where there are two columns, and so are columns without a
// single value.
func (p *page) table(head []string, rows [][]string) {
	if len(head) == 2 && head[1] == "" {
		rows = slices.DeleteFunc(rows, func(r []string) bool { return r[1] == "" })
	}
	if len(rows) == 0 {
		return
	}
	shown := make([]bool, len(head))
	for i := range head {
		shown[i] = i == 0 || slices.ContainsFunc(rows, func(r []string) bool { return r[i] != "" })
	}
	write := func(cells []string) {
		p.WriteString("|")
		for i, cell := range cells {
			if shown[i] {
				p.WriteString(" " + cell + " |")
			}
		}
		p.WriteString("\n")
	}
	rule := make([]string, len(head))
	for i := range rule {
		rule[i] = "---"
	}
	write(head)
	write(rule)
	for _, r := range rows {
		write(r)
	}
	p.WriteString("\n")
}

// object writes one schema object.
func (p *page) object(o *contract.Object) {
	p.heading(2, cmp.Or(o.BusinessName, o.Name))
	if o.BusinessName != "" || o.PhysicalName != "" {
		fmt.Fprintf(p, "Called %s", code(o.Name))
		if o.PhysicalName != "" {
			fmt.Fprintf(p, ", physically %s", code(o.PhysicalName))
		}
		p.WriteString(".\n\n")
	}
	if o.Description != "" {
		p.WriteString(text(o.Description) + "\n\n")
	}
	p.paragraph("One row is", o.DataGranularityDescription)
	if o.Deprecated {
		p.WriteString("> Deprecated.\n\n")
	}
	var columns, checks [][]string
	for _, q := range o.Quality {
		checks = append(checks, quality("the whole", q))
	}
	interop.Walk(o.Properties, "", func(path string, f *contract.Property) {
		columns = append(columns, []string{code(path), kind(f), rules(f), classification(f), about(f)})
		for _, q := range f.Quality {
			checks = append(checks, quality(code(path), q))
		}
	})
	p.table([]string{"Column", "Type", "Rules", "Classification", "Description"}, columns)
	if len(checks) > 0 {
		p.heading(3, "Quality")
		p.table([]string{"Of", "Rule", "Must", "Severity", "Why"}, checks)
	}
	var links [][]string
	for _, r := range o.Relationships {
		links = append(links, []string{names(r.From), names(r.To)})
	}
	interop.Walk(o.Properties, "", func(path string, f *contract.Property) {
		for _, r := range f.Relationships {
			links = append(links, []string{code(path), names(r.To)})
		}
	})
	if len(links) > 0 {
		p.heading(3, "Relationships")
		p.table([]string{"From", "To"}, links)
	}
}

// kind is the type of a property, with its format.
func kind(f *contract.Property) string {
	t := interop.Type(f)
	if t == "array" && f.Items != nil {
		t += " of " + interop.Type(f.Items)
	}
	if f.LogicalTypeOptions.Format != "" {
		return text(t) + " " + code(f.LogicalTypeOptions.Format)
	}
	return text(t)
}

// rules are what a property's values must keep, in words.
func rules(f *contract.Property) string {
	var list []string
	add := func(set bool, format string, args ...any) {
		if set {
			list = append(list, fmt.Sprintf(format, args...))
		}
	}
	o := &f.LogicalTypeOptions
	add(f.PrimaryKey, "**primary key**")
	add(f.Required && !f.PrimaryKey, "**required**")
	add(f.Unique, "unique")
	add(o.MinLength != nil, "at least %s", number(o.MinLength, "character"))
	add(o.MaxLength != nil, "at most %s", number(o.MaxLength, "character"))
	add(o.Pattern != "", "matches %s", code(o.Pattern))
	add(o.Minimum != nil, "≥ %s", value(o.Minimum))
	add(o.ExclusiveMinimum != nil, "&gt; %s", value(o.ExclusiveMinimum))
	add(o.Maximum != nil, "≤ %s", value(o.Maximum))
	add(o.ExclusiveMaximum != nil, "&lt; %s", value(o.ExclusiveMaximum))
	add(o.MultipleOf != nil, "multiple of %s", value(o.MultipleOf))
	add(o.Timezone != nil && *o.Timezone, "with a zone")
	add(o.Timezone != nil && !*o.Timezone, "without a zone")
	add(o.DefaultTimezone != "", "in %s", text(o.DefaultTimezone))
	add(o.MinItems != nil, "at least %s", number(o.MinItems, "item"))
	add(o.MaxItems != nil, "at most %s", number(o.MaxItems, "item"))
	add(o.UniqueItems, "no item twice")
	add(o.MinProperties != nil, "at least %s", number(o.MinProperties, "member"))
	add(o.MaxProperties != nil, "at most %s", number(o.MaxProperties, "member"))
	add(o.Dimensions != nil, "%s", number(o.Dimensions, "dimension"))
	if values := interop.Values(f); len(values) > 0 {
		var words []string
		for _, v := range values[:min(len(values), 12)] {
			words = append(words, value(v))
		}
		if len(values) > 12 {
			words = append(words, fmt.Sprintf("%d more", len(values)-12))
		}
		list = append(list, "one of "+strings.Join(words, ", "))
	}
	return strings.Join(list, "<br>")
}

func number(n *int, what string) string {
	if n == nil {
		return ""
	}
	return interop.Plural(*n, what)
}

func value(v any) string { return code(fmt.Sprint(v)) }

// classification is how a property is to be handled.
func classification(f *contract.Property) string {
	var list []string
	if f.Classification != "" {
		list = append(list, text(f.Classification))
	}
	if f.CriticalDataElement {
		list = append(list, "critical")
	}
	for _, t := range f.Tags {
		list = append(list, code(t))
	}
	return strings.Join(list, " ")
}

// about is what a property means.
func about(f *contract.Property) string {
	var list []string
	if f.Deprecated {
		list = append(list, "**Deprecated.**")
	}
	if f.BusinessName != "" {
		list = append(list, "*"+text(f.BusinessName)+"*")
	}
	if f.Description != "" {
		list = append(list, text(f.Description))
	}
	if len(f.Examples) > 0 {
		var words []string
		for _, e := range f.Examples[:min(len(f.Examples), 3)] {
			words = append(words, value(e))
		}
		list = append(list, "Such as "+strings.Join(words, ", "))
	}
	return strings.Join(list, "<br>")
}

// quality is the row of a rule.
func quality(of string, q contract.Quality) []string {
	rule := cmp.Or(q.Metric, q.Rule, q.Engine)
	what := code(rule)
	switch {
	case q.Query != "":
		what = "SQL " + code(q.Query)
	case rule == "":
		what = text(q.Name)
	}
	if len(q.Arguments.ValidValues) > 0 {
		what += ", valid: " + text(fmt.Sprint(q.Arguments.ValidValues...))
	}
	must := operators(q)
	if must != "" && q.Unit != "" {
		must += " " + text(q.Unit)
	}
	return []string{of, what, must, text(q.Severity), text(cmp.Or(q.Description, q.BusinessImpact))}
}

// operators are the bounds of a metric.
func operators(q contract.Quality) string {
	var list []string
	if q.MustBe != nil {
		list = append(list, "= "+value(q.MustBe))
	}
	if q.MustNotBe != nil {
		list = append(list, "≠ "+value(q.MustNotBe))
	}
	for _, o := range []struct {
		sign  string
		bound *float64
	}{{"&gt;", q.MustBeGreaterThan}, {"≥", q.MustBeGreaterOrEqualTo}, {"&lt;", q.MustBeLessThan}, {"≤", q.MustBeLessOrEqualTo}} {
		if o.bound != nil {
			list = append(list, o.sign+" "+value(*o.bound))
		}
	}
	if len(q.MustBeBetween) == 2 {
		list = append(list, fmt.Sprintf("between %s and %s", value(q.MustBeBetween[0]), value(q.MustBeBetween[1])))
	}
	if len(q.MustNotBeBetween) == 2 {
		list = append(list, fmt.Sprintf("not between %s and %s", value(q.MustNotBeBetween[0]), value(q.MustNotBeBetween[1])))
	}
	return strings.Join(list, ", ")
}

// levels writes what is promised of the service.
func (p *page) levels(c *contract.Contract) {
	var rows [][]string
	for _, s := range c.SLAProperties {
		v := fmt.Sprint(s.Value)
		if s.ValueExt != nil {
			v += " to " + fmt.Sprint(s.ValueExt)
		}
		if s.Unit != "" {
			v += " " + s.Unit
		}
		rows = append(rows, []string{text(s.Property), text(v), text(s.Element), text(s.Driver), text(s.Description)})
	}
	if len(rows) > 0 {
		p.heading(2, "Service levels")
		p.table([]string{"Level", "Value", "Of", "Driver", "Description"}, rows)
	}
}

// people writes where to ask and who may do what.
func (p *page) people(c *contract.Contract) {
	var rows [][]string
	for _, s := range c.Support {
		rows = append(rows, []string{text(s.Channel), text(s.Tool), text(s.Scope), text(s.URL), text(s.Description)})
	}
	if len(rows) > 0 {
		p.heading(2, "Support")
		p.table([]string{"Channel", "Tool", "For", "Where", "Description"}, rows)
	}
	rows = nil
	for _, r := range c.Roles {
		rows = append(rows, []string{text(r.Role), text(r.Access), text(r.FirstLevelApprovers), text(r.SecondLevelApprovers), text(r.Description)})
	}
	if len(rows) > 0 {
		p.heading(2, "Roles")
		p.table([]string{"Role", "Access", "Approved by", "and by", "Description"}, rows)
	}
	rows = nil
	for _, d := range c.AuthoritativeDefinitions {
		rows = append(rows, []string{text(d.Type), text(d.URL), text(d.Description)})
	}
	if len(rows) > 0 {
		p.heading(2, "Definitions")
		p.table([]string{"What", "Where", "Description"}, rows)
	}
}

// names are the ends of a relationship: one or more paths.
func names(v any) string {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var out []string
	for _, n := range list {
		if n != nil {
			out = append(out, value(n))
		}
	}
	return strings.Join(out, ", ")
}

// line is s in one line, without characters that steer a terminal.
func line(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.Join(strings.Fields(s), " "))
}

// text is plain text in one line, with all that Markdown and HTML would take for
// their own escaped.
func text(s string) string {
	s = line(s)
	var b strings.Builder
	for _, r := range s {
		switch r {
		case '&':
			b.WriteString("&amp;")
			continue
		case '<':
			b.WriteString("&lt;")
			continue
		case '>':
			b.WriteString("&gt;")
			continue
		case '\\', '`', '*', '_', '[', ']', '|', '~', '#', '!':
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// code is text as it stands, in the letters of code.
func code(s string) string {
	s = line(s)
	if s == "" {
		return ""
	}
	fence := "`"
	for strings.Contains(s, fence) {
		fence += "`"
	}
	if len(fence) > 1 || s[0] == '`' || s[len(s)-1] == '`' {
		s = " " + s + " "
	}
	// A bar parts cells even inside of code.
	return fence + strings.ReplaceAll(s, "|", `\|`) + fence
}
