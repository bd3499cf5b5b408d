//go:build plant_takeover

package fleet

const plantTakeover = true
