// Package revision reads files as they are at a revision of a git repository,
// through the git command.
package revision

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"strings"

	"github.com/sallyport-io/sallyport/shared/fault"
)

// Bounds of what is read. Configuration is small.
const (
	maxFile  = 16 << 20
	maxTotal = 256 << 20
	maxFiles = 50_000
)

// Folder lays the files that a folder of a repository has at a revision into a new
// temporary folder, which the caller removes. Links and submodules are left out.
func Folder(ctx context.Context, dir, revision string) (copied string, err error) {
	if err := named(revision); err != nil {
		return "", err
	}
	archive, err := git(ctx, dir, maxTotal, "archive", "--format=tar", revision)
	if err != nil {
		return "", err
	}
	if copied, err = os.MkdirTemp("", "sallyport-revision-"); err != nil {
		return "", err
	}
	if err := unpack(archive, copied); err != nil {
		return "", errors.Join(err, os.RemoveAll(copied))
	}
	return copied, nil
}

// File is a file at a revision: "main:contracts/payments.odcs.yaml", its path from
// the top of the repository, or with "./" before it from dir.
func File(ctx context.Context, dir, revisionAndPath string) ([]byte, error) {
	if err := named(revisionAndPath); err != nil {
		return nil, err
	}
	return git(ctx, dir, maxFile, "cat-file", "blob", revisionAndPath)
}

// named refuses what git would take for an option.
func named(revision string) error {
	if revision == "" || strings.HasPrefix(revision, "-") {
		return fault.New(fault.Invalid, "revision", fmt.Sprintf("%q is no revision", revision), "name a branch, a tag or a commit, such as main")
	}
	return nil
}

// git runs a command of git in dir and answers what it prints.
func git(ctx context.Context, dir string, limit int, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	var told bytes.Buffer
	cmd.Stderr = &told
	out := bounded{limit: limit}
	cmd.Stdout = &out
	err := cmd.Run()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, fault.New(fault.Invalid, "git", "there is no git command here", "install git")
	case out.over:
		return nil, fault.New(fault.Invalid, "revision", fmt.Sprintf("there are more than %d bytes at that revision", limit), "name the folder of the exchange alone")
	case err != nil:
		said, _, _ := strings.Cut(strings.TrimSpace(told.String()), "\n")
		return nil, fault.New(fault.Invalid, "git", "git: "+strings.TrimPrefix(said, "fatal: "), "name a revision and a path that the repository has")
	}
	return out.Bytes(), nil
}

// bounded takes no more than limit bytes.
type bounded struct {
	bytes.Buffer
	limit int
	over  bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.limit {
		b.over = true
		return 0, io.ErrShortWrite
	}
	return b.Buffer.Write(p)
}

// unpack writes the ordinary files of an archive into dir, and nothing beside it.
func unpack(archive []byte, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	files := 0
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if files++; files > maxFiles {
			return fault.New(fault.Invalid, "revision", fmt.Sprintf("there are more than %d files at that revision", maxFiles), "name the folder of the exchange alone")
		}
		if err := write(root, path.Clean(h.Name), r); err != nil {
			return err
		}
	}
}

func write(root *os.Root, name string, r io.Reader) error {
	if dir := path.Dir(name); dir != "." {
		if err := root.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}
