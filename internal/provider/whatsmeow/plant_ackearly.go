//go:build plant_ackearly

package whatsmeow

const plantAckEarly = true
