package avroschema

import (
	"fmt"
	"strings"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/contract/interop"
)

// plain are the primitive types without a logical type: logicalType and format.
var plain = map[string][2]string{
	"boolean": {"boolean", ""}, "int": {"integer", "i32"}, "long": {"integer", "i64"}, "float": {"number", "f32"}, "double": {"number", "f64"},
	"string": {"string", ""}, "bytes": {"string", "binary"},
}

// logical are the logical types of primitives: the type that each stands on, and
// the logicalType of ODCS.
var logical = map[string]struct{ on, means string }{
	"date": {"int", "date"}, "time-millis": {"int", "time"}, "time-micros": {"long", "time"},
	"timestamp-millis": {"long", "timestamp"}, "timestamp-micros": {"long", "timestamp"}, "timestamp-nanos": {"long", "timestamp"},
	"local-timestamp-millis": {"long", "timestamp"}, "local-timestamp-micros": {"long", "timestamp"}, "local-timestamp-nanos": {"long", "timestamp"},
	"uuid": {"string", "string"},
}

// primitive translates a primitive type; v is its schema where it is more than a
// name.
func (im *importer) primitive(p *contract.Property, name string, v *interop.Value, path string) {
	known, ok := plain[name]
	if !ok { // null alone, or a name from somewhere else
		p.LogicalType, p.Required = "string", false
		im.note(path, fmt.Sprintf("there is no counterpart for the type %q: taken as a string", name))
		return
	}
	p.LogicalType, p.LogicalTypeOptions.Format, p.PhysicalType = known[0], known[1], name
	kind := v.Get("logicalType").Str()
	switch l, known := logical[kind]; {
	case kind == "":
	case kind == "decimal" && name == "bytes":
		im.decimal(p, v, path)
	case known && l.on == name:
		p.LogicalType, p.LogicalTypeOptions.Format, p.PhysicalType = l.means, "", kind
		switch {
		case kind == "uuid":
			p.LogicalTypeOptions.Format = "uuid"
		case l.means == "timestamp":
			zone := !strings.HasPrefix(kind, "local-")
			p.LogicalTypeOptions.Timezone = &zone
		case l.means == "time":
			zone := false
			p.LogicalTypeOptions.Timezone = &zone
		}
	default: // "must be ignored", says the specification
		im.note(path, fmt.Sprintf("the logical type %q of %s is not known", kind, name))
	}
}

// decimal bounds a number by its precision and scale.
func (im *importer) decimal(p *contract.Property, v *interop.Value, path string) {
	p.LogicalType, p.LogicalTypeOptions.Format = "number", ""
	precision, _ := v.Get("precision").Int()
	scale, _ := v.Get("scale").Int()
	p.PhysicalType = fmt.Sprintf("decimal(%d,%d)", precision, scale)
	if scale >= 0 && scale <= 15 {
		step := 1.0
		for range scale {
			step /= 10
		}
		p.LogicalTypeOptions.MultipleOf = tidy(step, scale)
	}
	if whole := precision - scale; whole > 0 && whole <= 15 {
		bound := 1
		for range whole {
			bound *= 10
		}
		p.LogicalTypeOptions.ExclusiveMinimum, p.LogicalTypeOptions.ExclusiveMaximum = -bound, bound
	} else {
		im.note(path, fmt.Sprintf("that it has at most %d digits is not held to", precision))
	}
}

// fixed translates a fixed type.
func (im *importer) fixed(p *contract.Property, v *interop.Value, path string) {
	size, _ := v.Get("size").Int()
	switch kind := v.Get("logicalType").Str(); {
	case kind == "decimal":
		im.decimal(p, v, path)
	case kind == "uuid" && size == 16:
		p.LogicalType, p.LogicalTypeOptions.Format, p.PhysicalType = "string", "uuid", "uuid"
	default:
		p.LogicalType, p.LogicalTypeOptions.Format, p.PhysicalType = "string", "binary", fmt.Sprintf("fixed(%d)", size)
		im.note(path, fmt.Sprintf("that it has %d bytes is not held to", size))
		if kind != "" {
			im.note(path, fmt.Sprintf("the logical type %q of a fixed is not known", kind))
		}
	}
}
