package api

// Shallow is what bounds bodies before they are read.
func Shallow(data []byte) error { return shallow(data) }
