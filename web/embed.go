// Package web carries the built dashboard inside the programs. Its sources will
// live beside this file; until they are built, the api serves the placeholder
// in dist, which says so. Nothing but files belongs here.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var files embed.FS

// Dist is the dashboard as built. Without an index.html there is none yet, and
// placeholder.html is what there is to show.
func Dist() (fs.FS, error) { return fs.Sub(files, "dist") }
