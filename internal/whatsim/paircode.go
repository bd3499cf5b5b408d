package whatsim

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"
	"golang.org/x/crypto/curve25519"

	"chasqui/internal/whatsim/signal"
)

// codeRounds is the work factor that protects an eight-character code.
const codeRounds = 2 << 16

// linkCode is a companion that shows a code and waits for its person to type it.
type linkCode struct {
	ref     string
	number  string
	conn    *conn
	wrapped []byte // salt 32, iv 16, the companion's ephemeral key encrypted with the code
	finish  chan *node
}

// iqLinkCode answers both steps of the companion.
func (s *Server) iqLinkCode(c *conn, n, reg *node) {
	switch str(reg, "stage") {
	case "companion_hello":
		s.linkHello(c, n, reg)
	case "companion_finish":
		c.send(iqResult(n))
		s.mu.Lock()
		code := s.codes[string(childData(reg, "link_code_pairing_ref"))]
		s.mu.Unlock()
		if code != nil {
			select {
			case code.finish <- reg:
			default:
			}
		}
	default:
		c.send(iqError(n, 400, ""))
	}
}

// linkHello remembers the companion under a new ref. A newer code of the same companion takes the place of an older one.
func (s *Server) linkHello(c *conn, n, reg *node) {
	number, ok := numberOf(jid(reg, "jid"))
	wrapped := childData(reg, "link_code_pairing_wrapped_companion_ephemeral_pub")
	if !ok || checkNumber(number) != nil || len(wrapped) != 80 {
		c.send(iqError(n, 400, ""))
		return
	}
	code := &linkCode{ref: "ref-" + rand.Text(), number: number, conn: c, wrapped: wrapped, finish: make(chan *node, 1)}
	s.mu.Lock()
	for ref, old := range s.codes {
		if old.conn == c {
			delete(s.codes, ref)
		}
	}
	s.codes[code.ref] = code
	s.mu.Unlock()
	s.event(Event{Kind: EventWaiting, Number: number, Socket: c.id, Detail: "code"})
	c.send(iqResult(n, el("link_code_companion_reg", nil, leaf("link_code_pairing_ref", nil, []byte(code.ref)))))
}

// EnterCode plays a person who types the eight characters (with or without the dash) on the phone of a number. A wrong code
// is ErrCode, and the companion goes on waiting for the right one.
func (s *Server) EnterCode(ctx context.Context, number, code string) (types.JID, error) {
	code = strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(code))
	s.mu.Lock()
	var waiting []*linkCode
	for _, c := range s.codes {
		if c.number == number {
			waiting = append(waiting, c)
		}
	}
	s.mu.Unlock()
	err := error(ErrCode)
	for _, w := range waiting {
		var secret []byte
		if secret, err = s.agree(ctx, w, code); err == nil {
			return s.link(ctx, w.conn, number, secret)
		}
	}
	return types.EmptyJID, err
}

// agree runs the key agreement with one waiting companion and returns the secret that both now share.
func (s *Server) agree(ctx context.Context, w *linkCode, code string) ([]byte, error) {
	theirs, err := codeCipher(code, w.wrapped[:48], w.wrapped[48:80])
	if err != nil {
		return nil, err
	}
	mine := keys.NewKeyPair()
	head := make([]byte, 48)
	_, _ = rand.Read(head) // never fails
	hidden, err := codeCipher(code, head, mine.Pub[:])
	if err != nil {
		return nil, err
	}
	ring := s.phoneKeys(w.number)
	w.conn.send(el("notification", attrs{"type": "link_code_companion_reg", "from": types.ServerJID, "id": s.nextID(), "t": unix(time.Now())},
		el("link_code_companion_reg", nil,
			leaf("link_code_pairing_ref", nil, []byte(w.ref)),
			leaf("link_code_pairing_wrapped_primary_ephemeral_pub", nil, append(head, hidden...)),
			leaf("primary_identity_pub", nil, ring.Identity().Pub[:]))))
	select {
	case reg := <-w.finish:
		return openKeyBundle(w, ring, mine, theirs, childData(reg, "link_code_pairing_wrapped_key_bundle"))
	case <-w.conn.ctx.Done():
		return nil, fmt.Errorf("%w: it hung up", ErrPairRefused)
	case <-ctx.Done():
		return nil, fmt.Errorf("whatsim: waiting for the companion: %w", ctx.Err())
	}
}

// codeCipher en- or decrypts a key with the code. Head is salt 32, iv 16.
func codeCipher(code string, head, text []byte) ([]byte, error) {
	key, err := pbkdf2.Key(sha256.New, code, head[:32], codeRounds, 32)
	if err != nil {
		return nil, fmt.Errorf("whatsim: derive key from code: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("whatsim: code cipher: %w", err)
	}
	out := make([]byte, len(text))
	cipher.NewCTR(block, head[32:48]).XORKeyStream(out, text)
	return out, nil
}

// openKeyBundle opens what the companion sent last. With a wrong code both sides derived different keys, and this is where
// it shows: the companion itself never notices.
func openKeyBundle(w *linkCode, ring *signal.Keyring, mine *keys.KeyPair, theirs, bundle []byte) ([]byte, error) {
	if len(bundle) < 44 {
		return nil, ErrCode
	}
	shared, err := curve25519.X25519(mine.Priv[:], theirs)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCode, err)
	}
	key, err := hkdf.Key(sha256.New, shared, bundle[:32], "link_code_pairing_key_bundle_encryption_key", 32)
	if err != nil {
		return nil, fmt.Errorf("whatsim: derive bundle key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("whatsim: bundle cipher: %w", err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("whatsim: bundle cipher: %w", err)
	}
	plain, err := gcm.Open(nil, bundle[32:44], bundle[44:], nil)
	if err != nil || len(plain) != 96 || string(plain[:32]) != string(w.conn.reg.identity[:]) {
		return nil, ErrCode
	}
	identities, err := curve25519.X25519(ring.Identity().Priv[:], plain[:32])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCode, err)
	}
	return hkdf.Key(sha256.New, concat(shared, identities, plain[64:]), nil, "adv_secret", 32)
}
