// Package web carries the built dashboard inside the programs. Its sources live
// beside this file; until they are built (make web), the api serves the
// placeholder in dist, which says so. Nothing but files belongs here.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var files embed.FS

// Lock is the list of the packages that the dashboard is built of, as npm keeps
// it: package-lock.json.
//
//go:embed package-lock.json
var Lock []byte

// Dist is the dashboard as built. Without an index.html there is none yet, and
// placeholder.html is what there is to show.
func Dist() (fs.FS, error) { return fs.Sub(files, "dist") }
