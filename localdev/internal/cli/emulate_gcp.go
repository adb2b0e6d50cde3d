package cli

import (
	"log/slog"
	"strings"
	"time"

	"github.com/sallyport-io/sallyport/functions/reveal"
	"github.com/sallyport-io/sallyport/localdev/internal/emulate"
	"github.com/sallyport-io/sallyport/localdev/internal/emulate/gcp"
	"github.com/sallyport-io/sallyport/localdev/internal/local"
	"github.com/sallyport-io/sallyport/localdev/internal/show"
	"github.com/sallyport-io/sallyport/shared/telemetry"
)

type emulateGCPCommand struct {
	dirFlag
	OutboxBucket string        `default:"sallyport-outbox" placeholder:"NAME" help:"Bucket that destinations file://./outbox/<x> are mapped to, below <x>/: functions on Google Cloud have no such folder. \"\" leaves them as they are."`
	Binaries     string        `type:"existingdir" placeholder:"DIR" help:"Folder with the functions' binaries: DIR/ingest and so on. Default: they are built from the repository that the command runs in."`
	Timeout      time.Duration `default:"1m" help:"Acknowledgement deadline: how long a request may take."`
	Concurrency  int           `default:"4" help:"Requests that a function gets at once from a topic; audit, which takes batches, gets 80."`
	Backoff      time.Duration `default:"100ms" help:"Pause after the first push that failed; it doubles each time, up to 5s."`
	Attempts     int           `default:"20" help:"Pushes of a message before it goes to a dead-letter topic."`
	Stories      bool          `help:"Drop the files of the example that sallyport init writes, show what was delivered, and end."`
	Verbose      bool          `short:"v" help:"Show what the functions log."`
}

func (emulateGCPCommand) Help() string {
	return `Runs the functions' real binaries as Cloud Run would: processes that Pub/Sub pushes messages to, pushed again when they fail, and replaced when they end. Cloud Storage and Pub/Sub run in this process, on loopback. What there is and how it is connected comes from the same file that Terraform reads.

Nothing has to be installed but Go, which builds the functions. What the deployment keeps is in .sallyport/gcp. The key ring is that of sallyport up, the ledger is one of its own.

Different from Google Cloud: every function may do everything (there is no IAM), each has one instance, and topics are in memory.

Examples:

    sallyport emulate gcp --dir myexchange
    sallyport emulate gcp --dir myexchange --stories`
}

// Run runs the deployment until Ctrl-C.
func (c emulateGCPCommand) Run(s *session) error {
	f, err := local.Open(c.Dir)
	if err != nil {
		return err
	}
	if _, err := f.Policy(); err != nil { // problems are told before anything is built
		return err
	}
	level, shown := slog.LevelWarn, slog.LevelInfo
	if c.Verbose {
		level = slog.LevelInfo
	}
	if c.Stories {
		shown = slog.LevelWarn
	}
	s.err.Printf("%s\n", s.err.Paint(show.Faint, "starting; functions are built first"))
	d, err := gcp.Start(s, gcp.Options{
		Dir: f.Dir, Binaries: c.Binaries, Outbox: c.OutboxBucket,
		Timeout: c.Timeout, Concurrency: c.Concurrency, MinBackoff: c.Backoff, Attempts: c.Attempts,
		Log: emulate.NewLog(s.err), LogLevel: level, Logger: telemetry.Logger(s.err, shown, false),
	})
	if err != nil {
		return err
	}
	if c.Stories {
		err = s.stories(d, c.OutboxBucket, "gs")
	} else {
		c.banner(s, d)
		<-s.Done()
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
func (c emulateGCPCommand) banner(s *session, d *gcp.Deployment) {
	s.out.Printf("%s %s on Google Cloud, emulated\n", s.out.Paint(show.Good, "up"), s.out.Paint(show.Title, d.Exchange.Name()))
	field := func(name, text string) {
		s.out.Printf("  %s %s\n", s.out.Paint(show.Faint, name), show.Clean(text))
	}
	field("drops  ", gcp.BucketURL("drops")+"/<partner>/<contract>/<file>")
	if c.OutboxBucket != "" {
		field("outbox ", "gs://"+c.OutboxBucket+"/<folder in outbox>/<contract>/<drop>/")
	}
	field("storage", "STORAGE_EMULATOR_HOST="+strings.TrimPrefix(d.Endpoints.Storage, "http://"))
	field("pub/sub", "PUBSUB_EMULATOR_HOST="+d.Endpoints.PubSub+" GOOGLE_CLOUD_PROJECT="+gcp.Project)
	field("ingest ", d.Services()["ingest"].URL())
	field("reveal ", d.Services()["reveal"].URL()+reveal.Path)
	s.out.Printf("To drop a file, or to send an event as a partner:\n")
	s.out.Printf("  curl -X POST --data-binary @FILE -H 'Content-Type: application/octet-stream' \\\n    '%s'\n", d.UploadURL("PARTNER/CONTRACT/FILE"))
	s.out.Printf("  curl -H 'Content-Type: application/cloudevents+json' --data-binary @EVENT \\\n    %s/partners/PARTNER/CONTRACT\n", d.Services()["ingest"].URL())
	s.out.Printf("%s\n", s.out.Paint(show.Faint, "Ctrl-C ends it."))
}
