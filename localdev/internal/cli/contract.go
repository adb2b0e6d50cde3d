package cli

// contractCommand works on contracts alone, without an exchange.
type contractCommand struct {
	Diff   contractDiffCommand   `cmd:"" help:"Compare two versions of a contract: what breaks, and for whom."`
	Infer  contractInferCommand  `cmd:"" help:"Start a contract from a sample file."`
	Import contractImportCommand `cmd:"" help:"Start a contract from JSON Schema, Avro or a schema registry."`
	Export contractExportCommand `cmd:"" help:"Write a contract as JSON Schema, Avro or Markdown."`
}
