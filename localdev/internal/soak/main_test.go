// Package soak holds the tests of the whole chain as a process: what becomes of
// it when it is killed, and what it gives away.
package soak

import (
	"os"
	"testing"

	"github.com/sallyport-io/sallyport/localdev/internal/cli"
)

// asCommand makes the test binary the command sallyport, so that the processes
// that are killed are this very build.
const asCommand = "SALLYPORT_SOAK_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Exit(cli.Main())
	}
	os.Exit(m.Run())
}
