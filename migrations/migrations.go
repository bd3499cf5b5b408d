// Package migrations carries the database's history as SQL files, oldest
// first. A file that has been released is never edited: new needs are new files
// that are safe while the previous release still runs.
package migrations

import "embed"

// FS holds the SQL files in goose's format.
//
//go:embed *.sql
var FS embed.FS
