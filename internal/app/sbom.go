package app

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"chasqui/web"
)

// sbom prints what this program is made of, for those who must know whether a
// hole that was found somewhere is in here.
type sbom struct{}

// bill is a software bill of materials as CycloneDX 1.5 writes it. It holds no
// time and no random number: the same program gives the same bill.
type bill struct {
	Format     string `json:"bomFormat"`
	Spec       string `json:"specVersion"`
	Version    int    `json:"version"`
	Metadata   about  `json:"metadata"`
	Components []part `json:"components"`
}

type about struct {
	Component part `json:"component"`
}

type part struct {
	Type    string     `json:"type"`
	Name    string     `json:"name"`
	Version string     `json:"version"`
	PURL    string     `json:"purl,omitempty"`
	Hashes  []partHash `json:"hashes,omitempty"`
}

type partHash struct {
	Alg     string `json:"alg"`
	Content string `json:"content"`
}

// Run prints it as JSON.
func (sbom) Run(_ context.Context, con *console) error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return errors.New("this program was built without what tells its modules")
	}
	packages, err := npmParts(web.Lock)
	if err != nil {
		return err
	}
	b := bill{Format: "CycloneDX", Spec: "1.5", Version: 1, Metadata: about{part{Type: "application", Name: "chasqui", Version: Version}}}
	b.Components = append(goParts(info), packages...)
	slices.SortFunc(b.Components, func(x, y part) int { return cmp.Compare(x.PURL, y.PURL) })
	b.Components = slices.CompactFunc(b.Components, func(x, y part) bool { return x.PURL == y.PURL }) // npm may keep a package in two places
	e := json.NewEncoder(con.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(b)
}

// goParts are Go itself, of which the standard library is linked, and the
// modules that are.
func goParts(info *debug.BuildInfo) []part {
	release := strings.TrimPrefix(info.GoVersion, "go")
	all := []part{{Type: "library", Name: "stdlib", Version: release, PURL: "pkg:golang/stdlib@" + release}}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		all = append(all, part{Type: "library", Name: m.Path, Version: m.Version, PURL: "pkg:golang/" + m.Path + "@" + m.Version})
	}
	return all
}

// npmParts are the packages that a lock file has for what runs in the browser,
// none that only build or test it.
func npmParts(lock []byte) (all []part, err error) {
	const inside = "node_modules/"
	var file struct {
		Packages map[string]struct {
			Version   string
			Integrity string
			Dev       bool
			Optional  bool
		}
	}
	if err := json.Unmarshal(lock, &file); err != nil {
		return nil, fmt.Errorf("read the dashboard's packages: %w", err)
	}
	for path, p := range file.Packages {
		at := strings.LastIndex(path, inside)
		if at < 0 || p.Dev || p.Optional {
			continue
		}
		name := path[at+len(inside):]
		one := part{Type: "library", Name: name, Version: p.Version, PURL: "pkg:npm/" + strings.Replace(name, "@", "%40", 1) + "@" + p.Version}
		if sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(p.Integrity, "sha512-")); err == nil && len(sum) == 64 {
			one.Hashes = []partHash{{"SHA-512", hex.EncodeToString(sum)}}
		}
		all = append(all, one)
	}
	return all, nil
}
