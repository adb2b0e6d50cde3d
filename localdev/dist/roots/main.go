// Command roots prints the certificates of the authorities that the images
// trust, as PEM: those of Mozilla's programme, as the Go project packs them. It
// is a module of its own, whose go.sum pins them: nothing that runs links them.
//
// Authorities that Mozilla trusts with conditions are left out: a file of
// certificates cannot say a condition.
package main

import (
	"bufio"
	"encoding/pem"
	"fmt"
	"os"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

func main() {
	out := bufio.NewWriter(os.Stdout)
	for root := range bundle.Roots() {
		if root.Constraint != nil {
			continue
		}
		if err := pem.Encode(out, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}); err != nil {
			fail(err)
		}
	}
	if err := out.Flush(); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "roots:", err)
	os.Exit(1)
}
