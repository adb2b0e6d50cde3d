package cli

import "github.com/sallyport-io/sallyport/localdev/internal/demo"

type demoCommand struct {
	Dir     string `placeholder:"DIR" help:"Write the exchange into this folder, and leave it there. It must be empty or not there yet. Default: a temporary folder."`
	Keep    bool   `help:"Leave the temporary folder."`
	Verbose bool   `short:"v" help:"Show what the chain logs."`
}

func (demoCommand) Help() string {
	return `A manufacturer shows distributors its stock, a bank has its payments searched for fraud, a hospital shares patients with a study: each story is dropped as a file, goes through the whole chain, and is shown as it was dropped and as each partner received it.

Examples:

    sallyport demo
    sallyport demo --dir mydemo`
}

// Run runs the demo.
func (c demoCommand) Run(s *session) error {
	return demo.Run(s, s.out, demo.Options{Dir: c.Dir, Keep: c.Keep, Logger: s.logger(c.Verbose)})
}
