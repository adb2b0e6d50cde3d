// Command bench measures the chain on a generated payments file: how many
// CPU-seconds a gigabyte costs in each function and in the whole, and how much
// memory they take. Every figure is of a process of its own, as the operating
// system accounts for it, next to a memory copy, a newline scan and two
// programs that do the chain's work and nothing else (plain and single), on the
// same bytes and measured in the same run: machines differ, ratios less so.
package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/sallyport-io/sallyport/localdev/internal/stories"
)

// The bars of the project: see docs/design.md, "Speed".
const (
	maxCPUPerGB = 8.0
	maxRSS      = 128 << 20
	// maxPlain is the bar without the machine: where 8 CPU-seconds were set as
	// the bar, plain took 19.6.
	maxPlain = maxCPUPerGB / 19.6

	// What a verdict rests on is run again until the two best runs differ by this
	// factor at most.
	agree   = 1.05
	maxRuns = 8
)

func main() {
	if role := os.Getenv(roleVariable); role != "" {
		if err := profiled(role, func() error { return runRole(context.Background(), role, os.Args[1:]) }); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", role+":", err)
			os.Exit(1)
		}
		return
	}
	sizes := flag.String("sizes", "30MB,300MB", "sizes of the file to run, parted by commas; the last is the one that is reported in full")
	workers := flag.Bool("workers", false, "run mask in 1, 2 and 4 processes on one NATS server instead")
	transforms := flag.Bool("transforms", false, "measure what each transform takes for a value instead")
	asJSON := flag.Bool("json", false, "print JSON")
	profiles := flag.String("profiles", "", "folder to write a CPU profile of each process to")
	flag.Parse()
	if *profiles != "" {
		if err := os.Setenv(profilesVariable, *profiles); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
	}
	if *transforms {
		if err := measureTransforms(); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	if *workers {
		if err := measureWorkers(context.Background(), []int{1, 2, 4}); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(context.Background(), *sizes, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// figure is what one process took for a file of Bytes.
type figure struct {
	Name  string  `json:"name"`
	Bytes int64   `json:"bytes"`
	Wall  float64 `json:"wallSeconds"`
	CPU   float64 `json:"cpuSeconds"`    // of the process, user and system
	Sys   float64 `json:"systemSeconds"` // of it in the kernel: reading, writing, syncing
	RSS   int64   `json:"peakRSS"`
	// Runs is the CPU time of each run, least first; the rest of a figure is of the first, RSS the most of any.
	Runs []float64 `json:"runsCPUSeconds,omitempty"`
}

func (f figure) perGB() float64 { return f.CPU / (float64(f.Bytes) / 1e9) }

func run(ctx context.Context, sizes string, asJSON bool) error {
	var all []figure
	for _, text := range strings.Split(sizes, ",") {
		size, err := parseSize(text)
		if err != nil {
			return err
		}
		figures, err := measure(ctx, size)
		if err != nil {
			return err
		}
		all = append(all, figures...)
		if asJSON {
			continue
		}
		print(figures)
	}
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(all)
	}
	return verdict(all)
}

// measure runs everything on one file of about size bytes.
func measure(ctx context.Context, size int64) ([]figure, error) {
	dir, err := os.MkdirTemp("", "sallyport-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "payments.csv")
	out, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	w := bufio.NewWriterSize(out, 1<<20)
	if err := errors.Join(stories.Payments(w, size, 1), w.Flush(), out.Close()); err != nil {
		return nil, err
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	var figures []figure
	for _, r := range roles {
		f, err := least(ctx, r, filepath.Join(dir, r.folder), file, size)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
		f.Bytes = info.Size()
		figures = append(figures, f)
	}
	return figures, nil
}

// least runs r as often as it is to be run, and on until the two best runs agree,
// and answers the run that took the least CPU time, with the most memory that any
// took. What else goes on on a machine only adds to CPU time: the least is nearest
// to what the work takes.
func least(ctx context.Context, r role, dir, file string, size int64) (figure, error) {
	var runs []figure // by CPU time
	var memory int64
	for len(runs) < max(r.runs, 1) || r.runs > 1 && len(runs) < maxRuns && runs[1].CPU > runs[0].CPU*agree {
		if r.prepared {
			if err := os.RemoveAll(dir); err != nil {
				return figure{}, err
			}
			if _, err := child(ctx, "prepare", dir, file); err != nil {
				return figure{}, err
			}
		}
		if err := warm(filepath.Dir(file), min(4*size, 2e9)); err != nil {
			return figure{}, err
		}
		f, err := child(ctx, r.name, dir, file)
		if err != nil {
			return figure{}, err
		}
		memory = max(memory, f.RSS)
		runs = append(runs, f)
		slices.SortFunc(runs, func(a, b figure) int { return cmp.Compare(a.CPU, b.CPU) })
	}
	best := runs[0]
	best.RSS = memory
	for _, f := range runs {
		best.Runs = append(best.Runs, f.CPU)
	}
	return best, nil
}

// warm writes and removes size bytes: on a virtual machine the first touch of a
// page of memory costs many times what the next one does, and whoever happens
// to write a file first would pay for it.
func warm(dir string, size int64) error {
	file := filepath.Join(dir, "warm")
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	piece := make([]byte, 1<<20)
	for ; size > 0 && err == nil; size -= int64(len(piece)) {
		_, err = out.Write(piece)
	}
	return errors.Join(err, out.Close(), os.Remove(file))
}

// How a process of its own is told what it is, and where its profile goes.
const (
	roleVariable     = "SALLYPORT_BENCH_ROLE"
	profilesVariable = "SALLYPORT_BENCH_PROFILES"
)

// profiled runs f under the CPU profiler, if a folder for profiles is named.
func profiled(role string, f func() error) error {
	dir := os.Getenv(profilesVariable)
	if dir == "" {
		return f()
	}
	out, err := os.Create(filepath.Join(dir, role+".pprof"))
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(out); err != nil {
		return err
	}
	defer func() {
		pprof.StopCPUProfile()
		_ = out.Close() // a profile that is cut short says so itself
	}()
	return f()
}

// child runs one role in a process of its own.
func child(ctx context.Context, role string, args ...string) (figure, error) {
	self, err := os.Executable()
	if err != nil {
		return figure{}, err
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.Stderr = os.Stderr
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return figure{}, err
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return figure{}, errors.New("this system does not account for its processes")
	}
	return figure{Name: role, Wall: time.Since(start).Seconds(), Sys: cmd.ProcessState.SystemTime().Seconds(),
		CPU: (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), RSS: usage.Maxrss << 10}, nil
}

func print(figures []figure) {
	of := map[string]figure{}
	for _, f := range figures {
		of[f.Name] = f
	}
	fmt.Printf("\n%.0f MB of payments, 12 columns, 10 validated, 4 subscriptions\n\n", float64(figures[0].Bytes)/1e6)
	fmt.Printf("%-9s %5s %8s %6s %8s %10s %8s %7s %8s\n", "", "MB/s", "CPU-s/GB", "kernel", "x memcpy", "x newlines", "x single", "x plain", "peak RSS")
	for _, f := range figures {
		fmt.Printf("%-9s %5.0f %8.2f %6.2f %8.1f %10.1f %8.2f %7.2f %4.0f MiB\n", f.Name,
			float64(f.Bytes)/1e6/f.Wall, f.perGB(), f.Sys/(float64(f.Bytes)/1e9),
			f.CPU/of["memcpy"].CPU, f.CPU/of["newlines"].CPU, f.CPU/of["single"].CPU, f.CPU/of["plain"].CPU, float64(f.RSS)/(1<<20))
	}
}

// verdict holds the chain to the bars.
func verdict(all []figure) error {
	fmt.Println()
	var missed []error
	var plain figure // of the same size: it is measured before the chain
	for _, f := range all {
		if f.Name == "plain" {
			plain = f
		}
		if f.Name != "chain" {
			continue
		}
		fmt.Printf("chain, %5.0f MB: %5.2f CPU-s/GB (bar %.0f), %.2f of plain (%.2f), peak %.0f MiB (%d)\n",
			float64(f.Bytes)/1e6, f.perGB(), maxCPUPerGB, f.CPU/plain.CPU, maxPlain, float64(f.RSS)/(1<<20), maxRSS>>20)
		fmt.Printf("    of %d runs, CPU-s/GB:", len(f.Runs)) // so that none that missed goes unseen
		for _, cpu := range f.Runs {
			fmt.Printf(" %.2f", cpu/(float64(f.Bytes)/1e9))
		}
		fmt.Println()
		if f.RSS > maxRSS {
			missed = append(missed, errors.New("the chain takes more memory than the bar"))
		}
		if f.Bytes < 100e6 { // starting up is most of it
			continue
		}
		if f.perGB() > maxCPUPerGB {
			missed = append(missed, errors.New("the chain takes more CPU time than the bar"))
		}
		if f.CPU > maxPlain*plain.CPU {
			missed = append(missed, errors.New("the chain takes a greater part of plain's CPU time than the bar"))
		}
	}
	return errors.Join(missed...)
}

func parseSize(text string) (int64, error) {
	var n float64
	var unit string
	if _, err := fmt.Sscanf(strings.TrimSpace(text), "%g%s", &n, &unit); err != nil {
		return 0, fmt.Errorf("%q is not a size such as 300MB", text)
	}
	factor, ok := map[string]float64{"MB": 1e6, "GB": 1e9, "MiB": 1 << 20, "GiB": 1 << 30}[unit]
	if !ok {
		return 0, fmt.Errorf("%q is not a unit: MB, GB, MiB or GiB", unit)
	}
	return int64(n * factor), nil
}

// The baselines read the file in pieces and do one thing to each.

func baseline(file string, each func(piece, scratch []byte)) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	piece, scratch := make([]byte, 1<<20), make([]byte, 1<<20)
	for {
		n, err := in.Read(piece)
		each(piece[:n], scratch)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func memcpy(file string) error {
	return baseline(file, func(piece, scratch []byte) { copy(scratch, piece) })
}

func newlines(file string) error {
	return baseline(file, func(piece, _ []byte) { bytes.Count(piece, []byte{'\n'}) })
}

func digest(file string) error {
	h := sha256.New()
	return baseline(file, func(piece, _ []byte) { h.Write(piece) })
}
