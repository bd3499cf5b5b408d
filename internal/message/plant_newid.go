//go:build plant_newid

package message

// Known mistakes, for the proof that the failure tests notice them: built in by a
// tag, and otherwise compiled away.
const (
	plantNewID   = true  // an unanswered message goes out again under another id
	plantForgets = false // the pace of a number is not rebuilt from its rows
)
