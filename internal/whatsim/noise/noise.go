// Package noise is the server half of WhatsApp's Noise handshake: Noise_XX_25519_AESGCM_SHA256 with two deviations from
// the specification (the name is used as the first hash without hashing it, and empty payloads are never mixed in), plus
// the certificate chain with which the server proves its key and the ciphers of the connection afterwards.
package noise

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"go.mau.fi/whatsmeow/proto/waWa6"
	"go.mau.fi/whatsmeow/util/keys"
	"golang.org/x/crypto/curve25519"
	"google.golang.org/protobuf/proto"
)

const protocolName = "Noise_XX_25519_AESGCM_SHA256\x00\x00\x00\x00"

// ErrHello is returned when the client's first frame does not carry an ephemeral key of 32 bytes.
var ErrHello = errors.New("noise: not a client hello")

// Responder is one handshake in progress. Use it once, from one goroutine: Hello, then Finish.
type Responder struct {
	identity  *Identity
	ephemeral *keys.KeyPair
	hash      []byte
	salt      []byte
	key       cipher.AEAD
	counter   uint32
}

// NewResponder starts a handshake. The prologue is the four bytes a client sends in front of its first frame.
func NewResponder(identity *Identity, prologue []byte) (*Responder, error) {
	start := []byte(protocolName)
	key, err := newAEAD(start)
	if err != nil {
		return nil, err
	}
	r := &Responder{identity: identity, ephemeral: keys.NewKeyPair(), hash: start, salt: start, key: key}
	r.mixHash(prologue)
	return r, nil
}

// Hello takes the client's first frame and returns the server's answer.
func (r *Responder) Hello(frame []byte) ([]byte, error) {
	var in waWa6.HandshakeMessage
	if err := proto.Unmarshal(frame, &in); err != nil {
		return nil, fmt.Errorf("noise: decode client hello: %w", err)
	}
	theirs := in.GetClientHello().GetEphemeral()
	if len(theirs) != 32 {
		return nil, ErrHello
	}
	r.mixHash(theirs)
	r.mixHash(r.ephemeral.Pub[:])
	if err := r.mixDH(r.ephemeral.Priv, theirs); err != nil {
		return nil, err
	}
	static := r.seal(r.identity.static.Pub[:])
	if err := r.mixDH(r.identity.static.Priv, theirs); err != nil {
		return nil, err
	}
	payload := r.seal(r.identity.chain)
	return proto.Marshal(&waWa6.HandshakeMessage{ServerHello: &waWa6.HandshakeMessage_ServerHello{
		Ephemeral: r.ephemeral.Pub[:], Static: static, Payload: payload,
	}})
}

// Result is what a completed handshake yields.
type Result struct {
	ClientStatic [32]byte             // the client's noise key: who it is
	Payload      *waWa6.ClientPayload // what it wants: a login or a registration
	In, Out      *Cipher              // client frames, server frames
}

// Finish takes the client's second frame and returns who the client is, what it wants, and the ciphers.
func (r *Responder) Finish(frame []byte) (*Result, error) {
	var in waWa6.HandshakeMessage
	if err := proto.Unmarshal(frame, &in); err != nil {
		return nil, fmt.Errorf("noise: decode client finish: %w", err)
	}
	static, err := r.open(in.GetClientFinish().GetStatic())
	if err != nil {
		return nil, fmt.Errorf("noise: open client static key: %w", err)
	}
	if len(static) != 32 {
		return nil, fmt.Errorf("noise: client static key has %d bytes", len(static))
	}
	if err := r.mixDH(r.ephemeral.Priv, static); err != nil {
		return nil, err
	}
	raw, err := r.open(in.GetClientFinish().GetPayload())
	if err != nil {
		return nil, fmt.Errorf("noise: open client payload: %w", err)
	}
	res := &Result{ClientStatic: [32]byte(static), Payload: &waWa6.ClientPayload{}}
	if err := proto.Unmarshal(raw, res.Payload); err != nil {
		return nil, fmt.Errorf("noise: decode client payload: %w", err)
	}
	return res, r.split(res)
}

// split derives the two transport keys: the first opens client frames, the second seals server frames.
func (r *Responder) split(res *Result) error {
	first, second, err := r.derive(nil)
	if err != nil {
		return err
	}
	if res.In, err = newCipher(first); err != nil {
		return err
	}
	res.Out, err = newCipher(second)
	return err
}

func (r *Responder) mixHash(data []byte) {
	h := sha256.New()
	h.Write(r.hash)
	h.Write(data)
	r.hash = h.Sum(nil)
}

func (r *Responder) mixDH(priv *[32]byte, pub []byte) error {
	secret, err := curve25519.X25519(priv[:], pub)
	if err != nil {
		return fmt.Errorf("noise: key agreement: %w", err)
	}
	salt, key, err := r.derive(secret)
	if err != nil {
		return err
	}
	if r.key, err = newAEAD(key); err != nil {
		return err
	}
	r.salt, r.counter = salt, 0
	return nil
}

func (r *Responder) derive(ikm []byte) (first, second []byte, err error) {
	out, err := hkdf.Key(sha256.New, ikm, r.salt, "", 64)
	if err != nil {
		return nil, nil, fmt.Errorf("noise: derive keys: %w", err)
	}
	return out[:32], out[32:], nil
}

func (r *Responder) seal(plain []byte) []byte {
	out := r.key.Seal(nil, nonce(r.counter), plain, r.hash)
	r.counter++
	r.mixHash(out)
	return out
}

func (r *Responder) open(sealed []byte) ([]byte, error) {
	out, err := r.key.Open(nil, nonce(r.counter), sealed, r.hash)
	r.counter++
	if err == nil {
		r.mixHash(sealed)
	}
	return out, err
}

// Cipher seals or opens the frames of one direction, in order. Not for concurrent use.
type Cipher struct {
	aead    cipher.AEAD
	counter uint32
}

func newCipher(key []byte) (*Cipher, error) {
	aead, err := newAEAD(key)
	return &Cipher{aead: aead}, err
}

// Seal appends the sealed frame to dst.
func (c *Cipher) Seal(dst, plain []byte) []byte {
	out := c.aead.Seal(dst, nonce(c.counter), plain, nil)
	c.counter++
	return out
}

// Open returns the plain frame; an error means that a frame was lost, repeated or changed, and the connection is unusable.
func (c *Cipher) Open(sealed []byte) ([]byte, error) {
	out, err := c.aead.Open(sealed[:0], nonce(c.counter), sealed, nil)
	c.counter++
	if err != nil {
		return nil, fmt.Errorf("noise: open frame %d: %w", c.counter-1, err)
	}
	return out, nil
}

// Overhead is the number of bytes that Seal adds to a frame.
func (c *Cipher) Overhead() int { return c.aead.Overhead() }

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("noise: cipher: %w", err)
	}
	return cipher.NewGCM(block)
}

func nonce(counter uint32) []byte {
	iv := make([]byte, 12)
	binary.BigEndian.PutUint32(iv[8:], counter)
	return iv
}
