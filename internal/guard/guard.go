// Package guard decides when a number may send, what to do when WhatsApp says
// something about a number, and what a failed send means. Every function is
// pure: the time and the randomness come in, a decision goes out. It reads no
// clock, starts no goroutine and touches nothing; acting on a decision belongs
// to whoever asked.
package guard

//go:generate go test -run TestStateMachinesPageIsFresh -update
