package markdown_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/contract/interop/markdown"
)

var update = flag.Bool("update", false, "write the golden file anew")

func TestPage(t *testing.T) {
	data, err := os.ReadFile("testdata/payments.odcs.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := contract.Parse("payments.odcs.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	got := markdown.Write(c)
	golden := "testdata/payments.md"
	if *update {
		if err := os.WriteFile(golden, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("the page is\n%s", got)
	}
}

// TestHostile: whatever the contract says, the page has its own structure only.
func TestHostile(t *testing.T) {
	const evil = "<script>alert(1)</script> | x | `y` [a](javascript:b) \n# head\n| c | d |"
	c := &contract.Contract{ID: evil, Name: evil, Version: evil, Status: evil, Tags: []string{evil}, Description: &contract.Description{Purpose: evil},
		Schema: []contract.Object{{Element: contract.Element{Name: evil, BusinessName: evil, Description: evil, Properties: []contract.Property{
			{Element: contract.Element{Name: evil, Description: evil, Tags: []string{evil}, LogicalType: evil}, Classification: evil, Examples: []any{evil},
				LogicalTypeOptions: contract.Options{Pattern: evil, Format: evil}, Enum: []contract.EnumValue{{Value: evil}}},
		}}}},
		Support: []contract.Support{{Channel: evil, URL: evil}}, SLAProperties: []contract.SLAProperty{{Property: evil, Value: evil}}}
	headings, width := 0, 0
	for line := range strings.SplitSeq(string(markdown.Write(c)), "\n") {
		if strings.HasPrefix(line, "#") {
			headings++
		}
		if outside(line, "<script") || outside(line, "[a](") {
			t.Errorf("not escaped: %s", line)
		}
		bars := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
		if !strings.HasPrefix(line, "|") {
			width = 0
			if bars > 0 {
				t.Errorf("a bar in text: %s", line)
			}
			continue
		}
		if width > 0 && bars != width {
			t.Errorf("%d bars, the table has %d: %s", bars, width, line)
		}
		width = bars
	}
	if headings != 4 {
		t.Errorf("%d headings", headings)
	}
}

// outside reports whether s stands in a line outside of code.
func outside(line, s string) bool {
	for {
		before, rest, found := strings.Cut(line, "`")
		if strings.Contains(before, s) {
			return true
		}
		if !found {
			return false
		}
		fence := "`" + rest[:len(rest)-len(strings.TrimLeft(rest, "`"))]
		_, line, _ = strings.Cut(rest[len(fence)-1:], fence)
		line = strings.TrimLeft(line, "`")
	}
}

func TestPublicDocuments(t *testing.T) {
	files, err := filepath.Glob("../../../../../shared/data/odcs/*.odcs.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("no ../shared/data beside the checkout")
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c, err := contract.Parse(filepath.Base(file), data)
		if err != nil {
			t.Fatal(err)
		}
		page := string(markdown.Write(c))
		for _, o := range c.Schema {
			for _, p := range o.Properties {
				if !strings.Contains(page, "| `"+p.Name+"` |") {
					t.Errorf("%s: the page lacks %s", file, p.Name)
				}
			}
		}
	}
}
