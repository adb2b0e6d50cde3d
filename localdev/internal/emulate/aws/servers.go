package aws

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/sallyport-io/sallyport/localdev/internal/emulate"
	"github.com/sallyport-io/sallyport/localdev/internal/emulate/lambda"
)

// The key that the emulated S3 takes.
const (
	AccessKey = "test"
	SecretKey = "testtest"
)

// programs are the emulators, installed.
type programs struct {
	s3, node, fauxqs string
}

// Find looks for what has to be installed. The fault names what is missing and how
// to install it; its code is emulate.CodeMissing.
func find(t emulate.Tools) (p programs, err error) {
	if p.s3, err = t.Program("versitygw"); err != nil {
		return p, err
	}
	if p.fauxqs, err = t.Module("fauxqs"); err != nil {
		return p, err
	}
	p.node, err = t.Node()
	return p, err
}

// startS3 starts versitygw on a folder of buckets. It posts a notification of each
// change of an object to the webhook.
func startS3(ctx context.Context, p programs, folder, webhook string, log *emulate.Log) (*emulate.Process, string, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, "", emulate.Unwritable(err)
	}
	return emulate.Listen(ctx, func(addr string) emulate.Command {
		return emulate.Command{
			Name: "s3", Path: p.s3, Dir: folder, Log: log,
			Args: []string{"--port", addr, "--region", lambda.Region, "--quiet", "--health", "/health", "--event-webhook-url", webhook, "posix", folder},
			Env:  []string{"ROOT_ACCESS_KEY=" + AccessKey, "ROOT_SECRET_KEY=" + SecretKey},
		}
	}, func(ctx context.Context, addr string) error { return answers(ctx, "http://"+addr+"/health") })
}

//go:embed fauxqs.mjs
var fauxqs string

// startQueues starts fauxqs, which is SNS and SQS, in memory.
func startQueues(ctx context.Context, p programs, log *emulate.Log) (*emulate.Process, string, error) {
	return emulate.Listen(ctx, func(addr string) emulate.Command {
		return emulate.Command{
			Name: "sns sqs", Path: p.node, Log: log,
			Args: []string{"--input-type=module", "--no-warnings", "--eval", fauxqs, "--", p.fauxqs, port(addr)},
			Env:  []string{"FAUXQS_DEFAULT_REGION=" + lambda.Region},
		}
	}, func(ctx context.Context, addr string) error { return answers(ctx, "http://"+addr+"/health") })
}

// answers asks a URL for its health.
func answers(ctx context.Context, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", response.StatusCode)
	}
	return err
}
