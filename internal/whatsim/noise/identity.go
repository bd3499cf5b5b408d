package noise

import (
	"encoding/json"
	"fmt"
	"time"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/whatsmeow/proto/waCert"
	"go.mau.fi/whatsmeow/util/keys"
	"google.golang.org/protobuf/proto"
)

// validFor is how long a certificate chain lasts; a new chain is signed at every start, under the same root.
const validFor = 10 * 365 * 24 * time.Hour

// Identity is the server's long-lived key material: the root that clients pin, and a static key certified under it.
type Identity struct {
	root   *keys.KeyPair
	static *keys.KeyPair
	chain  []byte
}

// NewIdentity makes a fresh root and static key.
func NewIdentity() (*Identity, error) {
	return newIdentity(keys.NewKeyPair(), keys.NewKeyPair())
}

func newIdentity(root, static *keys.KeyPair) (*Identity, error) {
	chain, err := certify(root, static.Pub[:])
	if err != nil {
		return nil, err
	}
	return &Identity{root: root, static: static, chain: chain}, nil
}

// RootPub is the public root key, the one clients pin.
func (i *Identity) RootPub() [32]byte { return *i.root.Pub }

type savedIdentity struct {
	Root   []byte `json:"root"`
	Static []byte `json:"static"`
}

// MarshalJSON stores the two private keys.
func (i *Identity) MarshalJSON() ([]byte, error) {
	return json.Marshal(savedIdentity{Root: i.root.Priv[:], Static: i.static.Priv[:]})
}

// UnmarshalJSON restores what MarshalJSON stored and signs a fresh chain.
func (i *Identity) UnmarshalJSON(data []byte) error {
	var saved savedIdentity
	if err := json.Unmarshal(data, &saved); err != nil {
		return fmt.Errorf("noise: read identity: %w", err)
	}
	if len(saved.Root) != 32 || len(saved.Static) != 32 {
		return fmt.Errorf("noise: identity keys have %d and %d bytes, want 32", len(saved.Root), len(saved.Static))
	}
	fresh, err := newIdentity(
		keys.NewKeyPairFromPrivateKey([32]byte(saved.Root)), keys.NewKeyPairFromPrivateKey([32]byte(saved.Static)))
	if err != nil {
		return err
	}
	*i = *fresh
	return nil
}

// certify builds root → intermediate → static, as clients check it: serials, both signatures and both validity periods.
func certify(root *keys.KeyPair, static []byte) ([]byte, error) {
	middle := keys.NewKeyPair()
	intermediate, err := sign(root, 1, 0, middle.Pub[:])
	if err != nil {
		return nil, err
	}
	leaf, err := sign(middle, 2, 1, static)
	if err != nil {
		return nil, err
	}
	return proto.Marshal(&waCert.CertChain{Intermediate: intermediate, Leaf: leaf})
}

func sign(signer *keys.KeyPair, serial, issuer uint32, key []byte) (*waCert.CertChain_NoiseCertificate, error) {
	now := time.Now()
	details, err := proto.Marshal(&waCert.CertChain_NoiseCertificate_Details{
		Serial: proto.Uint32(serial), IssuerSerial: proto.Uint32(issuer), Key: key,
		NotBefore: proto.Uint64(uint64(now.Add(-24 * time.Hour).Unix())),
		NotAfter:  proto.Uint64(uint64(now.Add(validFor).Unix())),
	})
	if err != nil {
		return nil, fmt.Errorf("noise: encode certificate: %w", err)
	}
	sig := ecc.CalculateSignature(ecc.NewDjbECPrivateKey(*signer.Priv), details)
	return &waCert.CertChain_NoiseCertificate{Details: details, Signature: sig[:]}, nil
}
