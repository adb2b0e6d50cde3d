package cli

import (
	"bufio"
	"cmp"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"unicode/utf8"

	"github.com/sallyport-io/sallyport/functions/reveal"
	"github.com/sallyport-io/sallyport/localdev/internal/local"
	"github.com/sallyport-io/sallyport/localdev/internal/show"
)

type revealCommand struct {
	Tokens   []string `arg:"" optional:"" name:"token" help:"The tokens. Default: one a line from stdin."`
	As       string   `placeholder:"PARTNER" help:"Id of the partner whose grant it is. Required without --url."`
	Grant    string   `required:"" placeholder:"ID" help:"Id of the grant."`
	Field    string   `placeholder:"PATH" help:"Field that the tokens are of. Default: that of the grant, if it has one."`
	Contract string   `placeholder:"NAME" help:"Contract that the field is of. Default: that of the grant."`
	Purpose  string   `placeholder:"TEXT" help:"What the values are used for. Default: what the grant says."`
	URL      string   `name:"url" placeholder:"URL" help:"Ask a deployed function there instead, such as https://reveal.example.org. Contract, field and purpose must be given then."`
	dirFlag
	jsonFlag
}

func (revealCommand) Help() string {
	return `Gives back the values behind tokens, one a line, by a grant of the exchange as it was published last. It is written into the ledger who asked, by which grant, for which field and how many tokens; never a token or a value. If that cannot be written nothing is revealed. The exit code is 3 if some tokens were refused; their lines are empty.

Here whoever may read the folder's keys may ask: the grant's callers are not asked for. With --url they are. What shows who asks is in the environment: SALLYPORT_REVEAL_TOKEN, a JSON Web Token of one of the grant's issuers, or SALLYPORT_REVEAL_KEY, an API key.

Examples:

    sallyport reveal --as police --grant police-cases s1_p1AqN9...
    cut -d, -f2 cases.csv | sallyport reveal --as police --grant police-cases --field account
    sallyport reveal --url https://reveal.example.org --grant police-cases --contract payments --field account --purpose investigation s1_p1AqN9...`
}

// maxToken is how many bytes a line of stdin may have.
const maxToken = 1 << 20

// revealed is a token and the value behind it.
type revealed struct {
	Token   string  `json:"token"`
	Value   *string `json:"value,omitempty"`
	Base64  *string `json:"base64,omitempty"` // of a value that is not UTF-8
	Refused bool    `json:"refused,omitempty"`
}

// Run reveals.
func (c revealCommand) Run(s *session) error {
	tokens := c.Tokens
	if len(tokens) == 0 {
		var err error
		if tokens, err = lines(os.Stdin); err != nil {
			return err
		}
	}
	if len(tokens) == 0 {
		return failure("there are no tokens", "give them as arguments, or one a line on stdin")
	}
	var answers []reveal.Answer
	var err error
	if c.URL != "" {
		answers, err = c.there(s, tokens)
	} else {
		answers, err = c.here(s, tokens)
	}
	if err != nil {
		return err
	}
	var all []revealed
	var records []string
	for _, a := range answers {
		records = append(records, a.ID)
		for _, item := range a.Items {
			r := revealed{Token: tokens[len(all)], Refused: !item.Revealed}
			switch text := string(item.Value); {
			case r.Refused:
				s.code = Refused
			case !utf8.ValidString(text):
				text = base64.StdEncoding.EncodeToString(item.Value)
				r.Base64 = &text
			default:
				r.Value = &text
			}
			all = append(all, r)
		}
	}
	if c.JSON {
		return s.json(struct {
			Records []string   `json:"records"` // ids in the ledger, one for each request
			Items   []revealed `json:"items"`
		}{records, all})
	}
	refused := int64(0)
	for _, r := range all {
		switch {
		case r.Refused:
			refused++
			s.out.Printf("\n")
		case r.Base64 != nil:
			s.out.Printf("base64:%s\n", *r.Base64)
		default:
			s.out.Printf("%s\n", show.Clean(*r.Value))
		}
	}
	if refused > 0 {
		s.err.Printf("%s %s of %s\n", s.err.Paint(show.Bad, "refused"), show.Number(refused), show.Count(int64(len(all)), "token"))
		s.advise("they are of another domain, field or key, or of a version that is retired: why is not told")
	}
	return nil
}

// lines are the lines of r that are not empty.
func lines(r io.Reader) ([]string, error) {
	var all []string
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxToken)
	for in.Scan() {
		if line := strings.TrimSpace(in.Text()); line != "" {
			all = append(all, line)
		}
	}
	if in.Err() != nil { // its text may not hold a line, but is nobody's promise
		return nil, failure("stdin cannot be read, or has a line of more than a megabyte", "give one token a line")
	}
	return all, nil
}

// requests are r with its tokens divided into as many as one may have: in number,
// and in bytes, whatever JSON makes of them.
func requests(r reveal.Request, tokens []string) (all []reveal.Request) {
	const room = reveal.MaxBody - 8<<10 // for all but the tokens
	from, size := 0, 0
	for i, token := range tokens {
		length := 6*len(token) + 3 // \u0000, quotes and comma
		if i > from && (i-from == reveal.MaxTokens || size+length > room) {
			r.Tokens = tokens[from:i]
			all = append(all, r)
			from, size = i, 0
		}
		size += length
	}
	r.Tokens = tokens[from:]
	return append(all, r)
}

// here reveals with the keys of the folder.
func (c revealCommand) here(s *session, tokens []string) ([]reveal.Answer, error) {
	if c.As == "" {
		return nil, usageError{fmt.Errorf("--as is missing: whose grant is it?")}
	}
	f, err := local.Open(c.Dir)
	if err != nil {
		return nil, err
	}
	g, err := f.Grant(s, c.As, c.Grant)
	if err != nil {
		return nil, err
	}
	field := c.Field
	if field == "" {
		if len(g.Fields) > 1 {
			return nil, failure("the grant is for several fields", "say which with --field: "+strings.Join(g.Fields, ", "))
		}
		field = g.Fields[0]
	}
	r := reveal.Request{Grant: g.ID, Contract: cmp.Or(c.Contract, g.ContractID()), Field: field, Purpose: cmp.Or(c.Purpose, g.Purpose)}
	who := "unknown"
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	return f.Reveal(s, "local "+who, requests(r, tokens))
}
