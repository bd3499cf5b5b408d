package message

import (
	"testing"
	"time"
)

// Whoever waits long asks seldom.
func TestLookAgain(t *testing.T) {
	t.Parallel()
	looks := 0
	for waited := time.Duration(0); waited < 30*time.Second; waited += lookAgain(waited) {
		looks++
	}
	if looks != 20+16+25 {
		t.Errorf("%d looks in half a minute", looks)
	}
}
