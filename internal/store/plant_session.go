//go:build plant_session

package store

const tenantScope = "SESSION"
