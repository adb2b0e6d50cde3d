//go:build !race

package transform

import (
	"testing"

	"github.com/sallyport-io/sallyport/shared/record"
)

// TestKeepPatternAllocatesNothing: not where races are looked for, because there
// sync.Pool forgets at random what package regexp puts into it.
func TestKeepPatternAllocatesNothing(t *testing.T) {
	a, dst := compile(t, keeping("^[A-Z]|[0-9]{2}$|é+"), record.String).Appender(), make([]byte, 0, 256)
	for _, text := range []string{"2026-05-21", "Žluťoučký kůň", "éAé 4111 1111 1111 1111 é"} {
		value := []byte(text)
		if n := testing.AllocsPerRun(100, func() { a.Append(dst, value) }); n != 0 {
			t.Errorf("%v times for %s", n, text)
		}
	}
}
