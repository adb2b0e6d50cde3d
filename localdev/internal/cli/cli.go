// Package cli is the command sallyport: an exchange on one machine, from the
// first file to its entry in the ledger.
//
// Each command is a struct whose fields are its arguments and flags, and whose
// Run prints to a session. What a command found wrong is its exit code, see
// Code; what it could not do is an error, which Main tells on stderr with what
// to do about it.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"reflect"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/sallyport-io/sallyport/localdev/internal/show"
)

// Code is an exit code of the command.
type Code int

// The exit codes, the same for every command.
const (
	OK       Code = 0 // done, and in order
	Failed   Code = 1 // it could not be done, or check found problems
	Usage    Code = 2 // the command line is not understood
	Refused  Code = 3 // it was done, but data was refused or a delivery failed
	Tampered Code = 4 // the ledger does not verify
)

const exitCodes = `Exit codes: 0 done; 1 failed, or problems found; 2 wrong usage; 3 data was refused or a delivery failed; 4 the ledger does not verify. What is for scripts comes with --json.`

// commands are the commands of sallyport, in the order of their help.
type commands struct {
	Demo     demoCommand     `cmd:"" help:"Show three exchanges of data, end to end, on made-up data."`
	Init     initCommand     `cmd:"" help:"Write a commented example exchange into a new folder."`
	Check    checkCommand    `cmd:"" help:"Check an exchange, and say what leaves to whom and how."`
	Explain  explainCommand  `cmd:"" help:"Say for each field how it leaves to a partner, and which rule decided."`
	Preview  previewCommand  `cmd:"" help:"Show what a partner would see of a file that nobody has dropped."`
	Contract contractCommand `cmd:"" help:"Compare, infer, import and export contracts."`
	Up       upCommand       `cmd:"" help:"Run the whole chain of an exchange until Ctrl-C."`
	Run      runCommand      `cmd:"" help:"Run one function as a worker on a queue of yours."`
	Drop     dropCommand     `cmd:"" help:"Drop a file as one of the partners."`
	Send     sendCommand     `cmd:"" help:"Send CloudEvents as one of the partners to a running chain."`
	Status   statusCommand   `cmd:"" help:"Show what became of the drops."`
	Reveal   revealCommand   `cmd:"" help:"Give back the values behind tokens, by a grant."`
	Erase    eraseCommand    `cmd:"" help:"Destroy the key of a data subject, so that nobody can reveal its tokens."`
	Audit    auditCommand    `cmd:"" help:"Verify the ledger."`
	Keys     keysCommand     `cmd:"" help:"List the versions of the key ring, add one, or retire one."`
	Emulate  emulateCommand  `cmd:"" help:"Run the deployment of a cloud on this machine."`
	Version  versionCommand  `cmd:"" help:"Print the version."`
}

// session is what a command runs with.
type session struct {
	context.Context              // ends with Ctrl-C
	out             *show.Screen // stdout: what was asked for
	err             *show.Screen // stderr: how it goes, and what went wrong
	code            Code         // what the command found, if it could be run
}

// Main runs the command line of the process and answers its exit code. The
// first Ctrl-C (or SIGTERM) lets the command finish what it must; a second one
// ends the process.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return int(Run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Getenv))
}

// Run runs one command line.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer, getenv func(string) string) Code {
	s := &session{Context: ctx, out: show.NewScreen(stdout, getenv), err: show.NewScreen(stderr, getenv)}
	err := s.run(args)
	if err == nil {
		err = s.out.Err()
	}
	var u usageError
	switch {
	case err == nil:
		return s.code
	case errors.As(err, &u):
		s.tell(err)
		return Usage
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		s.err.Printf("sallyport: stopped\n")
		return Failed
	}
	s.tell(err)
	return max(s.code, Failed)
}

// usageError is a command line that is not understood.
type usageError struct{ error }

func (s *session) run(args []string) error {
	ended := false // by --help
	parser, err := kong.New(new(commands),
		kong.Name("sallyport"),
		kong.Description("Sallyport takes what a partner drops, holds it to its data contract, masks it, delivers it to each partner in the shape that partner may have it in, and keeps a ledger that proves it.\n\n"+exitCodes),
		kong.Writers(s.out, s.err),
		kong.Exit(func(int) { ended = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: min(s.out.Width, 100)}),
		kong.ShortUsageOnError(),
	)
	if err != nil {
		return fmt.Errorf("the commands are not well described: %w", err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	switch {
	case ended:
		return nil
	case err != nil:
		return usageError{err}
	}
	return command.Run(s)
}

// jsonFlag is --json.
type jsonFlag struct {
	JSON bool `name:"json" help:"Print one JSON document instead."`
}

// dirArgument is the folder of the exchange, as an argument.
type dirArgument struct {
	Dir string `arg:"" optional:"" default:"." help:"Folder of the exchange. Default: the working directory."`
}

// dirFlag is the folder of the exchange, as a flag.
type dirFlag struct {
	Dir string `short:"C" default:"." placeholder:"DIR" help:"Folder of the exchange. Default: the working directory."`
}

// json prints v as an indented document.
func (s *session) json(v any) error {
	enc := json.NewEncoder(s.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("cannot print %v: %w", reflect.TypeOf(v), err)
	}
	return nil
}
