package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The files that make a folder one of ours.
const (
	manifestFile  = "manifest.json"
	checksumsFile = "checksums.txt"
)

// release is what was built: manifest.json. Terraform reads it with
// jsondecode(file("dist/manifest.json")).
type release struct {
	Version   string              `json:"version"`
	Created   time.Time           `json:"created"` // of the source: SOURCE_DATE_EPOCH
	Go        string              `json:"go"`      // the version that built it
	Artifacts map[string]artifact `json:"artifacts"`
}

// artifact is one thing that was built. All have the same members, so that a map
// of them has one type.
type artifact struct {
	Kind         kind     `json:"kind"`
	Function     string   `json:"function"`     // "" for the command
	File         string   `json:"file"`         // this and other paths: relative to the folder
	Size         int64    `json:"size"`         // of File, bytes
	SHA256       string   `json:"sha256"`       // of File, hex
	SHA256Base64 string   `json:"sha256Base64"` // the same as Terraform's source_code_hash has it
	Digest       string   `json:"digest"`       // of an image: what to deploy it by
	Layout       string   `json:"layout"`       // of an image: the same as a folder
	Binaries     []binary `json:"binaries"`
}

// binary is a program inside an artifact.
type binary struct {
	Platform string `json:"platform"` // as linux/arm64
	Size     int64  `json:"size"`     // bytes
	SHA256   string `json:"sha256"`   // hex
	SBOM     string `json:"sbom"`     // its bill of materials

	content []byte
}

// write completes a folder: with its manifest, and the checksums of all its files.
func (r release) write(folder string) error {
	if err := writeJSON(filepath.Join(folder, manifestFile), r); err != nil {
		return err
	}
	var names []string
	err := fs.WalkDir(os.DirFS(folder), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		return err
	}
	slices.Sort(names)
	var lines strings.Builder
	for _, name := range names {
		_, sum, err := digestFile(filepath.Join(folder, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		fmt.Fprintf(&lines, "%s  %s\n", hex.EncodeToString(sum), name)
	}
	return os.WriteFile(filepath.Join(folder, checksumsFile), []byte(lines.String()), 0o644)
}

// digestFile is the size of a file and its SHA-256.
func digestFile(path string) (size int64, sum []byte, err error) {
	in, err := os.Open(path)
	if err != nil {
		return 0, nil, err
	}
	defer in.Close()
	h := sha256.New()
	size, err = io.Copy(h, in)
	return size, h.Sum(nil), err
}

// sum says what a file is by its size and digest.
func (a *artifact) sum(path string) error {
	size, sum, err := digestFile(path)
	a.Size, a.SHA256, a.SHA256Base64 = size, hex.EncodeToString(sum), base64.StdEncoding.EncodeToString(sum)
	return err
}

func writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}

// replaceable is an error unless out is absent, empty or what an earlier run wrote.
func replaceable(out string) error {
	entries, err := os.ReadDir(out)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	for _, name := range []string{manifestFile, checksumsFile} {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			return fmt.Errorf("%s holds something else than an earlier run's files: name another folder with -out", out)
		}
	}
	return nil
}

// replace puts a folder in the place of another.
func replace(folder, out string) error {
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	if err := os.Chmod(folder, 0o755); err != nil {
		return err
	}
	return os.Rename(folder, out)
}

// table prints what was built.
func table(w io.Writer, out string, targets []target, made []artifact) {
	fmt.Fprintf(w, "\n%-32s %9s %11s  %s\n", out, "MB", "binary MB", "sha256")
	for i := range targets {
		a := made[i]
		var size int64
		for _, b := range a.Binaries {
			size = max(size, b.Size)
		}
		digest := a.SHA256
		if a.Digest != "" {
			digest = strings.TrimPrefix(a.Digest, "sha256:")
		}
		fmt.Fprintf(w, "%-32s %9.1f %11.1f  %.16s...\n", a.File, float64(a.Size)/1e6, float64(size)/1e6, digest)
	}
}
