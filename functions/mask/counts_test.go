package mask

import (
	"bytes"
	"testing"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// FuzzCounts: what lies in the bucket as counts is counts, and reads as itself in
// whatever order it is added, or is refused as damaged.
func FuzzCounts(f *testing.F) {
	made := newCounts(3, 1)
	for i := range 100 {
		made.add(&combination{byte(i), byte(i % 7)}, uint16(1+i%4))
	}
	f.Add(made.encode(1), made.encode(3))
	f.Add(newCounts(3, 1).encode(1), []byte{countsForm, 1, 0, 0, 0, 1})
	f.Add([]byte{countsForm, 0, 0, 0, 0, 2}, []byte{})
	f.Fuzz(func(t *testing.T, one, other []byte) {
		ab, ba := newCounts(3, 1), newCounts(3, 1)
		for _, c := range []struct {
			to          *counts
			first, last []byte
		}{{ab, one, other}, {ba, other, one}} {
			for _, data := range [][]byte{c.first, c.last} {
				if err := c.to.merge(data); err != nil {
					if code := fault.CodeOf(err); code != "counts-damaged" && code != "counts-key" {
						t.Fatal(err)
					}
					return
				}
			}
		}
		text := ab.encode(1)
		if !bytes.Equal(text, ba.encode(1)) {
			t.Error("the order in which counts are added shows")
		}
		again := newCounts(3, 1)
		if err := again.merge(text); err != nil || !bytes.Equal(again.encode(1), text) {
			t.Errorf("counts do not read as themselves: %v", err)
		}
		if int64(len(text)) > maxCounts {
			t.Errorf("%d bytes", len(text))
		}
	})
}
