package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"gocloud.dev/blob"

	"github.com/sallyport-io/sallyport/functions/reveal"
	"github.com/sallyport-io/sallyport/localdev/internal/emulate"
	"github.com/sallyport-io/sallyport/localdev/internal/emulate/aws"
	"github.com/sallyport-io/sallyport/localdev/internal/local"
	"github.com/sallyport-io/sallyport/localdev/internal/show"
	"github.com/sallyport-io/sallyport/localdev/internal/stories"
	"github.com/sallyport-io/sallyport/shared/store"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

type emulateCommand struct {
	AWS emulateAWSCommand `cmd:"" name:"aws" help:"Run the deployment on AWS: Lambda, S3, SNS and SQS."`
	GCP emulateGCPCommand `cmd:"" name:"gcp" help:"Run the deployment on Google Cloud: Cloud Run, Cloud Storage and Pub/Sub."`
}

type emulateAWSCommand struct {
	dirFlag
	OutboxBucket string        `default:"sallyport-outbox" placeholder:"NAME" help:"Bucket that destinations file://./outbox/<x> are mapped to, below <x>/: functions on AWS have no such folder. \"\" leaves them as they are."`
	Binaries     string        `type:"existingdir" placeholder:"DIR" help:"Folder with the functions' binaries, as make dist writes them. Default: they are built from the repository that the command runs in."`
	Timeout      time.Duration `default:"1m" help:"How long an invocation may take."`
	Memory       int           `default:"512" placeholder:"MB" help:"Memory of a process of a function."`
	Concurrency  int           `default:"4" help:"Processes of a function at most; audit has one."`
	Stories      bool          `help:"Drop the files of the example that sallyport init writes, show what was delivered, and end."`
	Verbose      bool          `short:"v" help:"Show what the functions log."`
}

func (emulateAWSCommand) Help() string {
	return `Runs the functions' real binaries as Lambda would: processes that are started when there is something to do, kept warm, stopped when they take too long or too much memory, and tried again when they fail. S3, SNS and SQS run beside them, on loopback. What there is and how it is connected comes from the same file that Terraform reads.

The emulators are installed by make emulators; SALLYPORT_EMULATORS names the folder they are in. What the deployment keeps is in .sallyport/aws. The key ring is that of sallyport up, the ledger is one of its own.

Different from AWS: every function may do everything (there is no IAM), queues are in memory, and a message that failed comes again after a second.

Examples:

    sallyport emulate aws --dir myexchange
    sallyport emulate aws --dir myexchange --stories`
}

// patience is how long the stories may take: much longer than they do.
const patience = 5 * time.Minute

// Run runs the deployment until Ctrl-C.
func (c emulateAWSCommand) Run(s *session) error {
	f, err := local.Open(c.Dir)
	if err != nil {
		return err
	}
	if _, err := f.Policy(); err != nil { // problems are told before anything is built
		return err
	}
	work, err := os.Getwd()
	if err != nil {
		return failure("there is no working directory", "run the command in a folder that there is")
	}
	level, shown := slog.LevelWarn, slog.LevelInfo
	log := emulate.NewLog(s.err)
	var programs *emulate.Log
	if c.Verbose {
		level, programs = slog.LevelInfo, log
	}
	if c.Stories {
		shown = slog.LevelWarn
	}
	s.err.Printf("%s\n", s.err.Paint(show.Faint, "starting; functions are built first"))
	d, err := aws.Start(s, aws.Options{
		Dir: f.Dir, Tools: emulate.FindTools(work, os.Getenv), Binaries: c.Binaries, Outbox: c.OutboxBucket,
		Timeout: c.Timeout, Memory: c.Memory, Concurrency: c.Concurrency,
		Log: log, Programs: programs, LogLevel: level, Logger: telemetry.Logger(s.err, shown, false),
	})
	if err != nil {
		return err
	}
	if c.Stories {
		err = s.stories(d, c.OutboxBucket, "s3")
	} else {
		c.banner(s, d)
		err = d.Wait(s)
	}
	if stopErr := d.Stop(); err == nil {
		err = stopErr
	}
	if err == nil && !c.Stories {
		s.out.Printf("stopped\n")
	}
	return err
}

// banner says what runs and how to use it.
func (c emulateAWSCommand) banner(s *session, d *aws.Deployment) {
	s.out.Printf("%s %s on AWS, emulated\n", s.out.Paint(show.Good, "up"), s.out.Paint(show.Title, d.Exchange.Name()))
	field := func(name, text string) {
		s.out.Printf("  %s %s\n", s.out.Paint(show.Faint, name), show.Clean(text))
	}
	field("drops   ", "s3://"+aws.Name("drops")+"/<partner>/<contract>/<file>")
	if c.OutboxBucket != "" {
		field("outbox  ", "s3://"+c.OutboxBucket+"/<folder in outbox>/<contract>/<drop>/")
	}
	field("s3      ", d.Endpoints.S3)
	field("sns, sqs", d.Endpoints.Queues)
	field("reveal  ", d.Endpoints.Functions["reveal"]+reveal.Path)
	field("key     ", "AWS_ACCESS_KEY_ID="+aws.AccessKey+" AWS_SECRET_ACCESS_KEY="+aws.SecretKey)
	s.out.Printf("To drop a file, with the AWS command line or:\n")
	s.out.Printf("  curl --aws-sigv4 aws:amz:us-east-1:s3 --user %s:%s \\\n    -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' -T FILE \\\n    %s/%s/PARTNER/CONTRACT/\n",
		aws.AccessKey, aws.SecretKey, d.Endpoints.S3, aws.Name("drops"))
	s.out.Printf("%s\n", s.out.Paint(show.Faint, "Ctrl-C ends it."))
}

// emulated is a deployment of any cloud.
type emulated interface {
	Drop(ctx context.Context, key string, r io.Reader) error
	Idle(ctx context.Context) error
	Bucket(ctx context.Context, name string) (*blob.Bucket, error)
}

// stories drops the files of the example and shows what came of them: the objects
// in the bucket outbox, if there is one.
func (s *session) stories(d emulated, outbox, scheme string) error {
	ctx, cancel := context.WithTimeout(s, patience)
	defer cancel()
	for _, drop := range stories.Drops() {
		if err := d.Drop(ctx, drop.Key(), bytes.NewReader(drop.Data)); err != nil {
			return err
		}
		s.out.Printf("dropped %s\n", show.Clean(drop.Key()))
	}
	if err := d.Idle(ctx); err != nil {
		return err
	}
	if outbox == "" {
		return nil
	}
	b, err := d.Bucket(ctx, outbox)
	if err != nil {
		return err
	}
	defer b.Close()
	t := show.Table{Columns: []show.Column{{Head: "DELIVERED", Least: 20}, {Head: "SIZE", Right: true}}}
	objects := 0
	err = store.Each(ctx, b, "", func(o *blob.ListObject) error {
		objects++
		t.Add(show.Cell{Text: show.Clean(shortKey(o.Key))}, show.Cell{Text: show.Bytes(o.Size)})
		return nil
	})
	if err != nil {
		return err
	}
	if objects == 0 {
		return failure("nothing was delivered", "use the folder of the example: sallyport init DIR")
	}
	s.out.Printf("\n")
	s.out.Table(&t)
	s.out.Printf("\n%s\n", s.out.Paint(show.Good, fmt.Sprintf("%s in %s://%s", show.Count(int64(objects), "object"), scheme, outbox)))
	return nil
}

// shortKey is the key of a delivery, in which only the id of the drop is long.
func shortKey(key string) string {
	parts := strings.Split(key, "/")
	for i, p := range parts {
		if len(p) == len("00000000-0000-0000-0000-000000000000") {
			parts[i] = shortID(p)
		}
	}
	return strings.Join(parts, "/")
}
