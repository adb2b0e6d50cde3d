package main

import (
	"debug/buildinfo"
	"fmt"
	"net/url"
	"path"
	"runtime/debug"
	"strings"
	"time"
)

// license is that of this project.
const license = "Apache-2.0"

// A bill of materials says what a binary is made of: SPDX 2.3
// (https://spdx.github.io/spdx-spec/v2.3/) as JSON.
type bill struct {
	Version       string         `json:"spdxVersion"`
	License       string         `json:"dataLicense"` // of the bill itself: SPDX prescribes it
	ID            string         `json:"SPDXID"`
	Name          string         `json:"name"`
	Namespace     string         `json:"documentNamespace"`
	Creation      creation       `json:"creationInfo"`
	Packages      []material     `json:"packages"`
	Relationships []relationship `json:"relationships"`
}

type creation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

// material is a package in the sense of SPDX: the binary, a module, or Go's own
// library.
type material struct {
	ID            string      `json:"SPDXID"`
	Name          string      `json:"name"`
	Version       string      `json:"versionInfo"`
	FileName      string      `json:"packageFileName,omitempty"`
	Purpose       string      `json:"primaryPackagePurpose"`
	Download      string      `json:"downloadLocation"`
	FilesAnalyzed bool        `json:"filesAnalyzed"`
	Concluded     string      `json:"licenseConcluded"`
	Declared      string      `json:"licenseDeclared"`
	Copyright     string      `json:"copyrightText"`
	Checksums     []checksum  `json:"checksums,omitempty"`
	SourceInfo    string      `json:"sourceInfo,omitempty"`
	References    []reference `json:"externalRefs,omitempty"`
}

type checksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type reference struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type relationship struct {
	Element string `json:"spdxElementId"`
	Type    string `json:"relationshipType"`
	Related string `json:"relatedSpdxElement"`
}

// billOf reads the bill of a binary from what the linker wrote into it.
func billOf(file, name, sha256 string, r release) (bill, error) {
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return bill{}, fmt.Errorf("cannot tell what a binary is made of: %w", err)
	}
	const document, binary = "SPDXRef-DOCUMENT", "SPDXRef-Binary"
	b := bill{Version: "SPDX-2.3", License: "CC0-1.0", ID: document, Name: name,
		// Nobody fetches it: it has to be another one for another bill.
		Namespace: "https://github.com/sallyport-io/sallyport/spdx/" + name + "-" + r.Version + "-" + sha256,
		Creation:  creation{Created: r.Created.Format(time.RFC3339), Creators: []string{"Tool: sallyport-localdev-dist", "Organization: Sallyport"}},
		Packages: []material{{ID: binary, Name: info.Path, Version: r.Version, FileName: name, Purpose: "APPLICATION", Download: "NOASSERTION",
			Concluded: license, Declared: license, Copyright: "NOASSERTION", Checksums: []checksum{{"SHA256", sha256}}, SourceInfo: settings(info)}},
		Relationships: []relationship{{document, "DESCRIBES", binary}},
	}
	add := func(name, version, source string) {
		m := material{ID: fmt.Sprintf("SPDXRef-Module-%d", len(b.Packages)), Name: name, Version: version, Purpose: "LIBRARY", Download: "NOASSERTION",
			Concluded: "NOASSERTION", Declared: "NOASSERTION", Copyright: "NOASSERTION", SourceInfo: source,
			References: []reference{{"PACKAGE-MANAGER", "purl", purl(name, version)}}}
		b.Packages = append(b.Packages, m)
		b.Relationships = append(b.Relationships, relationship{binary, "DEPENDS_ON", m.ID})
	}
	add("stdlib", strings.TrimPrefix(info.GoVersion, "go"), "the library of the Go distribution")
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		source := ""
		if m.Sum != "" {
			source = "go.sum " + m.Sum
		}
		add(m.Path, m.Version, source)
	}
	return b, nil
}

// settings are those that the binary was built with.
func settings(info *debug.BuildInfo) string {
	all := []string{info.GoVersion}
	for _, s := range info.Settings {
		all = append(all, s.Key+"="+s.Value)
	}
	return strings.Join(all, " ")
}

// purl is the package URL of a module (https://github.com/package-url/purl-spec,
// type golang: in small letters).
func purl(module, version string) string {
	dir, name := path.Split(strings.ToLower(module))
	return "pkg:golang/" + dir + url.PathEscape(name) + "@" + url.QueryEscape(version)
}
