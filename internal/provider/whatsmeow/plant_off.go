//go:build !plant_ackearly

package whatsmeow

// A known mistake, for the proof that the failure tests notice it: built in by a
// tag, and otherwise compiled away.
const plantAckEarly = false // WhatsApp is told that we have a message before we do
