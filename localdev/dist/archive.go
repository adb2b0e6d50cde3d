package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// file is a file, or a folder if its name ends in a slash, in an archive.
type file struct {
	name    string
	mode    fs.FileMode
	content []byte
}

// create writes a file of the release by f.
func (b *builder) create(name string, f func(io.Writer) error) error {
	out, err := os.Create(filepath.Join(b.out, name))
	if err != nil {
		return err
	}
	return errors.Join(f(out), out.Close())
}

// zip writes a zip of files.
func (b *builder) zip(name string, files ...file) error {
	return b.create(name, func(out io.Writer) error {
		z := zip.NewWriter(out)
		z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
		for _, f := range files {
			h := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: epoch}
			h.SetMode(f.mode)
			w, err := z.CreateHeader(h)
			if err != nil {
				return err
			}
			if _, err := w.Write(f.content); err != nil {
				return err
			}
		}
		return z.Close()
	})
}

// tarball writes a compressed tar of files.
func (b *builder) tarball(name string, files ...file) error {
	return b.create(name, func(out io.Writer) error {
		z, err := gzip.NewWriterLevel(out, gzip.BestCompression)
		if err != nil {
			return err
		}
		return errors.Join(writeTar(z, files...), z.Close())
	})
}

// writeTar writes a tar of files, all of them root's.
func writeTar(w io.Writer, files ...file) error {
	t := tar.NewWriter(w)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Typeflag: tar.TypeReg, Size: int64(len(f.content)), Mode: int64(f.mode), ModTime: epoch, Format: tar.FormatUSTAR}
		if f.name[len(f.name)-1] == '/' {
			h.Typeflag = tar.TypeDir
		}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if _, err := t.Write(f.content); err != nil {
			return err
		}
	}
	return t.Close()
}

// writeTarOf writes a tar of a folder.
func writeTarOf(w io.Writer, folder string) error {
	t := tar.NewWriter(w)
	err := fs.WalkDir(os.DirFS(folder), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		if d.IsDir() {
			return t.WriteHeader(&tar.Header{Name: name + "/", Typeflag: tar.TypeDir, Mode: 0o755, ModTime: epoch, Format: tar.FormatUSTAR})
		}
		in, err := os.Open(filepath.Join(folder, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		defer in.Close()
		info, err := in.Stat()
		if err != nil {
			return err
		}
		if err := t.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Size: info.Size(), Mode: 0o644, ModTime: epoch, Format: tar.FormatUSTAR}); err != nil {
			return err
		}
		_, err = io.Copy(t, in)
		return err
	})
	return errors.Join(err, t.Close())
}

// tarBytes is a tar of files in memory.
func tarBytes(files ...file) ([]byte, error) {
	var out bytes.Buffer
	err := writeTar(&out, files...)
	return out.Bytes(), err
}
