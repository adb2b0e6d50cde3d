// Command sallyport runs an exchange on one machine. See sallyport --help.
package main

import (
	"os"

	"github.com/sallyport-io/sallyport/localdev/internal/cli"
)

func main() { os.Exit(cli.Main()) }
