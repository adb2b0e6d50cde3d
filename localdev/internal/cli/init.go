package cli

import (
	"github.com/sallyport-io/sallyport/localdev/internal/local"
	"github.com/sallyport-io/sallyport/localdev/internal/show"
)

type initCommand struct {
	Dir string `arg:"" help:"Folder to write into. It must be empty, or not there yet."`
	jsonFlag
}

func (initCommand) Help() string {
	return `Writes three contracts, the partners that drop and receive data under them, masking profiles, and the JSON Schemas by which an editor checks and completes the files. Every line that is not obvious has a comment: change it into your own.

Examples:

    sallyport init myexchange
    cd myexchange && git init && sallyport check`
}

// Run writes the example.
func (c initCommand) Run(s *session) error {
	files, err := local.WriteExample(c.Dir)
	if err != nil {
		return err
	}
	if c.JSON {
		return s.json(struct {
			Dir   string   `json:"dir"`
			Files []string `json:"files"`
		}{c.Dir, files})
	}
	for _, f := range files {
		s.out.Printf("  %s\n", show.Clean(f))
	}
	s.out.Printf("%s written into %s\n", show.Count(int64(len(files)), "file"), s.out.Paint(show.Title, c.Dir))
	s.out.Printf("  %s says what leaves to whom, and how\n", s.out.Paint(show.Accent, "sallyport check "+c.Dir))
	s.out.Printf("  %s runs it\n", s.out.Paint(show.Accent, "sallyport up "+c.Dir))
	return nil
}
