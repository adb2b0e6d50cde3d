package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/pubsub"

	"github.com/sallyport-io/sallyport/localdev/internal/local"
	"github.com/sallyport-io/sallyport/localdev/internal/show"
	"github.com/sallyport-io/sallyport/shared/event"
	"github.com/sallyport-io/sallyport/shared/exchange"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/keys"
	"github.com/sallyport-io/sallyport/shared/policy"
)

type eraseCommand struct {
	dirArgument
	Subject  string `required:"" placeholder:"VALUE" help:"Whose: the value of the field that subject: names in a profile, exactly as it was dropped. - reads it from stdin, so that it stands in no list of processes."`
	Contract string `required:"" placeholder:"NAME" help:"Contract that the field is of, by its id or name."`
	Ring     string `placeholder:"URL" help:"The key ring of a deployment, as mask is told it. With --subjects and --topic. Default: all three of the chain that ran on the folder."`
	Subjects string `placeholder:"URL" help:"The bucket of the keys of data subjects, as mask is told it."`
	Topic    string `placeholder:"URL" help:"A topic that audit hears, such as that of reveal."`
	jsonFlag
}

func (eraseCommand) Help() string {
	return `Each data subject has a random key of its own where a profile says subject: <field> of a token. This destroys it: what lies in its place says that it was erased. Tokens of the subject are refused from the next request on, and the fields leave as null in what is masked later; what runs may make tokens with the key for a minute still. Nothing brings it back, so tokens that partners have can be neither revealed nor made again.

It is written into the ledger, with a keyed hash of the value, never the value itself. It may be done again: if it was cut off, that completes it. Who was never seen is erased as well, and gets no key when it comes.

Examples:

    sallyport erase --subject 104729 --contract payments
    sallyport erase --subject - --contract payments --json < subject.txt
    sallyport erase --subject 104729 --contract payments --ring 's3://...' --subjects 's3://...' --topic 'awssns:///...'`
}

// erased is what was done.
type erased struct {
	Contract string    `json:"contract"` // id
	Subject  string    `json:"subject"`  // its keyed hash, as the ledger has it
	Erased   time.Time `json:"erased"`   // when it was first
	Before   bool      `json:"before"`   // it had been erased before
	Record   string    `json:"record"`   // id in the ledger
}

// Run erases.
func (c eraseCommand) Run(s *session) error {
	value := c.Subject
	if value == "-" {
		all, err := lines(os.Stdin)
		if err != nil {
			return err
		}
		if len(all) != 1 {
			return failure(fmt.Sprintf("stdin has %d lines that are not empty", len(all)), "give the value of one subject, on one line")
		}
		value = all[0]
	}
	if value == "" {
		return failure("no data subject is named", "give its value with --subject")
	}
	p, err := local.Policy(c.Dir)
	if err != nil {
		return err
	}
	doc := p.Bundle().Contract(c.Contract)
	if doc == nil {
		return failure(fmt.Sprintf("the exchange has no contract %q", c.Contract), "sallyport check lists them")
	}
	var done erased
	if err := c.with(s, func(b *blob.Bucket, ring *keys.Ring, publish func(context.Context, []event.Event) error) error {
		done, err = c.erase(s, b, ring, doc.ID, value, publish)
		return err
	}); err != nil {
		return err
	}
	if !bySubject(p, doc) {
		s.err.Printf("no profile keys the tokens of contract %s by a data subject now: what was made before with the subject's key is erased all the same\n", doc)
	}
	if c.JSON {
		return s.json(done)
	}
	if done.Before {
		s.out.Printf("data subject %s was erased at %s\n", done.Subject, show.Clean(when(done.Erased)))
		return nil
	}
	s.out.Printf("data subject %s is erased; what runs knows it within %s\n", done.Subject, "a minute")
	return nil
}

// erase destroys the key, then records it. If it is cut off between them the next
// run records the same.
func (c eraseCommand) erase(ctx context.Context, b *blob.Bucket, ring *keys.Ring, contract, value string, publish func(context.Context, []event.Event) error) (erased, error) {
	subjects := keys.NewSubjects(b, ring)
	defer subjects.Close()
	e, err := subjects.Erase(ctx, contract, []byte(value), time.Now())
	if err != nil {
		return erased{}, err
	}
	who := "unknown"
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	made, err := event.Erased("/sallyport/erase", e.At, event.SubjectErased{Contract: contract, Subject: e.Ref.String(), Erased: e.At, By: "local " + who})
	if err == nil {
		err = publish(ctx, []event.Event{made})
	}
	if err != nil {
		return erased{}, fault.Wrap(fault.Retry, "unrecorded", err, "the key is destroyed, and that could not be recorded: run the same again")
	}
	return erased{Contract: contract, Subject: e.Ref.String(), Erased: e.At, Before: !e.New, Record: made.ID()}, nil
}

// with opens what the flags name, or what belongs to the folder.
func (c eraseCommand) with(s *session, do func(*blob.Bucket, *keys.Ring, func(context.Context, []event.Event) error) error) (err error) {
	given := 0
	for _, flag := range []string{c.Ring, c.Subjects, c.Topic} {
		if flag != "" {
			given++
		}
	}
	switch given {
	case 0:
		f, err := local.Open(c.Dir)
		if err != nil {
			return err
		}
		return f.WithSubjects(s, do)
	case 1, 2:
		return usageError{errors.New("--ring, --subjects and --topic go together")}
	}
	ring, err := keys.Open(s, c.Ring)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ring.Close()) }()
	b, err := blob.OpenBucket(s, c.Subjects)
	if err != nil {
		return fault.Wrap(fault.Denied, "bucket-open", err, "the bucket of --subjects cannot be opened")
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	topic, err := pubsub.OpenTopic(s, c.Topic)
	if err != nil {
		return fault.Wrap(fault.Denied, "topic-open", err, "the topic of --topic cannot be opened")
	}
	defer func() { err = errors.Join(err, topic.Shutdown(context.WithoutCancel(s))) }()
	return do(b, ring, host.TopicPublisher(topic).Publish)
}

// bySubject tells whether a view of a contract keys tokens by data subject.
func bySubject(p *policy.Policy, doc *exchange.Contract) bool {
	for _, version := range p.Bundle().Versions(doc.ID) {
		for _, object := range version.Objects() {
			for _, v := range p.Views(doc.ID, object) {
				if slices.ContainsFunc(v.Fields, func(f policy.FieldRule) bool { return f.Transform.Subject != "" }) {
					return true
				}
			}
		}
	}
	return false
}
