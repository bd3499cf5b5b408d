//go:build !plant_session

package store

// A known mistake, for the proof that the failure tests notice it: built in by a
// tag, and otherwise compiled away.
const tenantScope = "LOCAL" // how long a connection stays with an org: with its transaction
