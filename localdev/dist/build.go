package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// kind is what a target becomes.
type kind string

const (
	lambda  kind = "lambda"  // a zip with one file, bootstrap
	image   kind = "image"   // a container image of all its platforms
	command kind = "command" // an archive with the command
)

type platform struct{ OS, Arch string }

func (p platform) String() string { return p.OS + "/" + p.Arch }

// target is one thing to build.
type target struct {
	Name      string // of what is written, without its ending
	Kind      kind
	Function  string // "" for the command
	Package   string // folder of its main, in the source
	Tags      string
	Platforms []platform // one, but for an image
}

// functions are the functions of the chain, and that which gives values back.
var functions = []string{"ingest", "mask", "fanout", "audit", "reveal"}

// targets are all there are, for some architectures.
func targets(archs []string) []target {
	var all []target
	for _, f := range functions {
		for _, arch := range archs {
			// lambda.norpc leaves out the runtime before provided.al2. timetzdata
			// puts time zones in: row filters may name one, and neither Lambda nor
			// an image from scratch has any.
			all = append(all, target{Name: f + "-lambda-" + arch, Kind: lambda, Function: f, Package: "functions/" + f + "/lambda",
				Tags: "lambda.norpc,grpcnotrace,timetzdata", Platforms: []platform{{"linux", arch}}})
		}
	}
	for _, f := range functions {
		// disable_grpc_modules leaves out what only the gRPC client of Cloud Storage
		// needs, which gocloud does not use; grpcnotrace leaves out debug pages.
		t := target{Name: f + "-gcf", Kind: image, Function: f, Package: "functions/" + f + "/gcf", Tags: "disable_grpc_modules,grpcnotrace,timetzdata"}
		for _, arch := range archs {
			t.Platforms = append(t.Platforms, platform{"linux", arch})
		}
		all = append(all, t)
	}
	for _, system := range []string{"linux", "darwin", "windows"} {
		for _, arch := range archs {
			all = append(all, target{Name: "sallyport-" + system + "-" + arch, Kind: command, Package: "localdev/sallyport",
				Tags: "timetzdata", Platforms: []platform{{system, arch}}})
		}
	}
	return all
}

// rootsModule is the folder, in the source, of the module that prints the
// certificates of the authorities.
const rootsModule = "localdev/dist/roots"

// atOnce is how many targets are built at once. Linking, compressing and hashing
// take one processor each.
const atOnce = 2

// build builds the targets into a new folder, which then takes the place of out:
// if anything fails, out is as it was.
func build(ctx context.Context, src, out string, r release, roots []byte, targets []target, stdout, stderr io.Writer) (err error) {
	if err := replaceable(out); err != nil {
		return err
	}
	beside := filepath.Dir(filepath.Clean(out))
	if err := os.MkdirAll(beside, 0o755); err != nil {
		return err
	}
	folder, err := os.MkdirTemp(beside, ".dist-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	work, err := os.MkdirTemp("", "sallyport-dist-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()

	b := &builder{src: src, work: work, out: folder}
	version, err := b.run(ctx, nil, "env", "GOVERSION")
	if err != nil {
		return err
	}
	r.Go = string(bytes.TrimSpace(version))
	b.release = r
	b.roots = roots
	if roots == nil && slices.ContainsFunc(targets, func(t target) bool { return t.Kind == image }) {
		if b.roots, err = b.run(ctx, nil, "run", "-C", rootsModule, "."); err != nil {
			return err
		}
	}

	fmt.Fprintf(stderr, "building %d with %s\n", len(targets), r.Go)
	made := make([]artifact, len(targets))
	var progress sync.Mutex
	count := 0
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, t := range targets {
		group.Go(func() error {
			start := time.Now()
			a, err := b.make(ctx, t)
			if err != nil {
				return fmt.Errorf("%s: %w", t.Name, err)
			}
			made[i] = a
			progress.Lock()
			defer progress.Unlock()
			count++
			fmt.Fprintf(stderr, "%5d/%d  %-24s %5.1f s\n", count, len(targets), t.Name, time.Since(start).Seconds())
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	r.Artifacts = map[string]artifact{}
	for i, t := range targets {
		r.Artifacts[t.Name] = made[i]
	}
	if err := r.write(folder); err != nil {
		return err
	}
	if err := replace(folder, out); err != nil {
		return err
	}
	table(stdout, out, targets, made)
	return nil
}

// builder builds from one source into one folder. It may be used concurrently.
type builder struct {
	src, work, out string
	release        release
	roots          []byte // certificates for the images, PEM
}

// make builds a target and writes what it becomes, with its bills of materials.
func (b *builder) make(ctx context.Context, t target) (artifact, error) {
	a := artifact{Kind: t.Kind, Function: t.Function}
	for _, p := range t.Platforms {
		built, err := b.compile(ctx, t, p)
		if err != nil {
			return artifact{}, err
		}
		a.Binaries = append(a.Binaries, built)
	}
	var err error
	switch t.Kind {
	case lambda:
		a.File = t.Name + ".zip"
		err = b.zip(a.File, file{"bootstrap", 0o755, a.Binaries[0].content})
	case image:
		err = b.image(t, &a)
	case command:
		terms, readErr := os.ReadFile(filepath.Join(b.src, "LICENSE"))
		if readErr != nil {
			return artifact{}, readErr
		}
		if t.Platforms[0].OS == "windows" {
			a.File = t.Name + ".zip"
			err = b.zip(a.File, file{"LICENSE", 0o644, terms}, file{"sallyport.exe", 0o755, a.Binaries[0].content})
		} else {
			a.File = t.Name + ".tar.gz"
			err = b.tarball(a.File, file{"LICENSE", 0o644, terms}, file{"sallyport", 0o755, a.Binaries[0].content})
		}
	}
	if err != nil {
		return artifact{}, err
	}
	for i := range a.Binaries {
		a.Binaries[i].content = nil // enough of it
	}
	return a, a.sum(filepath.Join(b.out, a.File))
}

// compile builds the binary of a target for a platform, and its bill of materials.
func (b *builder) compile(ctx context.Context, t target, p platform) (binary, error) {
	path := filepath.Join(b.work, t.Name+"-"+p.OS+"-"+p.Arch)
	// Everything that could differ between machines is set.
	environ := []string{"CGO_ENABLED=0", "GOOS=" + p.OS, "GOARCH=" + p.Arch, "GOAMD64=v1", "GOARM64=v8.0", "GOFIPS140=off", "GOEXPERIMENT="}
	ldflags := "-s -w -buildid="
	if t.Kind == command {
		ldflags += " -X github.com/sallyport-io/sallyport/localdev/internal/cli.version=" + b.release.Version
	}
	if _, err := b.run(ctx, environ, "build", "-trimpath", "-buildvcs=false", "-tags", t.Tags, "-ldflags", ldflags, "-o", path, "./"+t.Package); err != nil {
		return binary{}, err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return binary{}, err
	}
	sum := sha256.Sum256(content)
	built := binary{Platform: p.String(), Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:]), SBOM: t.Name + ".spdx.json", content: content}
	if len(t.Platforms) > 1 || t.Kind == image {
		built.SBOM = t.Name + "-" + p.Arch + ".spdx.json"
	}
	bill, err := billOf(path, strings.TrimSuffix(built.SBOM, ".spdx.json"), built.SHA256, b.release)
	if err != nil {
		return binary{}, err
	}
	if err := writeJSON(filepath.Join(b.out, built.SBOM), bill); err != nil {
		return binary{}, err
	}
	return built, os.Remove(path)
}

// run runs the go command in the source, and answers what it prints.
func (b *builder) run(ctx context.Context, environ []string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = b.src
	cmd.Env = append(append(os.Environ(), "GOFLAGS=-mod=readonly", "GOWORK=off"), environ...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, bytes.TrimSpace(said.Bytes()))
	}
	return out, nil
}
