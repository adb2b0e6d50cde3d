package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// nobody is the user that the images run as: it owns nothing.
const nobody = "65532"

// image writes the image of a target: as a layout, and as a tar of that. The
// layout holds one entry, the index of all platforms, tagged with the version.
func (b *builder) image(t target, a *artifact) error {
	files := []file{
		{"etc/", 0o755, nil},
		{"etc/group", 0o644, []byte("root:x:0:\nnonroot:x:" + nobody + ":\n")},
		{"etc/passwd", 0o644, []byte("root:x:0:0:root:/:/sbin/nologin\nnonroot:x:" + nobody + ":" + nobody + ":nonroot:/tmp:/sbin/nologin\n")},
		{"tmp/", 0o1777, nil},
	}
	if b.roots != nil {
		files = append(files, file{"etc/ssl/", 0o755, nil}, file{"etc/ssl/certs/", 0o755, nil},
			file{"etc/ssl/certs/ca-certificates.crt", 0o644, b.roots}) // where Go looks first
	}
	base, err := layer(files...)
	if err != nil {
		return err
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for i, p := range t.Platforms {
		img, err := imageOf(base, a.Binaries[i].content, t, p)
		if err != nil {
			return err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: p.OS, Architecture: p.Arch}}})
	}
	digest, err := index.Digest()
	if err != nil {
		return err
	}
	a.Digest, a.Layout, a.File = digest.String(), t.Name+".oci", t.Name+".oci.tar"
	whole := mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), mutate.IndexAddendum{Add: index,
		Descriptor: v1.Descriptor{Annotations: map[string]string{"org.opencontainers.image.ref.name": b.release.Version}}})
	folder := filepath.Join(b.out, a.Layout)
	if _, err := layout.Write(folder, whole); err != nil {
		return err
	}
	return b.create(a.File, func(out io.Writer) error { return writeTarOf(out, folder) })
}

// imageOf is the image of one binary.
func imageOf(base v1.Layer, binary []byte, t target, p platform) (v1.Image, error) {
	top, err := layer(file{"function", 0o755, binary})
	if err != nil {
		return nil, err
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	history := v1.History{Created: v1.Time{Time: epoch}, CreatedBy: "sallyport localdev/dist"}
	if img, err = mutate.Append(img, mutate.Addendum{Layer: base, History: history}, mutate.Addendum{Layer: top, History: history}); err != nil {
		return nil, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = p.OS, p.Arch
	config.Created = v1.Time{Time: epoch}
	config.Config = v1.Config{
		User:         nobody + ":" + nobody,
		Entrypoint:   []string{"/function"},
		Env:          []string{"PORT=8080", "HOME=/tmp", "TMPDIR=/tmp"},
		WorkingDir:   "/",
		ExposedPorts: map[string]struct{}{"8080/tcp": {}},
		Labels: map[string]string{
			"org.opencontainers.image.title":    "sallyport " + t.Function,
			"org.opencontainers.image.source":   "https://github.com/sallyport-io/sallyport",
			"org.opencontainers.image.licenses": license,
		},
	}
	return mutate.ConfigFile(img, config)
}

// layer is a layer of files.
func layer(files ...file) (v1.Layer, error) {
	content, err := tarBytes(files...)
	if err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
		tarball.WithMediaType(types.OCILayer), tarball.WithCompressionLevel(gzip.BestCompression), tarball.WithCompressedCaching)
}
