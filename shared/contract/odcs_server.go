package contract

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/sallyport-io/sallyport/shared/yamldoc"
)

// Server is where the data lies. Which keys it has goes by its type.
type Server struct {
	Server           string           `yaml:"server"`
	ID               string           `yaml:"id"`
	Type             string           `yaml:"type"`
	Description      string           `yaml:"description"`
	Environment      string           `yaml:"environment"`
	Account          string           `yaml:"account"`
	Catalog          string           `yaml:"catalog"`
	CatalogURL       string           `yaml:"catalogUrl"` // 3.2
	Database         string           `yaml:"database"`
	Dataset          string           `yaml:"dataset"`
	Delimiter        string           `yaml:"delimiter"`
	Encoding         string           `yaml:"encoding"` // 3.2
	EndpointURL      string           `yaml:"endpointUrl"`
	Format           string           `yaml:"format"`
	Host             string           `yaml:"host"`
	Location         string           `yaml:"location"`
	Namespace        string           `yaml:"namespace"` // 3.2
	Path             string           `yaml:"path"`
	Port             any              `yaml:"port"` // a number; 3.2: or a text such as "${DB_PORT}"
	Project          string           `yaml:"project"`
	Region           string           `yaml:"region"`
	RegionName       string           `yaml:"regionName"`
	Schema           string           `yaml:"schema"`
	ServiceName      string           `yaml:"serviceName"`
	StagingDir       string           `yaml:"stagingDir"`
	Stream           string           `yaml:"stream"`
	Warehouse        string           `yaml:"warehouse"`
	Workgroup        string           `yaml:"workgroup"` // 3.2
	Roles            []Role           `yaml:"roles"`
	CustomProperties []CustomProperty `yaml:"customProperties"`
	// More are keys that the standard does not have: 3.0 allows them.
	More map[string]any `yaml:",inline"`
}

// ServerType is a type of server of the standard.
type ServerType struct {
	Type     string
	Since    string   // version of the standard
	Required []string // keys that both the text and the schema of the standard require
	Optional []string // keys that either knows
}

// ServerTypes are those of 3.2, by name. Where the text and the schema of the
// standard differ, a key that one of them knows is taken and a key that one of
// them can do without is not asked for.
func ServerTypes() []ServerType {
	of := func(since, name, required, optional string) ServerType {
		return ServerType{Type: name, Since: since, Required: strings.Fields(required), Optional: strings.Fields(optional)}
	}
	return []ServerType{
		of("v3.0.0", "api", "location", ""),
		of("v3.0.0", "athena", "schema", "stagingDir catalog regionName workgroup"),
		of("v3.0.0", "azure", "location format", "delimiter encoding"),
		of("v3.0.0", "bigquery", "project dataset", ""),
		of("v3.0.0", "clickhouse", "host port database", ""),
		of("v3.0.0", "cloudsql", "host port database schema", ""),
		of("v3.0.0", "custom", "", "account catalog database dataset delimiter encoding endpointUrl format host location path port project "+
			"region regionName schema serviceName stagingDir stream warehouse"),
		of("v3.0.0", "databricks", "catalog schema", "host"),
		of("v3.0.0", "db2", "host port database", "schema"),
		of("v3.0.0", "denodo", "host port", "database"),
		of("v3.0.0", "dremio", "host port", "schema"),
		of("v3.0.0", "duckdb", "database", "schema"),
		of("v3.2.0", "exasol", "host", "port schema"),
		of("v3.0.0", "glue", "account database", "location format encoding"),
		of("v3.2.0", "hana", "host", "port database schema"),
		of("v3.1.0", "hive", "host database", "port"),
		of("v3.2.0", "iceberg", "catalog catalogUrl", "namespace warehouse"),
		of("v3.1.0", "impala", "host database", "port"),
		of("v3.0.0", "informix", "host database", "port"),
		of("v3.0.0", "kafka", "host", "format encoding"),
		of("v3.0.0", "kinesis", "", "stream region format encoding"),
		of("v3.0.0", "local", "path format", "encoding"),
		of("v3.0.0", "mysql", "host database", "port"),
		of("v3.0.0", "oracle", "host port serviceName", ""),
		of("v3.0.0", "postgres", "host database", "port schema"),
		of("v3.0.0", "postgresql", "host database", "port schema"),
		of("v3.0.0", "presto", "host", "catalog schema"),
		of("v3.0.0", "pubsub", "project", ""),
		of("v3.0.0", "redshift", "database schema", "host region account"),
		of("v3.0.0", "s3", "location", "endpointUrl format delimiter encoding"),
		of("v3.0.0", "sftp", "location", "format delimiter encoding"),
		of("v3.0.0", "snowflake", "account database schema", "host port warehouse"),
		of("v3.0.0", "sqlserver", "host database schema", "port"),
		of("v3.0.0", "synapse", "host port database", ""),
		of("v3.2.0", "teradata", "host", "port database"),
		of("v3.0.0", "trino", "host port catalog schema", ""),
		of("v3.0.0", "vertica", "host port database schema", ""),
		of("v3.1.0", "zen", "host database", "port"),
	}
}

// common are the keys that a server of any type has.
func (ServerType) common() []string {
	return []string{"server", "id", "type", "description", "environment", "roles", "customProperties"}
}

// set are the keys of a server that have a value.
func (s *Server) set() map[string]bool {
	keys := map[string]bool{}
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		if name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ","); name != "" && !v.Field(i).IsZero() {
			keys[name] = true
		}
	}
	for key := range s.More {
		keys[key] = true
	}
	return keys
}

// server holds a server to its type. 3.0's schema leaves servers open, so that
// in its documents only what looks like a slip is refused.
func (p *parser) server(s *Server, path string) {
	p.need(s.Server != "", path, "a server", "server", "what it is called")
	all := ServerTypes()
	i := slices.IndexFunc(all, func(t ServerType) bool { return t.Type == s.Type })
	switch {
	case s.Type == "":
		p.need(false, path, "a server", "type", "such as s3")
		return
	case i < 0:
		names := make([]string, len(all))
		for i, t := range all {
			names[i] = t.Type
		}
		hint := "custom takes any"
		switch near := yamldoc.Nearest(s.Type, names); {
		case s.Type == "gcs":
			hint = "the standard has none: custom, or s3 with an endpointUrl"
		case s.Type == "sqs" || s.Type == "sns":
			hint = "the standard has none: custom"
		case near != "":
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		p.add(path+".type", fmt.Sprintf("%q is not a type of server", s.Type), hint)
		return
	}
	t, there := all[i], s.set()
	for _, key := range t.Required {
		p.need(there[key], path, "a server of type "+s.Type, key, "")
	}
	known := slices.Concat(t.common(), t.Required, t.Optional)
	every := known
	for _, other := range all {
		every = append(every, slices.Concat(other.Required, other.Optional)...)
	}
	for _, key := range slices.Sorted(maps.Keys(there)) {
		near := yamldoc.Nearest(key, known)
		switch {
		case slices.Contains(known, key) || !p.since("v3.1.0") && slices.Contains(every, key):
		case near != "":
			p.add(path+"."+key, fmt.Sprintf("unknown key %q", key), fmt.Sprintf("did you mean %q?", near))
		case p.since("v3.1.0"):
			p.add(path+"."+key, fmt.Sprintf("a server of type %s has no key %q", s.Type, key), "known here: "+strings.Join(known, ", "))
		}
	}
	switch port := s.Port.(type) {
	case nil, string:
	case int:
		if port < 1 || port > 65535 {
			p.add(path+".port", "is not a port", "1 to 65535")
		}
	default:
		p.add(path+".port", "must be a whole number", `or a text such as "${DB_PORT}"`)
	}
	if s.Type == "sftp" && s.Location != "" && !strings.HasPrefix(s.Location, "sftp://") {
		p.add(path+".location", "is not an sftp URL", "sftp://host/path")
	}
}
