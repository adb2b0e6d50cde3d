package exchange

import (
	"strings"
	"testing"
)

// TestAccess: what Terraform would refuse is refused before.
func TestAccess(t *testing.T) {
	for says, want := range map[string]string{
		"{aws: {principals: ['111122223333', 'arn:aws:iam::111122223333:role/a/b']}}": "",
		"{aws: {principals: ['*']}}": "never a wildcard",
		"{gcp: {principals: ['group:a@b.example'], issuer: 'https://x.example', subjects: ['repo:a']}}": "",
		"{gcp: {principals: [allUsers]}}":                                                   "never allUsers",
		"{gcp: {issuer: 'http://x.example', subjects: [a]}}":                                "no URL of https",
		"{gcp: {issuer: 'https://x.example'}}":                                              "everybody of the issuer",
		"{gcp: {subjects: [a]}}":                                                            "there is none",
		"{gcp: {issuer: 'https://x.example', subjects: ['repo:*']}}":                        "no asterisk",
		"{gcp: {issuer: 'https://x.example', subjects: [" + strings.Repeat("a", 81) + "]}}": "1 to 80 bytes",
		"{gcp: {principal: []}}":                                                            "did you mean",
	} {
		_, err := Load(mapFS(map[string]string{"partners/acme.yaml": "apiVersion: sallyport.io/v1\nkind: Partner\nid: acme\naccess: " + says + "\n"}))
		switch {
		case want == "" && err != nil && strings.Contains(err.Error(), "access"):
			t.Errorf("%s: %v", says, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", says, err, want)
		}
	}
}
