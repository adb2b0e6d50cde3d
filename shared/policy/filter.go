package policy

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/parser"

	"github.com/sallyport-io/sallyport/shared/record"
	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// maxCost bounds what a filter may cost on one row, in CEL's units of cost, so
// that no row makes a filter run away: about twenty thousand items looked at, or
// some ten milliseconds. It is a count and not a time, so that the same row
// always has the same answer. CEL's own accounting takes time in proportion to
// the square of it, which is why it is not larger.
const maxCost = 100_000

// maxFilter bounds the text of a filter, in code points.
const maxFilter = 64 << 10

// Filter is the row filter of a view: a CEL expression over the raw values of a
// row. It does not change and may be shared; each goroutine asks it for a
// Matcher of its own.
//
// The variables are the row's own fields under their names. A string, date or
// time is a string, an integer an int, a number a double, a boolean a bool, a
// timestamp a timestamp (without a zone: UTC) unless the contract gives it a
// format of its own, which makes it a string, an array a list; an object has its
// members as fields.
//
// A null and a field that is not there are the same: has(field) is false, and
// anything else that is asked of them is an error, as is a value that does not
// fit its type. What a filter says of a row is what CEL says: an error ends in
// an error unless the other side of || or && decides. A row for which the
// filter ends in an error, or costs too much, does not match: filters fail
// closed.
type Filter struct {
	text    string
	schema  *record.Schema
	types   []record.Type // what a filter takes the fields for
	cond    cond          // nil: only the program can tell
	slots   int
	reads   []int // the columns that it names
	program cel.Program
}

// String is the filter as it was written.
func (f *Filter) String() string { return f.text }

// Reads are the ids of the top-level fields that the filter names, in order.
func (f *Filter) Reads() []int { return f.reads }

// Matcher matches rows for one goroutine.
func (f *Filter) Matcher() *Matcher {
	return &Matcher{filter: f, hints: make([]uint32, f.slots)}
}

// Equality tells that the filter is nothing but a top-level string field being
// one of some constants (field == "x", field in ["x", "y"], or several of
// these with || between them), so that rows can be routed by looking their
// value up. The values are sorted, each one once; they must not be changed.
func (f *Filter) Equality() (field int, values [][]byte, ok bool) {
	field, values, ok = equality(f.cond)
	if !ok {
		return 0, nil, false
	}
	values = slices.Clone(values)
	slices.SortFunc(values, bytes.Compare)
	return field, slices.CompactFunc(values, bytes.Equal), true
}

// Matcher matches rows against a Filter. It is for one goroutine at a time, and
// holds nothing of a batch between calls.
type Matcher struct {
	filter *Filter
	hints  []uint32    // per slot: how far into its row the field was found last
	spare  []byte      // for values whose escapes are resolved
	none   record.Node // stands for a value that is not there

	batch *record.Batch
	row   *record.Row
}

// Match reports whether the row-th row of the batch is one that the filter lets
// through. A row that is not well formed never is.
func (m *Matcher) Match(b *record.Batch, row int) bool {
	m.batch, m.row = b, &b.Rows[row]
	defer func() { m.batch, m.row = nil, nil }()
	if m.row.Bad != "" {
		return false
	}
	if m.filter.cond != nil {
		return m.filter.cond.eval(m) == yes
	}
	return m.run() == yes
}

// run asks CEL.
func (m *Matcher) run() truth {
	out, _, err := m.filter.program.Eval(activation{m})
	switch {
	case err != nil || types.IsUnknownOrError(out):
		return unknown
	case out == types.True:
		return yes
	}
	return no
}

// filterEnv is what the filters of one schema are compiled in.
type filterEnv struct {
	schema *record.Schema
	types  []record.Type
	env    *cel.Env
}

// newFilterEnv makes the environment of a schema. own tells which timestamps
// are written in a format of their own.
func newFilterEnv(s *record.Schema, own func(field int) bool) (*filterEnv, error) {
	fields := make([]record.Type, len(s.Fields))
	for id, f := range s.Fields {
		if fields[id] = f.Type; f.Type == record.Timestamp && own(id) {
			fields[id] = record.String
		}
	}
	provider, err := newTypeProvider(s, fields)
	if err != nil {
		return nil, err
	}
	options := []cel.EnvOption{
		cel.CustomTypeProvider(provider),
		cel.CustomTypeAdapter(provider),
		cel.Macros(parser.NewGlobalMacro("has", 1, expandHas)),
		cel.CrossTypeNumericComparisons(true),
		cel.EnableIdentifierEscapeSyntax(),
		cel.DefaultUTCTimeZone(true),
		cel.ParserExpressionSizeLimit(maxFilter),
		cel.ASTValidators(cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals(), cel.ValidateRegexLiterals(),
			cel.ValidateHomogeneousAggregateLiterals(), cel.ValidateComprehensionNestingLimit(4)),
		cel.Variable(rowVariable, provider.celType(0)),
	}
	for _, id := range s.Columns() {
		options = append(options, cel.Variable(s.Fields[id].Name, provider.celType(id)))
	}
	env, err := cel.NewEnv(options...)
	if err != nil {
		return nil, err
	}
	return &filterEnv{schema: s, types: fields, env: env}, nil
}

// rowVariable holds the row. No expression can spell it: only has(field)
// expands to it.
const rowVariable = "@row"

// expandHas is CEL's macro, which takes a.b only, widened to the variables: they
// are the members of a row.
func expandHas(h parser.ExprHelper, target ast.Expr, args []ast.Expr) (ast.Expr, *common.Error) {
	if args[0].Kind() == ast.IdentKind {
		return h.NewPresenceTest(h.NewIdent(rowVariable), args[0].AsIdent()), nil
	}
	return parser.MakeHas(h, target, args)
}

// compile makes a filter of its text. problem makes a problem of a message and
// a hint.
func (e *filterEnv) compile(text string, problem func(message, hint string) yamldoc.Problem) (*Filter, []yamldoc.Problem) {
	tree, issues := e.env.Compile(text)
	if issues.Err() != nil {
		var problems []yamldoc.Problem
		for _, err := range issues.Errors() {
			problems = append(problems, problem(at(err.Location)+": "+strings.TrimSpace(err.Message), e.hint(err.Message)))
		}
		return nil, problems
	}
	if tree.OutputType() != cel.BoolType {
		return nil, []yamldoc.Problem{problem(fmt.Sprintf("the filter is of type %s, it must be bool", tree.OutputType()), "compare it with something")}
	}
	native := tree.NativeRep()
	if id, found := comparesObjects(native); found {
		return nil, []yamldoc.Problem{problem(at(native.SourceInfo().GetStartLocation(id))+": objects cannot be compared", "compare their members")}
	}
	program, err := e.env.Program(tree, cel.CostLimit(maxCost), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, []yamldoc.Problem{problem(err.Error(), "")}
	}
	f := &Filter{text: text, schema: e.schema, types: e.types, reads: columnsRead(native, e.schema), program: program}
	c := planner{schema: e.schema, types: e.types}
	if root, ok := c.plan(native.Expr()); ok {
		f.cond, f.slots = root, c.slots
	}
	return f, nil
}

// at words a place in the text of a filter.
func at(l common.Location) string {
	if l.Line() > 1 {
		return fmt.Sprintf("in line %d of the filter at character %d", l.Line(), l.Column()+1)
	}
	return fmt.Sprintf("at character %d of the filter", l.Column()+1)
}

var (
	undeclared = regexp.MustCompile(`undeclared reference to '([^']*)'|undefined field '([^']*)'`)
	nullTyped  = regexp.MustCompile(`'_[!=]=_' applied to '\((null, |.*, null\))`)
	mixedTyped = regexp.MustCompile(`applied to '\((double, int|int, double|double, list\(int\)|int, list\(double\))\)'`)
)

// hint guesses what was meant by what CEL complains about.
func (e *filterEnv) hint(message string) string {
	if m := undeclared.FindStringSubmatch(message); m != nil {
		var names []string
		for _, f := range e.schema.Fields[1:] {
			if f.Name != "" && (m[2] != "" || f.Parent == 0) {
				names = append(names, f.Name)
			}
		}
		if near := yamldoc.Nearest(m[1]+m[2], names); near != "" {
			return fmt.Sprintf("did you mean %q?", near)
		}
		return "the variables of a filter are the row's own fields"
	}
	switch {
	case nullTyped.MatchString(message):
		return "ask for null with has(field) or !has(field)"
	case mixedTyped.MatchString(message):
		return "write the constant like the field: 1 for an integer, 1.0 for a number"
	}
	return ""
}

// columnsRead are the top-level fields that a filter names. A variable of a macro
// that has the name of a field counts as well: rather one too many.
func columnsRead(tree *ast.AST, s *record.Schema) []int {
	var reads []int
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.IdentKind {
			return
		}
		if field := s.Member(0, []byte(e.AsIdent())); field >= 0 && !slices.Contains(reads, field) {
			reads = append(reads, field)
		}
	}))
	slices.Sort(reads)
	return reads
}

// comparesObjects finds an equality or a membership between objects: CEL would
// take it, but there is no telling when two spans of text are the same object.
func comparesObjects(tree *ast.AST) (id int64, found bool) {
	var holdsObject func(t *types.Type) bool
	holdsObject = func(t *types.Type) bool {
		return t.Kind() == types.StructKind || slices.ContainsFunc(t.Parameters(), holdsObject)
	}
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind || found {
			return
		}
		switch e.AsCall().FunctionName() {
		case "_==_", "_!=_", "@in":
			for _, arg := range e.AsCall().Args() {
				if holdsObject(tree.GetType(arg.ID())) {
					id, found = e.ID(), true
				}
			}
		}
	}))
	return id, found
}
