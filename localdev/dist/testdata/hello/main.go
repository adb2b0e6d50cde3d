// Command hello is small and links one module: what the tests of dist build.
package main

import (
	"fmt"

	"github.com/google/uuid"
)

func main() { fmt.Println("hello", uuid.Nil) }
