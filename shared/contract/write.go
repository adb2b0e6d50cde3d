package contract

import "github.com/sallyport-io/sallyport/shared/yamldoc"

// Encode writes a contract as YAML. One that was built in Go is written in the
// order of the standard's own examples, without the fields that are zero. One
// that was parsed, and perhaps changed since, keeps what has not changed as it
// stood: comments, order of keys, digits, keys that say their default, and what
// other vendors added. Blank lines and the width of indentation are not kept.
//
// A number that is too long for a float64 keeps its digits where it was parsed,
// or as a json.Number.
func Encode(c *Contract) ([]byte, error) {
	if c.doc != nil {
		return c.doc.Encode(c)
	}
	return yamldoc.Encode(c)
}

// Document is the text of a parsed contract, to be edited in place; nil where
// the contract was built in Go. The contract itself does not follow its edits:
// write the document with Bytes, and parse that.
func (c *Contract) Document() *yamldoc.Document { return c.doc }

// elementOrder is the order in which the keys of an object or property are written.
func elementOrder() []string {
	return []string{"id", "name", "physicalName", "businessName", "logicalType", "physicalType", "description", "dataGranularityDescription",
		"primaryKey", "primaryKeyPosition", "required", "unique", "classification", "logicalTypeOptions", "enum", "examples",
		"semanticType", "criticalDataElement", "deprecated", "partitioned", "partitionKeyPosition", "encryptedName",
		"transformSourceObjects", "transformLogic", "transformDescription", "tags", "synonyms", "authoritativeDefinitions",
		"customProperties", "context", "relationships", "quality", "map", "items", "properties"}
}

// YAMLOrder has what a property is before what it is made of.
func (Property) YAMLOrder() []string { return elementOrder() }

// YAMLOrder has what an object is before what it is made of.
func (Object) YAMLOrder() []string { return elementOrder() }
