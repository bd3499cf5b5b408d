//go:build !plant_takeover

package fleet

// A known mistake, for the proof that the failure tests notice it: built in by a
// tag, and otherwise compiled away.
const plantTakeover = false // a worker inherits clients before it has renewed for a whole TTL
