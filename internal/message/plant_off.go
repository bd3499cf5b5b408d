//go:build !plant_newid && !plant_forgets

package message

// Known mistakes, for the proof that the failure tests notice them: built in by a
// tag, and otherwise compiled away.
const (
	plantNewID   = false // an unanswered message goes out again under another id
	plantForgets = false // the pace of a number is not rebuilt from its rows
)
