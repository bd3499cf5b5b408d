package whatsim

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"chasqui/internal/whatsim/noise"
)

// tlsNames are the hosts a client believes it dials.
var tlsNames = []string{"web.whatsapp.com", "*.whatsapp.com", "*.whatsapp.net", "*.cdn.whatsapp.net", "localhost"}

const (
	noiseFile = "noise.json"
	caFile    = "ca.pem"
	caKeyFile = "ca-key.pem"
)

// authority is the simulator's TLS side: a CA of its own and a certificate for WhatsApp's names.
type authority struct {
	caPEM []byte
	ca    *x509.Certificate
	cert  tls.Certificate
}

// CAPEM is the certificate of the CA, for clients that are told where to find it.
func (s *Server) CAPEM() []byte { return s.caPEM }

// CAFile is the path of the CA's certificate; "" without a DataDir.
func (s *Server) CAFile() string {
	if s.opts.DataDir == "" {
		return ""
	}
	return filepath.Join(s.opts.DataDir, caFile)
}

func (s *Server) caPool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(s.ca)
	return pool
}

// loadKeys reads the root key and the CA from DataDir, or makes them.
func (s *Server) loadKeys() error {
	if s.opts.DataDir != "" {
		if err := os.MkdirAll(s.opts.DataDir, 0o700); err != nil {
			return fmt.Errorf("whatsim: create data folder: %w", err)
		}
	}
	if err := s.loadNoise(); err != nil {
		return err
	}
	key, err := s.loadCA()
	if err != nil {
		return err
	}
	return s.issue(key)
}

// freshIdentity is made once per process: what clients pin is one variable for the whole process, so that all simulators of
// a test binary have to answer to the same root.
var freshIdentity = sync.OnceValues(noise.NewIdentity)

func (s *Server) loadNoise() error {
	raw, err := s.readData(noiseFile)
	if err != nil {
		return err
	}
	if raw != nil {
		s.identity = &noise.Identity{}
		return json.Unmarshal(raw, s.identity)
	}
	if s.identity, err = freshIdentity(); err != nil {
		return err
	}
	if raw, err = json.Marshal(s.identity); err != nil {
		return fmt.Errorf("whatsim: encode root key: %w", err)
	}
	return s.writeData(noiseFile, raw)
}

// loadCA returns the CA's private key and sets its certificate.
func (s *Server) loadCA() (*ecdsa.PrivateKey, error) {
	certPEM, err := s.readData(caFile)
	if err != nil {
		return nil, err
	}
	keyPEM, err := s.readData(caKeyFile)
	if err != nil {
		return nil, err
	}
	if certPEM == nil || keyPEM == nil {
		return s.newCA()
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("whatsim: read CA: %w", err)
	}
	s.caPEM, s.ca = certPEM, pair.Leaf
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("whatsim: CA key is not an elliptic curve key")
	}
	return key, nil
}

func (s *Server) newCA() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("whatsim: make CA key: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, certTemplate(true), certTemplate(true), &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("whatsim: make CA: %w", err)
	}
	if s.ca, err = x509.ParseCertificate(der); err != nil {
		return nil, fmt.Errorf("whatsim: parse CA: %w", err)
	}
	rawKey, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("whatsim: encode CA key: %w", err)
	}
	s.caPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: rawKey})
	return key, errors.Join(s.writeData(caKeyFile, keyPEM), s.writeData(caFile, s.caPEM))
}

// issue makes the server's certificate, anew at every start.
func (s *Server) issue(caKey *ecdsa.PrivateKey) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("whatsim: make TLS key: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, certTemplate(false), s.ca, &key.PublicKey, caKey)
	if err != nil {
		return fmt.Errorf("whatsim: make TLS certificate: %w", err)
	}
	s.cert = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	return nil
}

func certTemplate(ca bool) *x509.Certificate {
	now := time.Now()
	t := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: "whatsim"},
		NotBefore:    now.Add(-24 * time.Hour),
		NotAfter:     now.AddDate(10, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	if ca {
		t.IsCA, t.BasicConstraintsValid, t.KeyUsage = true, true, x509.KeyUsageCertSign
		return t
	}
	t.DNSNames, t.IPAddresses = tlsNames, []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	return t
}

// readData returns a file of DataDir, or nil when there is none.
func (s *Server) readData(name string) ([]byte, error) {
	if s.opts.DataDir == "" {
		return nil, nil
	}
	raw, err := os.ReadFile(filepath.Join(s.opts.DataDir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return raw, err
}

// writeData replaces a file of DataDir in one step; without a DataDir it does nothing.
func (s *Server) writeData(name string, raw []byte) error {
	if s.opts.DataDir == "" {
		return nil
	}
	path := filepath.Join(s.opts.DataDir, name)
	if err := os.WriteFile(path+".tmp", raw, 0o600); err != nil {
		return fmt.Errorf("whatsim: write %s: %w", name, err)
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return fmt.Errorf("whatsim: replace %s: %w", name, err)
	}
	return nil
}
