// Package registry reads schemas from a schema registry that speaks the REST API
// of Confluent's, so that a contract can be started from one.
package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/sallyport-io/sallyport/shared/contract"
	"github.com/sallyport-io/sallyport/shared/contract/interop"
	"github.com/sallyport-io/sallyport/shared/contract/interop/avroschema"
	"github.com/sallyport-io/sallyport/shared/contract/interop/jsonschema"
	"github.com/sallyport-io/sallyport/shared/fault"
)

// Latest asks for a subject's newest version.
const Latest = -1

// Import starts a contract from a version of a subject, in Avro or JSON Schema. A
// user and password in the URL are sent as basic authentication. Faults besides
// those of the packages of the two languages have codes "registry-url",
// "registry-subject" (there is no such subject or version), "registry-protobuf",
// "registry-references" and "registry-answer" (all Invalid), "registry-denied"
// (Denied) and "registry" (Retry).
func Import(ctx context.Context, address, subject string, version int, head interop.Head) (*contract.Contract, []interop.Note, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, nil, fault.New(fault.Invalid, "registry-url", "the address of the registry is no http or https URL", "such as https://registry.example.org")
	}
	options := []sr.ClientOpt{sr.HTTPClient(&http.Client{Timeout: 30 * time.Second, Transport: bounded{http.DefaultTransport}})}
	if password, ok := u.User.Password(); ok {
		options = append(options, sr.BasicAuth(u.User.Username(), password))
	}
	u.User = nil
	client, err := sr.NewClient(append(options, sr.URLs(u.String()))...)
	if err != nil {
		return nil, nil, fault.New(fault.Invalid, "registry-url", "the address of the registry is not understood", "such as https://registry.example.org")
	}
	found, err := client.SchemaByVersion(ctx, subject, version)
	if err != nil {
		return nil, nil, explain(err, subject, version)
	}
	if len(found.References) > 0 {
		return nil, nil, fault.New(fault.Invalid, "registry-references", fmt.Sprintf("the schema refers to %s, which are not followed", interop.Plural(len(found.References), "other schema")), "put them into one, and import that from a file")
	}
	if head.Name == "" {
		head.Name = subject
	}
	var c *contract.Contract
	var notes []interop.Note
	switch found.Type {
	case sr.TypeAvro:
		c, notes, err = avroschema.Import([]byte(found.Schema.Schema), head)
	case sr.TypeJSON:
		c, notes, err = jsonschema.Import([]byte(found.Schema.Schema), head)
	case sr.TypeProtobuf:
		err = fault.New(fault.Invalid, "registry-protobuf", "the schema is in Protobuf, which is not read", "start from Avro, JSON Schema or a sample: sallyport contract infer")
	default:
		err = fault.New(fault.Invalid, "registry-answer", "the schema is in a language that is not known", "start from Avro, JSON Schema or a sample: sallyport contract infer")
	}
	if err != nil {
		return nil, nil, err
	}
	c.AuthoritativeDefinitions = append(c.AuthoritativeDefinitions, contract.AuthoritativeDefinition{
		Type: "implementation", URL: u.JoinPath("subjects", url.PathEscape(subject), "versions", fmt.Sprint(found.Version)).String()})
	return c, notes, nil
}

// explain makes a fault of what the client answers.
func explain(err error, subject string, version int) error {
	var answer *sr.ResponseError
	if errors.Is(err, errTooLarge) {
		return fault.New(fault.Invalid, "registry-answer", fmt.Sprintf("the registry answers with more than %d bytes", maxAnswer), "look at what is at the address")
	}
	if !errors.As(err, &answer) {
		return fault.Wrap(fault.Retry, "registry", err, "the registry does not answer as one should")
	}
	which := fmt.Sprintf("version %d of", version)
	if version == Latest {
		which = "the newest version of"
	}
	switch answer.StatusCode {
	case http.StatusNotFound, http.StatusUnprocessableEntity:
		return fault.New(fault.Invalid, "registry-subject", fmt.Sprintf("the registry has not got %s the subject %q", which, subject), "look for the name: subjects of topics end in -value or -key")
	case http.StatusUnauthorized, http.StatusForbidden:
		return fault.New(fault.Denied, "registry-denied", "the registry does not let us read it", "put user and password into the URL: https://user:password@registry.example.org")
	}
	return fault.New(fault.Retry, "registry", fmt.Sprintf("the registry answers with status %d", answer.StatusCode), "try again later")
}

// maxAnswer bounds what is read of an answer: a schema as a JSON string.
const maxAnswer = 2*interop.MaxSize + 1<<20

var errTooLarge = errors.New("the answer is too large")

// bounded is a transport whose answers end with an error once they are too large.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		answer.Body = &body{answer.Body, maxAnswer}
	}
	return answer, err
}

type body struct {
	io.ReadCloser
	left int
}

func (b *body) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, errTooLarge
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left+1)])
	b.left -= n
	return n, err
}
