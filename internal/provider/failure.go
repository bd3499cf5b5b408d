package provider

import (
	"fmt"
	"time"

	"chasqui/internal/wa"
)

// Class is what a failed send means for the message and for its number.
type Class string

// The classes.
const (
	// NotSent: nothing left the machine (line down, not logged in). The
	// message goes back to the head of its line.
	NotSent Class = "not_sent"
	// Passing: this message failed for a passing reason; try it again After.
	Passing Class = "passing"
	// Lasting: this message will never go.
	Lasting Class = "lasting"
	// Ambiguous: it may or may not have gone. Only a receipt or a repeat with
	// the same wire id tells.
	Ambiguous Class = "ambiguous"
	// Blocked: the number was told to slow down or stop for After; the
	// message goes back to the head of its line.
	Blocked Class = "blocked"
)

// Failure is the error of a Send.
type Failure struct {
	Class Class
	Code  wa.FailCode
	After time.Duration // for Passing and Blocked; 0 means the caller's default
	// Provider is what the network said, for customers to see.
	Provider wa.ProviderError
	Err      error
}

// Error is for logs.
func (f *Failure) Error() string {
	return fmt.Sprintf("%s (%s): %v", f.Class, f.Code, f.Err)
}

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.Err }
