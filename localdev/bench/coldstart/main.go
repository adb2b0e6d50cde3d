// Command coldstart measures how fast the functions start and how large they are,
// beside programs that do nothing: part of make bench. It is a program of its own
// because what it links would weigh on what bench measures.
package main

import (
	"context"
	"fmt"
	"os"
)

func main() {
	if err := coldstarts(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "coldstart:", err)
		os.Exit(1)
	}
}
