package signal

import (
	"sync"

	"go.mau.fi/libsignal/logger"
)

type silence struct{}

func (silence) Debug(string, string)   {}
func (silence) Info(string, string)    {}
func (silence) Warning(string, string) {}
func (silence) Error(string, string)   {}
func (silence) Configure(string)       {}

// Quiet stops the library from printing to standard output, unless a logger is installed already. The library's logger
// is one for the whole process: call this before any session is used.
var Quiet = sync.OnceFunc(func() {
	if logger.Logger == nil {
		var l logger.Loggable = silence{}
		logger.Setup(&l)
	}
})
