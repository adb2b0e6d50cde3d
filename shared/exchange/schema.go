package exchange

import (
	"embed"
	"io/fs"
)

// The schemas are generated from the structs of this package by
// go test ./shared/exchange -update.
//
//go:embed schema/*.schema.json
var schemas embed.FS

// Schemas are the JSON Schemas (2020-12) of the documents of the folder, for
// editors: exchange.schema.json, partner.schema.json, profile.schema.json and
// migration.schema.json.
// They say the form of a document; what only holds between documents Load says.
func Schemas() fs.FS {
	sub, err := fs.Sub(schemas, "schema")
	if err != nil {
		return schemas // "schema" is a valid path: fs.Sub has no other error
	}
	return sub
}
