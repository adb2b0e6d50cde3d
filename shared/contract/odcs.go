// Package contract reads Open Data Contract Standard documents (ODCS 3.0 to
// 3.2, https://bitol-io.github.io/open-data-contract-standard/) and compiles a
// schema object of one to a validator of rows.
//
// The standard is taken as it is. What Sallyport adds stands in
// customProperties with vendor "sallyport"; what it cannot enforce is said out
// loud (Compiled.Unenforced), never skipped in silence.
package contract

import (
	"slices"
	"strings"

	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// Contract is an ODCS document. Field names are the standard's; what each key is
// good for here is in Attributes, and in docs/odcs.md.
type Contract struct {
	APIVersion               string                    `yaml:"apiVersion"`
	Kind                     string                    `yaml:"kind"`
	ID                       string                    `yaml:"id"`
	Version                  string                    `yaml:"version"`
	Status                   string                    `yaml:"status"`
	Name                     string                    `yaml:"name"`
	Tenant                   string                    `yaml:"tenant"`
	Tags                     []string                  `yaml:"tags"`
	Domain                   string                    `yaml:"domain"`
	DataProduct              string                    `yaml:"dataProduct"`
	Description              *Description              `yaml:"description"`
	Servers                  []Server                  `yaml:"servers"`
	Schema                   []Object                  `yaml:"schema"`
	Support                  []Support                 `yaml:"support"`
	Price                    *Price                    `yaml:"price"`
	Team                     *Team                     `yaml:"team"`
	Roles                    []Role                    `yaml:"roles"`
	SLADefaultElement        string                    `yaml:"slaDefaultElement"`
	SLAProperties            []SLAProperty             `yaml:"slaProperties"`
	AuthoritativeDefinitions []AuthoritativeDefinition `yaml:"authoritativeDefinitions"`
	CustomProperties         []CustomProperty          `yaml:"customProperties"`
	ContractCreatedTs        string                    `yaml:"contractCreatedTs"`
	Context                  *Context                  `yaml:"context"` // 3.2

	doc *yamldoc.Document
}

// Description says what the data is for.
type Description struct {
	Purpose                  string                    `yaml:"purpose"`
	Limitations              string                    `yaml:"limitations"`
	Usage                    string                    `yaml:"usage"`
	AuthoritativeDefinitions []AuthoritativeDefinition `yaml:"authoritativeDefinitions"`
	CustomProperties         []CustomProperty          `yaml:"customProperties"`
}

// Element is what an object and a property have in common.
type Element struct {
	ID                       string                    `yaml:"id"`
	Name                     string                    `yaml:"name"`
	PhysicalType             string                    `yaml:"physicalType"`
	PhysicalName             string                    `yaml:"physicalName"`
	Description              string                    `yaml:"description"`
	BusinessName             string                    `yaml:"businessName"`
	AuthoritativeDefinitions []AuthoritativeDefinition `yaml:"authoritativeDefinitions"`
	Tags                     []string                  `yaml:"tags"`
	CustomProperties         []CustomProperty          `yaml:"customProperties"`
	Relationships            []Relationship            `yaml:"relationships"`
	Quality                  []Quality                 `yaml:"quality"`
	Deprecated               bool                      `yaml:"deprecated"` // 3.2
	Synonyms                 []Synonym                 `yaml:"synonyms"`   // 3.2
	LogicalType              string                    `yaml:"logicalType"`
	Properties               []Property                `yaml:"properties"`
}

// Object is a schema object: a table, a file, a topic.
type Object struct {
	Element                    `yaml:",inline"`
	DataGranularityDescription string   `yaml:"dataGranularityDescription"`
	Context                    *Context `yaml:"context"` // 3.2
}

// Property is a column or a member.
type Property struct {
	Element                `yaml:",inline"`
	PrimaryKey             bool        `yaml:"primaryKey"`
	PrimaryKeyPosition     int         `yaml:"primaryKeyPosition"`
	LogicalTypeOptions     Options     `yaml:"logicalTypeOptions"`
	Required               bool        `yaml:"required"`
	Unique                 bool        `yaml:"unique"`
	Partitioned            bool        `yaml:"partitioned"`
	PartitionKeyPosition   int         `yaml:"partitionKeyPosition"`
	Classification         string      `yaml:"classification"`
	EncryptedName          string      `yaml:"encryptedName"`
	TransformSourceObjects []string    `yaml:"transformSourceObjects"`
	TransformLogic         string      `yaml:"transformLogic"`
	TransformDescription   string      `yaml:"transformDescription"`
	Examples               []any       `yaml:"examples"`
	CriticalDataElement    bool        `yaml:"criticalDataElement"`
	Items                  *Property   `yaml:"items"`
	Enum                   []EnumValue `yaml:"enum"`         // 3.2
	SemanticType           string      `yaml:"semanticType"` // 3.2
	Map                    *Map        `yaml:"map"`          // 3.2
}

// MeantType is the logicalType or, where the document has none, what the property
// is taken for: an object or an array if it says what is in it, else a string.
func (p *Property) MeantType() string {
	switch {
	case p.LogicalType != "":
		return p.LogicalType
	case len(p.Properties) > 0:
		return "object"
	case p.Items != nil:
		return "array"
	}
	return "string"
}

// Map describes the keys and the values of a property of logicalType map (3.2).
type Map struct {
	Key   *Property `yaml:"key"`
	Value *Property `yaml:"value"`
}

// Synonym is another name of an object or property (3.2).
type Synonym struct {
	ID               string           `yaml:"id"`
	Synonym          string           `yaml:"synonym"`
	Description      string           `yaml:"description"`
	Locale           string           `yaml:"locale"` // BCP 47
	Source           string           `yaml:"source"`
	Status           string           `yaml:"status"`
	CustomProperties []CustomProperty `yaml:"customProperties"`
}

// Options are the logicalTypeOptions of every logical type; which of them a
// type takes is checked when the contract is compiled.
type Options struct {
	MinLength        *int     `yaml:"minLength"`
	MaxLength        *int     `yaml:"maxLength"`
	Pattern          string   `yaml:"pattern"`
	Format           string   `yaml:"format"`
	Minimum          any      `yaml:"minimum"`
	Maximum          any      `yaml:"maximum"`
	ExclusiveMinimum any      `yaml:"exclusiveMinimum"`
	ExclusiveMaximum any      `yaml:"exclusiveMaximum"`
	MultipleOf       any      `yaml:"multipleOf"`
	Timezone         *bool    `yaml:"timezone"`
	DefaultTimezone  string   `yaml:"defaultTimezone"`
	MinProperties    *int     `yaml:"minProperties"`
	MaxProperties    *int     `yaml:"maxProperties"`
	Required         []string `yaml:"required"`
	MinItems         *int     `yaml:"minItems"`
	MaxItems         *int     `yaml:"maxItems"`
	UniqueItems      bool     `yaml:"uniqueItems"`
	Dimensions       *int     `yaml:"dimensions"` // vector, 3.2
	ElementType      string   `yaml:"elementType"`
	DistanceMetric   string   `yaml:"distanceMetric"`
	EmbeddingModel   string   `yaml:"embeddingModel"`
	EmbeddingVersion string   `yaml:"embeddingModelVersion"`
	Normalized       *bool    `yaml:"normalized"`
}

// EnumValue is one value that a property may have.
type EnumValue struct {
	Value                    any                       `yaml:"value" write:"always"`
	Label                    string                    `yaml:"label"`
	ID                       string                    `yaml:"id"`
	Description              string                    `yaml:"description"`
	Tags                     []string                  `yaml:"tags"`
	CustomProperties         []CustomProperty          `yaml:"customProperties"`
	AuthoritativeDefinitions []AuthoritativeDefinition `yaml:"authoritativeDefinitions"`
}

// Quality is a data quality rule.
type Quality struct {
	ID                       string                    `yaml:"id"`
	Name                     string                    `yaml:"name"`
	Description              string                    `yaml:"description"`
	Type                     string                    `yaml:"type"` // text, library (default), sql, custom
	Metric                   string                    `yaml:"metric"`
	Rule                     string                    `yaml:"rule"` // deprecated: metric
	Arguments                Arguments                 `yaml:"arguments"`
	ValidValues              []any                     `yaml:"validValues"` // 3.0; then arguments.validValues
	Unit                     string                    `yaml:"unit"`        // rows, percent
	Dimension                string                    `yaml:"dimension"`
	Method                   string                    `yaml:"method"`
	Severity                 string                    `yaml:"severity"`
	BusinessImpact           string                    `yaml:"businessImpact"`
	Scheduler                string                    `yaml:"scheduler"`
	Schedule                 string                    `yaml:"schedule"`
	Tags                     []string                  `yaml:"tags"`
	AuthoritativeDefinitions []AuthoritativeDefinition `yaml:"authoritativeDefinitions"`
	CustomProperties         []CustomProperty          `yaml:"customProperties"`
	Query                    string                    `yaml:"query"`
	Engine                   string                    `yaml:"engine"`
	Implementation           any                       `yaml:"implementation"`
	Operators                `yaml:",inline"`
}

// Operators compare a metric with a bound.
type Operators struct {
	MustBe                 any       `yaml:"mustBe"`
	MustNotBe              any       `yaml:"mustNotBe"`
	MustBeGreaterThan      *float64  `yaml:"mustBeGreaterThan"`
	MustBeGreaterOrEqualTo *float64  `yaml:"mustBeGreaterOrEqualTo"`
	MustBeLessThan         *float64  `yaml:"mustBeLessThan"`
	MustBeLessOrEqualTo    *float64  `yaml:"mustBeLessOrEqualTo"`
	MustBeBetween          []float64 `yaml:"mustBeBetween"`
	MustNotBeBetween       []float64 `yaml:"mustNotBeBetween"`
}

// Arguments are those of the library metrics; others are kept in More.
type Arguments struct {
	ValidValues   []any          `yaml:"validValues"`
	MissingValues []any          `yaml:"missingValues"`
	Pattern       string         `yaml:"pattern"`
	Properties    []string       `yaml:"properties"`
	More          map[string]any `yaml:",inline"`
}

// Relationship is a foreign key.
type Relationship struct {
	ID               string           `yaml:"id"`
	Type             string           `yaml:"type"`
	From             any              `yaml:"from"`
	To               any              `yaml:"to"`
	CustomProperties []CustomProperty `yaml:"customProperties"`
}

// CustomProperty is an extension. Those of other vendors are left alone.
type CustomProperty struct {
	ID          string `yaml:"id"`
	Property    string `yaml:"property"`
	Value       any    `yaml:"value" write:"always"`
	Description string `yaml:"description"`
	Vendor      string `yaml:"vendor"` // 3.2; ours is "sallyport"
}

// Ours tells whether the property is one of Sallyport's own.
func (p CustomProperty) Ours() bool { return strings.EqualFold(p.Vendor, vendor) }

// AuthoritativeDefinition links to where something is defined.
type AuthoritativeDefinition struct {
	ID          string `yaml:"id"`
	URL         string `yaml:"url"`
	Type        string `yaml:"type"`
	Description string `yaml:"description"`
}

// Support is a channel by which users are helped.
type Support struct {
	ID               string           `yaml:"id"`
	Channel          string           `yaml:"channel"`
	URL              string           `yaml:"url"`
	Description      string           `yaml:"description"`
	Tool             string           `yaml:"tool"`
	Scope            string           `yaml:"scope"`
	InvitationURL    string           `yaml:"invitationUrl"`
	CustomProperties []CustomProperty `yaml:"customProperties"`
}

// Price is what the data costs.
type Price struct {
	ID            string   `yaml:"id"`
	PriceAmount   *float64 `yaml:"priceAmount"`
	PriceCurrency string   `yaml:"priceCurrency"`
	PriceUnit     string   `yaml:"priceUnit"`
}

// Role is an access role.
type Role struct {
	ID                   string           `yaml:"id"`
	Role                 string           `yaml:"role"`
	Description          string           `yaml:"description"`
	Access               string           `yaml:"access"`
	FirstLevelApprovers  string           `yaml:"firstLevelApprovers"`
	SecondLevelApprovers string           `yaml:"secondLevelApprovers"`
	CustomProperties     []CustomProperty `yaml:"customProperties"`
}

// SLAProperty is a service level.
type SLAProperty struct {
	ID                       string                    `yaml:"id"`
	Property                 string                    `yaml:"property"`
	Value                    any                       `yaml:"value" write:"always"`
	ValueExt                 any                       `yaml:"valueExt"`
	Unit                     string                    `yaml:"unit"`
	Element                  string                    `yaml:"element"`
	Driver                   string                    `yaml:"driver"`
	Description              string                    `yaml:"description"`
	Scheduler                string                    `yaml:"scheduler"`
	Schedule                 string                    `yaml:"schedule"`
	CustomProperties         []CustomProperty          `yaml:"customProperties"`
	AuthoritativeDefinitions []AuthoritativeDefinition `yaml:"authoritativeDefinitions"`
}

// Problem is a problem at a path of the document ("schema[0].properties[3]").
func (c *Contract) Problem(path, message, hint string) yamldoc.Problem {
	if c.doc == nil {
		return yamldoc.Problem{Path: path, Message: message, Hint: hint}
	}
	return c.doc.Problem(path, message, hint)
}

// Object finds a schema object by name; nil if there is none. "" finds the only
// one.
func (c *Contract) Object(name string) *Object {
	if name == "" && len(c.Schema) == 1 {
		return &c.Schema[0]
	}
	for i := range c.Schema {
		if c.Schema[i].Name == name {
			return &c.Schema[i]
		}
	}
	return nil
}

// vendor is how Sallyport's own customProperties are marked, in any case.
const vendor = "sallyport"

// ours finds the index of a custom property of ours; -1 if there is none.
func ours(props []CustomProperty, name string) int {
	return slices.IndexFunc(props, func(p CustomProperty) bool {
		return p.Ours() && p.Property == name
	})
}
