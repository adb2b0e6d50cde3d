package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"time"

	"github.com/alecthomas/kong"

	"github.com/sallyport-io/sallyport/functions/audit"
	"github.com/sallyport-io/sallyport/functions/fanout"
	"github.com/sallyport-io/sallyport/functions/ingest"
	"github.com/sallyport-io/sallyport/functions/mask"
	"github.com/sallyport-io/sallyport/localdev/internal/drivers"
	"github.com/sallyport-io/sallyport/shared/fault"
	"github.com/sallyport-io/sallyport/shared/host"
	"github.com/sallyport-io/sallyport/shared/host/workerhost"
)

// runCommand runs one function as a worker.
type runCommand struct {
	Ingest runIngestCommand `cmd:"" help:"Take drops: from drops to landing and quarantine."`
	Mask   runMaskCommand   `cmd:"" help:"Make the partners' views: from landing to masked."`
	Fanout runFanoutCommand `cmd:"" help:"Deliver: from masked to the partners' destinations."`
	Audit  runAuditCommand  `cmd:"" help:"Record every outcome in the ledger."`
}

func (runCommand) Help() string {
	return `Runs one function of the chain on a queue of yours, in as many copies, on as many machines, as you like. SIGTERM ends a copy after it has finished what it works on; one that is killed loses nothing.

Every flag can be an environment variable instead: SALLYPORT_ and its name, such as SALLYPORT_NATS_URL. What is secret has no flag.

URLs of buckets: file:///folder, s3://, gs://, azblob://. URLs of queues: jetstream://<stream>/<subject>?consumer=<name>, kafka://<group>?topic=<topic>&offset=oldest, awssqs://<host>/<account>/<queue>?region=<region>, gcppubsub://projects/<p>/subscriptions/<s>, rabbit://<queue>, azuresb://<topic>?subscription=<name>. How to reach what is behind them (KAFKA_BROKERS, AWS_REGION, ...) they take from where its own tools take it.

Examples:

    sallyport run mask --health :8081
    sallyport run mask --subscription "jetstream://CHAIN/ingest?consumer=mask" --topic jetstream://CHAIN/mask --dead jetstream://CHAIN/dead --nats-url nats://127.0.0.1:4222 --landing file:///srv/landing --masked file:///srv/masked --exchange file:///srv/exchange --keys /srv/keyring.json
    sallyport run ingest --health :8081 --partner acme --contract orders`
}

// The flags of the functions. The environment variable of each is the setting of
// that name in workerhost.Settings, host.Settings or the function's Config.

type workerFlags struct {
	Subscription string        `env:"SALLYPORT_SUBSCRIPTION" placeholder:"URL" help:"Queue to work on. Required."`
	Dead         string        `env:"SALLYPORT_DEAD" placeholder:"URL" help:"Topic for dead letters. Required."`
	Concurrency  int           `env:"SALLYPORT_CONCURRENCY" placeholder:"N" help:"Events, or batches, that are handled at once."`
	Grace        time.Duration `env:"SALLYPORT_GRACE" placeholder:"TIME" help:"For what runs, when the worker is asked to end; default 20s."`
	Health       string        `env:"SALLYPORT_HEALTH" placeholder:"ADDR" help:"Address of /healthz and /readyz, such as :8081."`
	Log          string        `env:"SALLYPORT_LOG" placeholder:"LEVEL" help:"debug, info, warn or error."`
	NATSURL      string        `name:"nats-url" env:"SALLYPORT_NATS_URL" placeholder:"URL" help:"Servers of jetstream:// URLs, parted by commas."`
	NATSCreds    string        `name:"nats-creds" env:"SALLYPORT_NATS_CREDS" placeholder:"FILE" help:"Credentials for them."`
}

type topicFlag struct {
	Topic string `env:"SALLYPORT_TOPIC" placeholder:"URL" help:"Topic for what it answers. Required."`
}

type batchFlags struct {
	Batch  int           `env:"SALLYPORT_BATCH" placeholder:"N" help:"Events that are handled together at most; default 100."`
	Window time.Duration `env:"SALLYPORT_WINDOW" placeholder:"TIME" help:"How long the first of them waits for the others; default 20ms."`
}

type exchangeFlag struct {
	Exchange string `env:"SALLYPORT_EXCHANGE" placeholder:"URL" help:"Bucket of published exchanges; read. Required."`
}

type runIngestCommand struct {
	workerFlags
	topicFlag
	batchFlags
	exchangeFlag
	Drops      string `env:"SALLYPORT_DROPS" placeholder:"URL" help:"Bucket of drops; read. Required."`
	Landing    string `env:"SALLYPORT_LANDING" placeholder:"URL" help:"Bucket of accepted segments. Required."`
	Quarantine string `env:"SALLYPORT_QUARANTINE" placeholder:"URL" help:"Bucket of refused rows. Required."`
	Partner    string `env:"SALLYPORT_PARTNER" placeholder:"ID" help:"The queue is this partner's own: all of its events are."`
	Contract   string `env:"SALLYPORT_CONTRACT" placeholder:"PATH" help:"What they are: the path below the partner's prefix."`
}

// Run works until Ctrl-C or SIGTERM.
func (runIngestCommand) Run(s *session, k *kong.Context) error {
	return work(s, k, "ingest", ingest.Open)
}

type runMaskCommand struct {
	workerFlags
	topicFlag
	exchangeFlag
	Landing  string `env:"SALLYPORT_LANDING" placeholder:"URL" help:"Bucket of accepted segments; read. Required."`
	Masked   string `env:"SALLYPORT_MASKED" placeholder:"URL" help:"Bucket of masked segments. Required."`
	Keys     string `env:"SALLYPORT_KEYS" placeholder:"URL" help:"Key ring of tokens. Required."`
	Subjects string `env:"SALLYPORT_SUBJECTS" placeholder:"URL" help:"Bucket of the keys of data subjects. Required where a profile says subject:."`
}

// Run works until Ctrl-C or SIGTERM.
func (runMaskCommand) Run(s *session, k *kong.Context) error { return work(s, k, "mask", mask.Open) }

type runFanoutCommand struct {
	workerFlags
	topicFlag
	exchangeFlag
	Masked string `env:"SALLYPORT_MASKED" placeholder:"URL" help:"Bucket of masked segments; read. Required."`
	State  string `env:"SALLYPORT_STATE" placeholder:"URL" help:"Bucket of what was delivered. Required."`
}

// Run works until Ctrl-C or SIGTERM.
func (runFanoutCommand) Run(s *session, k *kong.Context) error {
	return work(s, k, "fanout", fanout.Open)
}

type runAuditCommand struct {
	workerFlags
	batchFlags
	Ledger string `env:"SALLYPORT_LEDGER" placeholder:"URL" help:"Bucket of the ledger. Required."`
	Origin string `name:"ledger-origin" env:"SALLYPORT_LEDGER_ORIGIN" placeholder:"NAME" help:"The ledger's name. Required."`
}

// Help tells of the one setting that has no flag.
func (runAuditCommand) Help() string {
	return `The key that signs the ledger is in the environment only: SALLYPORT_LEDGER_KEY. It is required: the key itself, or the URL of a secret that holds it (file:///path, awssecretsmanager://name?region=eu-central-1, gcpsecretmanager://projects/p/secrets/s).`
}

// Run works until Ctrl-C or SIGTERM.
func (runAuditCommand) Run(s *session, k *kong.Context) error {
	return work(s, k, "audit", audit.Open)
}

// work runs a function as a worker, by the environment and by the flags, which
// outrank it.
func work[C any, F host.Function](s *session, k *kong.Context, name string, open func(context.Context, C) (F, error)) error {
	for _, f := range k.Flags() {
		if f.Name == "topic" && f.Target.IsZero() {
			return failure("a setting is missing: SALLYPORT_TOPIC", "set it, or --topic: what "+name+" answers has to go somewhere")
		}
	}
	drivers.Files()
	err := workerhost.RunProcess(s, name, open, workerhost.Options{Environ: append(os.Environ(), settings(k)...), Log: s.err, Text: s.err.Terminal})
	return redacted(err)
}

// settings are the flags that are set, as environment variables.
func settings(k *kong.Context) []string {
	var set []string
	for _, f := range k.Flags() {
		if len(f.Tag.Envs) > 0 && !f.Target.IsZero() {
			set = append(set, fmt.Sprintf("%s=%v", f.Tag.Envs[0], f.Target.Interface()))
		}
	}
	return set
}

// userinfo is what stands before the host of a URL that a text quotes.
var userinfo = regexp.MustCompile(`://[^\s"]*@`)

// redacted leaves the users and passwords of URLs out of an error: some drivers
// quote the URL that they cannot open.
func redacted(err error) error {
	var f *fault.Error
	if !errors.As(err, &f) || f.Err == nil {
		return err
	}
	clean := *f
	clean.Err = errors.New(userinfo.ReplaceAllString(f.Err.Error(), "://***@"))
	return &clean
}
