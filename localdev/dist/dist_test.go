package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// hello are targets of every kind, of a main that compiles in a moment.
func hello() []target {
	const main = "localdev/dist/testdata/hello"
	here := platform{"linux", runtime.GOARCH}
	return []target{
		{Name: "hello-lambda", Kind: lambda, Function: "hello", Package: main, Platforms: []platform{here}},
		{Name: "hello-gcf", Kind: image, Function: "hello", Package: main, Platforms: []platform{{"linux", "amd64"}, {"linux", "arm64"}}},
		{Name: "hello", Kind: command, Package: main, Platforms: []platform{here}},
		{Name: "hello-windows", Kind: command, Package: main, Platforms: []platform{{"windows", runtime.GOARCH}}},
	}
}

// copySource makes a source of its own, in another folder, of what hello needs.
func copySource(t *testing.T) string {
	t.Helper()
	to := t.TempDir()
	for _, name := range []string{"go.mod", "go.sum", "LICENSE", "localdev/dist/testdata/hello/main.go"} {
		content := read(t, filepath.Join("..", "..", name))
		path := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func buildHello(t *testing.T, src, out string, r release, roots []byte) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if err := build(t.Context(), src, out, r, roots, hello(), &stdout, &stderr); err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	for _, line := range strings.Split(stdout.String(), "\n") {
		if len(line) > 80 && !strings.HasPrefix(line, out) {
			t.Errorf("a line is longer than 80 columns: %q", line)
		}
	}
}

// authority is a certificate in PEM.
func authority(t *testing.T) []byte {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}

// TestRoots: what images trust when no file is named is a bundle that Go takes.
func TestRoots(t *testing.T) {
	b := builder{src: filepath.Join("..", "..")}
	content, err := b.run(t.Context(), nil, "run", "-C", rootsModule, ".")
	if err != nil {
		t.Fatal(err)
	}
	if pool := x509.NewCertPool(); !pool.AppendCertsFromPEM(content) || bytes.Count(content, []byte("BEGIN CERTIFICATE")) < 50 {
		t.Errorf("%d bytes are no bundle of authorities", len(content))
	}
}

// One build is looked at from all sides: building is what takes time.
func TestBuild(t *testing.T) {
	out := filepath.Join(t.TempDir(), "dist")
	roots := authority(t)
	first := release{Version: "v1.2.3", Created: time.Unix(1700000000, 0).UTC()}
	buildHello(t, filepath.Join("..", ".."), out, first, roots)
	var m release
	if err := json.Unmarshal(read(t, filepath.Join(out, manifestFile)), &m); err != nil {
		t.Fatal(err)
	}

	t.Run("reproducible", func(t *testing.T) {
		again := filepath.Join(t.TempDir(), "dist")
		buildHello(t, copySource(t), again, first, roots)
		if a, b := read(t, filepath.Join(out, checksumsFile)), read(t, filepath.Join(again, checksumsFile)); !bytes.Equal(a, b) {
			t.Errorf("the same source in another folder gives\n%s\nand\n%s", a, b)
		}
	})
	t.Run("zip", func(t *testing.T) {
		z, err := zip.OpenReader(filepath.Join(out, m.Artifacts["hello-lambda"].File))
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		if len(z.File) != 1 || z.File[0].Name != "bootstrap" || z.File[0].Mode() != 0o755 || !z.File[0].Modified.Equal(epoch) {
			t.Fatalf("%d files, the first %v of %v", len(z.File), z.File[0].Mode(), z.File[0].Modified)
		}
		in, err := z.File[0].Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		if b := m.Artifacts["hello-lambda"].Binaries[0]; hex.EncodeToString(sum[:]) != b.SHA256 || int64(len(content)) != b.Size {
			t.Errorf("the manifest says %+v of another binary", b)
		}
		billed(t, out, m.Artifacts["hello-lambda"].Binaries[0], content)
	})
	t.Run("image", func(t *testing.T) { imaged(t, out, m.Artifacts["hello-gcf"], roots) })
	t.Run("checksums", func(t *testing.T) {
		lines := strings.Split(strings.TrimSpace(string(read(t, filepath.Join(out, checksumsFile)))), "\n")
		if len(lines) < 10 {
			t.Fatalf("only %d lines", len(lines))
		}
		var names []string
		for _, line := range lines {
			sum, name, _ := strings.Cut(line, "  ")
			got := sha256.Sum256(read(t, filepath.Join(out, name)))
			if hex.EncodeToString(got[:]) != sum {
				t.Errorf("the checksum of %s is another", name)
			}
			names = append(names, name)
		}
		if !slices.IsSorted(names) {
			t.Errorf("not sorted: %v", names)
		}
		for _, a := range m.Artifacts {
			if !slices.Contains(names, a.File) {
				t.Errorf("%s has no checksum", a.File)
			}
		}
	})
}

// billed holds a bill of materials to the binary that it is of.
func billed(t *testing.T, out string, b binary, content []byte) {
	info, err := buildinfo.Read(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if len(info.Deps) == 0 {
		t.Fatal("the binary links no module: it proves nothing")
	}
	var s bill
	if err := json.Unmarshal(read(t, filepath.Join(out, b.SBOM)), &s); err != nil {
		t.Fatal(err)
	}
	for _, d := range info.Deps {
		if !slices.ContainsFunc(s.Packages, func(m material) bool { return m.Name == d.Path && m.Version == d.Version }) {
			t.Errorf("the bill does not have %s %s", d.Path, d.Version)
		}
	}
	if len(s.Packages) != len(info.Deps)+2 || len(s.Relationships) != len(s.Packages) { // the binary, and the library of Go
		t.Errorf("%d packages and %d relationships for %d modules", len(s.Packages), len(s.Relationships), len(info.Deps))
	}
	if s.Creation.Created != "2023-11-14T22:13:20Z" || s.Packages[0].Checksums[0].Value != b.SHA256 {
		t.Errorf("created %s, of %s", s.Creation.Created, s.Packages[0].Checksums[0].Value)
	}
}

func imaged(t *testing.T, out string, a artifact, roots []byte) {
	whole, err := layout.ImageIndexFromPath(filepath.Join(out, a.Layout))
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(whole); err != nil {
		t.Error(err)
	}
	top, err := whole.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(top.Manifests) != 1 || top.Manifests[0].Digest.String() != a.Digest {
		t.Fatalf("the layout holds %v, the manifest says %s", top.Manifests, a.Digest)
	}
	index, err := whole.ImageIndex(top.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	images, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(images.Manifests) != 2 {
		t.Fatalf("%d images", len(images.Manifests))
	}
	for i, d := range images.Manifests {
		if d.Platform.String() != a.Binaries[i].Platform {
			t.Errorf("the platform of %d is %s", i, d.Platform)
		}
		img, err := index.Image(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		config, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if config.Config.User != "65532:65532" || !slices.Equal(config.Config.Entrypoint, []string{"/function"}) || config.Architecture != d.Platform.Architecture {
			t.Errorf("user %q, entrypoint %q, architecture %s", config.Config.User, config.Config.Entrypoint, config.Architecture)
		}
		files := map[string]*tar.Header{}
		contents := map[string]string{}
		flat := mutate.Extract(img)
		for r := tar.NewReader(flat); ; {
			h, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(content)
			name := strings.TrimSuffix(h.Name, "/")
			files[name], contents[name] = h, hex.EncodeToString(sum[:])
		}
		if err := flat.Close(); err != nil {
			t.Fatal(err)
		}
		if f := files["function"]; f == nil || f.Mode != 0o755 || contents["function"] != a.Binaries[i].SHA256 {
			t.Errorf("the function is not in it: %+v", f)
		}
		if f := files["tmp"]; f == nil || f.Mode != 0o1777 {
			t.Errorf("/tmp is %+v", f)
		}
		want := sha256.Sum256(roots)
		if contents["etc/ssl/certs/ca-certificates.crt"] != hex.EncodeToString(want[:]) {
			t.Error("the certificates are not in it")
		}
	}
}

// What a folder held stays if it is not ours, or if the build fails.
func TestOut(t *testing.T) {
	out := t.TempDir()
	mine := filepath.Join(out, "mine")
	if err := os.WriteFile(mine, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := build(t.Context(), "../..", out, release{}, nil, hello()[:1], io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "-out") {
		t.Errorf("it would write over another's folder: %v", err)
	}
	for _, name := range []string{manifestFile, checksumsFile} {
		if err := os.WriteFile(filepath.Join(out, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	broken := target{Name: "x", Kind: lambda, Package: "localdev/dist/testdata/absent", Platforms: []platform{{"linux", "amd64"}}}
	if err := build(t.Context(), "../..", out, release{}, nil, []target{broken}, io.Discard, io.Discard); err == nil {
		t.Error("a main that is not there was built")
	}
	read(t, mine)
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(out), ".dist-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestRefused(t *testing.T) {
	noCertificate := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(noCertificate, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"cannot be a version":     {"-version", "1.0/../x"},
		"is not an architecture":  {"-arch", "mips"},
		"no such target":          {"-only", "ingest-lambda-mips"},
		"is no flag":              {"ingest"},
		"there is no certificate": {"-ca", noCertificate, "-only", "ingest-lambda-arm64"},
	} {
		out := filepath.Join(t.TempDir(), "dist")
		err := run(t.Context(), append([]string{"-out", out}, args...), io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", args, err)
		}
	}
	if _, err := createdAt("yesterday"); err == nil {
		t.Error("a date was taken for seconds")
	}
}

// Every target's main is there, so that a folder that moves is noticed here.
func TestTargets(t *testing.T) {
	all, err := choose([]string{"amd64", "arm64"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 10+5+6 {
		t.Errorf("%d targets", len(all))
	}
	for _, a := range all {
		if _, err := os.Stat(filepath.Join("..", "..", a.Package, "main.go")); err != nil {
			t.Error(err)
		}
	}
	one, err := choose([]string{"amd64", "arm64"}, "ingest-lambda-arm64")
	if err != nil || len(one) != 1 || one[0].Platforms[0].String() != "linux/arm64" {
		t.Errorf("%v %v", one, err)
	}
}
