package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// program is one that coldstarts starts.
type program struct {
	name     string
	cloud    string // lambda or gcf
	function string
	hello    bool // a measure for the others
	path     string
	size     int64 // of the binary, bytes
	zip      int64 // of what is uploaded to Lambda, bytes
}

// buildPrograms builds everything that is measured, for this machine, into a
// folder: each cloud's measures first, then its functions as make dist builds
// them, out of what it uploads.
func buildPrograms(ctx context.Context, dir string) ([]program, error) {
	if runtime.GOOS != "linux" {
		return nil, errors.New("cold starts are measured on Linux: what is deployed runs nowhere else")
	}
	out := filepath.Join(dir, "dist")
	if err := goCommand(ctx, "run", "./localdev/dist", "-out", out, "-arch", runtime.GOARCH, "-only", "*-lambda-*,*-gcf"); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(out, "manifest.json"))
	if err != nil {
		return nil, err
	}
	var manifest struct {
		Artifacts map[string]struct {
			Kind, Function, File, Layout, Digest string
			Size                                 int64
		}
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		return nil, err
	}
	var all []program
	for _, cloud := range []string{"lambda", "gcf"} {
		for _, hello := range []program{
			{name: cloud + " hello", cloud: cloud, path: "./localdev/bench/hello"},
			{name: cloud + " host alone", cloud: cloud, path: "./localdev/bench/hello/" + cloud},
		} {
			from := hello.path
			hello.hello, hello.path = true, filepath.Join(dir, hello.name)
			if err := goCommand(ctx, "build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc,grpcnotrace", "-ldflags", "-s -w -buildid=", "-o", hello.path, from); err != nil {
				return nil, err
			}
			all = append(all, hello)
		}
		for _, function := range []string{"ingest", "mask", "fanout", "audit", "reveal"} {
			p := program{name: cloud + " " + function, cloud: cloud, function: function, path: filepath.Join(dir, function+"-"+cloud)}
			var binary []byte
			if cloud == "lambda" {
				a := manifest.Artifacts[function+"-lambda-"+runtime.GOARCH]
				p.zip = a.Size
				binary, err = unzip(filepath.Join(out, a.File))
			} else {
				a := manifest.Artifacts[function+"-gcf"]
				binary, err = unpack(filepath.Join(out, a.Layout), a.Digest)
			}
			if err := errors.Join(err, os.WriteFile(p.path, binary, 0o700)); err != nil {
				return nil, fmt.Errorf("%s: %w", p.name, err)
			}
			all = append(all, p)
		}
	}
	for i := range all {
		info, err := os.Stat(all[i].path)
		if err != nil {
			return nil, err
		}
		all[i].size = info.Size()
	}
	return all, nil
}

func goCommand(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

// unzip is the binary of what is uploaded to Lambda.
func unzip(file string) ([]byte, error) {
	z, err := zip.OpenReader(file)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	in, err := z.Open("bootstrap")
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return io.ReadAll(in)
}

// unpack is the binary of an image, out of its layout.
func unpack(folder, digest string) ([]byte, error) {
	index, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		return nil, err
	}
	hash, err := v1.NewHash(digest)
	if err != nil {
		return nil, err
	}
	platforms, err := index.ImageIndex(hash)
	if err != nil {
		return nil, err
	}
	m, err := platforms.IndexManifest()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(m.Manifests, func(d v1.Descriptor) bool { return d.Platform != nil && d.Platform.Architecture == runtime.GOARCH })
	if i < 0 {
		return nil, errors.New("the image is not for this machine")
	}
	img, err := platforms.Image(m.Manifests[i].Digest)
	if err != nil {
		return nil, err
	}
	files := mutate.Extract(img)
	defer files.Close()
	for in := tar.NewReader(files); ; {
		h, err := in.Next()
		if err != nil {
			return nil, fmt.Errorf("the image has no /function: %w", err)
		}
		if path.Clean("/"+h.Name) == "/function" {
			var binary bytes.Buffer
			_, err := io.Copy(&binary, in)
			return binary.Bytes(), err
		}
	}
}
