//go:build !chaos

package whatsmeow

import "chasqui/internal/provider"

// poison is where the failure tests have a message break its handler.
func poison(provider.Outgoing) {}
