package exchange

import (
	"fmt"
	"regexp"
	"strings"
)

// Access is how a partner reaches a deployment on a cloud.
type Access struct {
	// On AWS.
	AWS AWSAccess `yaml:"aws" json:"aws,omitzero"`
	// On Google Cloud.
	GCP GCPAccess `yaml:"gcp" json:"gcp,omitzero"`
}

// AWSAccess is how a partner reaches a deployment on AWS: it takes a role that may
// put objects below its prefix and read its own refusals.
type AWSAccess struct {
	// Who may take the partner's role: ARNs of roles or users, or ids of accounts.
	Principals []string `yaml:"principals" json:"principals,omitempty" jsonschema:"minItems=1,uniqueItems=true"`
	// What the partner says when it takes the role. Default: <name of the deployment>/<id of the partner>.
	ExternalID string `yaml:"externalId" json:"externalId,omitempty" jsonschema:"minLength=2"`
	// Whether its drops are encrypted with a KMS key of its own. Default: false.
	OwnKey bool `yaml:"ownKey" json:"ownKey,omitempty"`
	// KMS keys (ARNs) with which the buckets and queues are encrypted that the partner receives in.
	DestinationKeys []string `yaml:"destinationKeys" json:"destinationKeys,omitempty" jsonschema:"uniqueItems=true"`
}

// GCPAccess is how a partner reaches a deployment on Google Cloud: members of IAM, or
// workloads elsewhere that show the tokens of their issuer, may create objects below
// its prefix and read its own refusals.
type GCPAccess struct {
	// Members of IAM that the partner is: user:, group: or serviceAccount: with an address.
	Principals []string `yaml:"principals" json:"principals,omitempty" jsonschema:"uniqueItems=true"`
	// Issuer of the OpenID Connect tokens of the partner's workloads: a URL of https (Workload Identity Federation).
	Issuer string `yaml:"issuer" json:"issuer,omitempty" jsonschema:"pattern=^https://"`
	// Audiences of these tokens. Default: the name of the provider that Terraform makes.
	Audiences []string `yaml:"audiences" json:"audiences,omitempty" jsonschema:"uniqueItems=true"`
	// Subjects of these tokens that the partner is.
	Subjects []string `yaml:"subjects" json:"subjects,omitempty" jsonschema:"uniqueItems=true"`
	// Whether it encrypts its drops with a key of its own. Default: false.
	OwnKey bool `yaml:"ownKey" json:"ownKey,omitempty"`
}

// What infra/terraform takes, so that a plan does not fail where check passed.
var (
	awsPrincipal = regexp.MustCompile(`^([0-9]{12}|arn:[a-z-]+:iam::[0-9]{12}:(root|(role|user)/[\w+=,.@/-]+))$`)
	gcpPrincipal = regexp.MustCompile(`^(user|group|serviceAccount):[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+$`)
)

// maxSubject is how long a subject is at most: with the partner's id before it, it
// is a subject of Google Cloud, which has 127 bytes.
const maxSubject = 80

// access holds how a partner reaches a deployment to what Terraform takes.
func (c *checker) access(at problemAt, a Access) {
	for i, p := range a.AWS.Principals {
		if !awsPrincipal.MatchString(p) {
			c.add(at, fmt.Sprintf("access.aws.principals[%d]", i), "this is no principal of AWS", "write the ARN of a role or user, or the id of an account; never a wildcard")
		}
	}
	for i, p := range a.GCP.Principals {
		if !gcpPrincipal.MatchString(p) {
			c.add(at, fmt.Sprintf("access.gcp.principals[%d]", i), "this is no member of IAM that a partner can be", "write user:, group: or serviceAccount: with an address; never allUsers")
		}
	}
	switch g := a.GCP; {
	case g.Issuer == "" && len(g.Subjects)+len(g.Audiences) > 0:
		c.add(at, "access.gcp", "subjects and audiences are of an issuer, and there is none", "write issuer: https://...")
	case g.Issuer == "":
	case !strings.HasPrefix(g.Issuer, "https://"):
		c.add(at, "access.gcp.issuer", "the issuer is no URL of https", "write it as its tokens name it, beginning with https://")
	case len(g.Subjects) == 0:
		c.add(at, "access.gcp.issuer", "everybody of the issuer would be this partner", "write subjects: whom of the issuer's it is")
	}
	for i, s := range a.GCP.Subjects {
		if s == "" || len(s) > maxSubject || strings.Contains(s, "*") {
			c.add(at, fmt.Sprintf("access.gcp.subjects[%d]", i), fmt.Sprintf("a subject has 1 to %d bytes, and no asterisk", maxSubject), "write it as the tokens have it")
		}
	}
}
