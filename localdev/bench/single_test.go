package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/sallyport-io/sallyport/localdev/internal/stories"
)

// The two programs that the chain is compared with do the same work.
func TestYardsticksAgree(t *testing.T) {
	var rows bytes.Buffer
	if err := stories.Payments(&rows, 3e6, 1); err != nil {
		t.Fatal(err)
	}
	text := rows.Bytes()
	for sound, flawed := range map[string]string{"@example.com,": "@example,", ",EUR,": ",EU,", ".1,": ".100,", "T06:": "T6:", ",DE50": ",DEAB", ",4000": ",4OOO"} {
		text = bytes.Replace(text, []byte(sound), []byte(flawed), 20)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "payments.csv")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	one, other := filepath.Join(dir, "plain"), filepath.Join(dir, "single")
	if err := plain(one, file); err != nil {
		t.Fatal(err)
	}
	if err := single(other, file); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(one, "*.csv"))
	if err != nil || len(names) != 4 {
		t.Fatalf("plain wrote %q, %v, not four files", names, err)
	}
	for _, name := range names {
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(other, filepath.Base(name)))
		if err != nil {
			t.Fatal(err)
		}
		if len(want) == 0 || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes of one, %d of the other, and not the same", filepath.Base(name), len(got), len(want))
		}
	}
}
