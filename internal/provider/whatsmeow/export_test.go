package whatsmeow

// Bare makes a provider leave the library's stores as they are, to measure
// what the session lock costs and saves.
func Bare(p *Provider) { p.bare = true }
