package cli

import (
	"runtime"
	"runtime/debug"
)

// version is set by the linker for what make dist builds.
var version string

type versionCommand struct{ jsonFlag }

func (versionCommand) Help() string {
	return `Examples:

    sallyport version
    sallyport version --json`
}

// Run prints what the binary was built from.
func (c versionCommand) Run(s *session) error {
	v := struct {
		Version  string `json:"version"`
		Revision string `json:"revision,omitempty"` // commit, if it was built in a checkout
		Modified bool   `json:"modified,omitempty"` // the checkout had changes besides
		Go       string `json:"go"`
		Platform string `json:"platform"`
	}{Version: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" {
			v.Version = info.Main.Version
		}
		for _, setting := range info.Settings {
			switch setting.Key {
			case "vcs.revision":
				v.Revision = setting.Value
			case "vcs.modified":
				v.Modified = setting.Value == "true"
			}
		}
	}
	if version != "" {
		v.Version = version
	}
	if c.JSON {
		return s.json(v)
	}
	s.out.Printf("sallyport %s", v.Version)
	if v.Revision != "" {
		s.out.Printf(" %.12s", v.Revision)
	}
	if v.Modified {
		s.out.Printf(" with changes")
	}
	s.out.Printf(" (%s, %s)\n", v.Go, v.Platform)
	return nil
}
