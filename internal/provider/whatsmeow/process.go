package whatsmeow

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"go.mau.fi/libsignal/logger"
	wm "go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/store"
)

// What the library keeps in package variables belongs to the whole process.
// It is set here, before the first connection, and never changed afterwards.
var process struct {
	sync.Mutex
	rootKey string
	version string
	builtIn string
}

// BuiltInVersion is the version of WhatsApp's web client that the library was
// written for. WhatsApp refuses versions that are too old.
func BuiltInVersion() string {
	process.Lock()
	defer process.Unlock()
	return builtIn()
}

func builtIn() string {
	if process.builtIn == "" {
		process.builtIn = store.GetWAVersion().String()
	}
	return process.builtIn
}

func setWebVersion(version string) error {
	process.Lock()
	defer process.Unlock()
	builtIn()
	if version == "" || version == process.version {
		return nil
	}
	parsed, err := store.ParseVersion(version)
	if err != nil {
		return fmt.Errorf("web version: %w", err)
	}
	store.SetWAVersion(parsed)
	process.version = version
	return nil
}

// setRootKey replaces the key that WhatsApp's servers are known by.
func setRootKey(text string) error {
	if text == "" {
		return nil
	}
	key, err := hex.DecodeString(text)
	if err != nil || len(key) != len(wm.WACertPubKey) {
		return errors.New("the root key must be 64 hexadecimal digits")
	}
	process.Lock()
	defer process.Unlock()
	switch process.rootKey {
	case text:
		return nil
	case "":
		process.rootKey = text
		wm.WACertPubKey = [32]byte(key)
		return nil
	}
	return errors.New("another root key is in use in this process")
}

// newTransport makes the one transport of all sessions: connections are few
// and long, but TLS state and buffers per session add up.
func newTransport(opts Options) (*http.Transport, error) {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 15 * time.Second,
	}
	if opts.Endpoint == "" {
		return t, nil
	}
	t.Proxy = nil
	t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, "tcp", opts.Endpoint)
	}
	roots, err := readRoots(opts)
	t.TLSClientConfig.RootCAs = roots
	return t, err
}

func readRoots(opts Options) (*x509.CertPool, error) {
	pem := opts.CAPEM
	if opts.CAFile != "" {
		var err error
		if pem, err = os.ReadFile(opts.CAFile); err != nil {
			return nil, fmt.Errorf("authority of the endpoint: %w", err)
		}
	}
	if len(pem) == 0 {
		return nil, nil
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("authority of the endpoint: no certificate found")
	}
	return roots, nil
}

type silence struct{}

func (silence) Debug(string, string)   {}
func (silence) Info(string, string)    {}
func (silence) Warning(string, string) {}
func (silence) Error(string, string)   {}
func (silence) Configure(string)       {}

// quiet keeps the Signal library from printing to standard output. It installs
// its default logger on first use, without a lock: be there before.
var quiet = sync.OnceFunc(func() {
	if logger.Logger == nil {
		var l logger.Loggable = silence{}
		logger.Setup(&l)
	}
})
