package contract

import "slices"

// Team is who looks after the data. 3.0 writes it as the list of its members;
// such a team is written as a list again, as long as it has nothing else.
type Team struct {
	ID                       string                    `yaml:"id"`
	Name                     string                    `yaml:"name"`
	Description              string                    `yaml:"description"`
	Members                  []TeamMember              `yaml:"members"`
	Tags                     []string                  `yaml:"tags"`
	CustomProperties         []CustomProperty          `yaml:"customProperties"`
	AuthoritativeDefinitions []AuthoritativeDefinition `yaml:"authoritativeDefinitions"`
	// List says that the team was written in 3.0's way.
	List bool `yaml:"-"`
}

// TeamMember is a person, with the days of joining and leaving (2022-08-02).
type TeamMember struct {
	ID                       string                    `yaml:"id"`
	Username                 string                    `yaml:"username"`
	Name                     string                    `yaml:"name"`
	Description              string                    `yaml:"description"`
	Role                     string                    `yaml:"role"`
	DateIn                   string                    `yaml:"dateIn"`
	DateOut                  string                    `yaml:"dateOut"`
	ReplacedByUsername       string                    `yaml:"replacedByUsername"`
	Tags                     []string                  `yaml:"tags"`
	CustomProperties         []CustomProperty          `yaml:"customProperties"`
	AuthoritativeDefinitions []AuthoritativeDefinition `yaml:"authoritativeDefinitions"`
}

// teamKeys is a Team in 3.1's way.
type teamKeys Team

// YAMLForms are the two ways to write a team.
func (*Team) YAMLForms() []any { return []any{teamKeys{}, []TeamMember{}} }

// UnmarshalYAML reads either.
func (t *Team) UnmarshalYAML(unmarshal func(any) error) error {
	var members []TeamMember
	if unmarshal(&members) == nil {
		*t = Team{Members: members, List: true}
		return nil
	}
	return unmarshal((*teamKeys)(t))
}

// MarshalYAML writes the team as it was read.
func (t *Team) MarshalYAML() (any, error) {
	more := *t
	more.Members = nil
	if t.List && more.ID+more.Name+more.Description == "" && len(more.Tags)+len(more.CustomProperties)+len(more.AuthoritativeDefinitions) == 0 {
		return slices.Clone(t.Members), nil
	}
	return teamKeys(*t), nil
}

// Context tells language models and other tools how to use the data (3.2). A
// plain text is the instructions.
type Context struct {
	Instructions       string              `yaml:"instructions"`
	VerifiedStatements []VerifiedStatement `yaml:"verifiedStatements"`
	Constraints        []Constraint        `yaml:"constraints"`
	// Text says that the context was written as a text.
	Text bool `yaml:"-"`
}

// VerifiedStatement is a question, and the answer that is right.
type VerifiedStatement struct {
	ID                       string                    `yaml:"id"`
	Question                 string                    `yaml:"question"`
	Answer                   string                    `yaml:"answer"`
	AuthoritativeDefinitions []AuthoritativeDefinition `yaml:"authoritativeDefinitions"`
	Tags                     []string                  `yaml:"tags"`
	CustomProperties         []CustomProperty          `yaml:"customProperties"`
}

// Constraint is what tools must not do with the data.
type Constraint struct {
	ID                       string                    `yaml:"id"`
	Constraint               string                    `yaml:"constraint"`
	AuthoritativeDefinitions []AuthoritativeDefinition `yaml:"authoritativeDefinitions"`
	Tags                     []string                  `yaml:"tags"`
	CustomProperties         []CustomProperty          `yaml:"customProperties"`
}

// contextKeys is a Context that is a mapping.
type contextKeys Context

// YAMLForms are the two ways to write a context.
func (*Context) YAMLForms() []any { return []any{contextKeys{}, ""} }

// UnmarshalYAML reads either.
func (c *Context) UnmarshalYAML(unmarshal func(any) error) error {
	var text string
	if unmarshal(&text) == nil {
		*c = Context{Instructions: text, Text: true}
		return nil
	}
	return unmarshal((*contextKeys)(c))
}

// MarshalYAML writes the context as it was read.
func (c *Context) MarshalYAML() (any, error) {
	if c.Text && len(c.VerifiedStatements)+len(c.Constraints) == 0 {
		return c.Instructions, nil
	}
	return contextKeys(*c), nil
}
