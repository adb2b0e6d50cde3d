// Command dist builds what is deployed, with nothing but Go:
//
//	<function>-lambda-<arch>.zip   for AWS Lambda (provided.al2023): one file, bootstrap
//	<function>-gcf.oci.tar         for Cloud Run: a container image of all platforms
//	<function>-gcf.oci/            the same as a folder (an OCI image layout)
//	sallyport-<os>-<arch>.tar.gz   the command; a .zip for Windows
//	<...>.spdx.json                what each binary is made of (SPDX 2.3)
//	manifest.json                  what was built, for Terraform
//	checksums.txt                  as sha256sum writes it
//
// Same source, same version of Go and same -ca: same bytes, on any machine and in any
// folder. The version and SOURCE_DATE_EPOCH (seconds since 1970; 1980 if it is
// unset) stand in the manifest, the bills of materials and the index of a layout
// only: a zip or an image whose code has not changed keeps its digest, and so is
// not deployed again.
//
// The images are from scratch: the binary, an empty /tmp, a user 65532, who is
// nobody, and certificates of authorities: those of the file that -ca names, or
// those that roots prints, which are the same on every machine. They listen on
// PORT (8080).
package main

import (
	"context"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

// epoch is the time of every file in an archive or image: zip knows none before.
var epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// versions are what a version may look like: it becomes the tag of an image.
var versions = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("dist", flag.ContinueOnError)
	flags.SetOutput(stderr)
	out := flags.String("out", "dist", "`folder` to write; one that an earlier run wrote is replaced")
	src := flags.String("src", ".", "`folder` of the source")
	version := flags.String("version", "dev", "`version` of what is built")
	only := flags.String("only", "", "build these only: `names` parted by commas, * stands for anything but /")
	arch := flags.String("arch", "amd64,arm64", "build for these `architectures` only, parted by commas")
	ca := flags.String("ca", "", "PEM `file` of the authorities that the images trust, instead of Mozilla's")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is no flag", flags.Arg(0))
	}
	if !versions.MatchString(*version) {
		return fmt.Errorf("%q cannot be a version: use letters, digits, dots, dashes and underscores", *version)
	}
	created, err := createdAt(os.Getenv("SOURCE_DATE_EPOCH"))
	if err != nil {
		return err
	}
	targets, err := choose(strings.Split(*arch, ","), *only)
	if err != nil {
		return err
	}
	var roots []byte
	if *ca != "" {
		if roots, err = certificates(*ca); err != nil {
			return err
		}
	}
	return build(ctx, *src, *out, release{Version: *version, Created: created}, roots, targets, stdout, stderr)
}

// certificates reads a PEM file in which there is at least one certificate.
func certificates(name string) ([]byte, error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if !x509.NewCertPool().AppendCertsFromPEM(content) {
		return nil, fmt.Errorf("-ca %s: there is no certificate in it", name)
	}
	return content, nil
}

// createdAt reads SOURCE_DATE_EPOCH (https://reproducible-builds.org/specs/source-date-epoch/).
func createdAt(seconds string) (time.Time, error) {
	if seconds == "" {
		return epoch, nil
	}
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || n < 0 {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH is %q: set it to seconds since 1970, or unset it", seconds)
	}
	return time.Unix(n, 0).UTC(), nil
}

// choose picks targets for some architectures by patterns of names.
func choose(archs []string, only string) ([]target, error) {
	for _, a := range archs {
		if a != "amd64" && a != "arm64" {
			return nil, fmt.Errorf("%q is not an architecture: amd64 or arm64", a)
		}
	}
	all := targets(archs)
	if only == "" {
		return all, nil
	}
	var chosen []target
	for _, pattern := range strings.Split(only, ",") {
		found := false
		for _, t := range all {
			match, err := path.Match(pattern, t.Name)
			if err != nil {
				return nil, fmt.Errorf("-only %s: %w", pattern, err)
			}
			if !match {
				continue
			}
			found = true
			if !slices.ContainsFunc(chosen, func(c target) bool { return c.Name == t.Name }) {
				chosen = append(chosen, t)
			}
		}
		if !found {
			var names []string
			for _, t := range all {
				names = append(names, t.Name)
			}
			return nil, fmt.Errorf("-only %s: there is no such target among %s", pattern, strings.Join(names, ", "))
		}
	}
	return chosen, nil
}
