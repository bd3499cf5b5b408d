//go:build chaos

package whatsmeow

import (
	"strings"

	"chasqui/internal/provider"
	"chasqui/internal/wa"
)

// poison panics over texts that begin with that word, for the failure tests.
func poison(m provider.Outgoing) {
	if t, ok := m.Content.(wa.Text); ok && strings.HasPrefix(t.Body, "poison ") {
		panic("poison")
	}
}
