package whatsim

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waServerSync"
	"go.mau.fi/whatsmeow/store"
	waLog "go.mau.fi/whatsmeow/util/log"
	"google.golang.org/protobuf/proto"

	"chasqui/internal/whatsim/signal"
)

// App state is what the devices of an account share about it. The simulator shares one thing: the account's own name,
// without which a companion cannot show itself online. It is the first and only patch of its collection; what companions
// write themselves is confirmed and not kept.

// appKeyID names the one key of every account.
var appKeyID = []byte{0, 0, 0, 0, 0, 1}

// appKey is the account's key, made from its identity so that it needs no keeping.
func appKey(keys *signal.Keyring) ([]byte, error) {
	return hkdf.Key(sha256.New, keys.Identity().Priv[:], nil, "whatsim app state", 32)
}

// keyShelf is the part of a device store that the encoder of patches reads.
type keyShelf struct {
	*store.NoopStore
	key []byte
}

func (k keyShelf) GetAppStateSyncKey(context.Context, []byte) (*store.AppStateSyncKey, error) {
	return &store.AppStateSyncKey{Data: k.key}, nil
}

// namePatch encodes the patch that sets an account's name.
func (s *Server) namePatch(number string) ([]byte, error) {
	s.mu.Lock()
	p := s.phoneLocked(number)
	keys, name := p.keys, p.pushName()
	s.mu.Unlock()
	key, err := appKey(keys)
	if err != nil {
		return nil, fmt.Errorf("whatsim: derive app state key: %w", err)
	}
	shelf := keyShelf{&store.NoopStore{}, key}
	proc := appstate.NewProcessor(&store.Device{AppStateKeys: shelf, AppState: shelf}, waLog.Noop)
	raw, err := proc.EncodePatch(s.ctx, appKeyID, appstate.HashState{}, appstate.BuildSettingPushName(name))
	if err != nil {
		return nil, fmt.Errorf("whatsim: encode name: %w", err)
	}
	var patch waServerSync.SyncdPatch
	if err := proto.Unmarshal(raw, &patch); err != nil {
		return nil, fmt.Errorf("whatsim: decode own patch: %w", err)
	}
	patch.Version = &waServerSync.SyncdVersion{Version: proto.Uint64(1)}
	return proto.Marshal(&patch)
}

// iqAppState answers with the account's name where it is new to the companion, and with nothing new elsewhere.
func (s *Server) iqAppState(c *conn, n *node) node {
	sync := child(n, "sync")
	if sync == nil {
		return iqError(n, 400, "")
	}
	var out []node
	for _, col := range sync.GetChildren() {
		name, version := str(&col, "name"), num(&col, "version")
		answer := el("collection", attrs{"name": name, "version": version})
		switch {
		case child(&col, "patch") != nil:
			answer.Attrs["version"] = version + 1
		case name == string(appstate.WAPatchCriticalBlock) && version == 0:
			patch, err := s.namePatch(c.number())
			if err != nil {
				s.log.Error("no app state", "err", err)
				return iqError(n, 500, "")
			}
			answer.Attrs["version"] = 1
			answer.Content = []node{el("patches", nil, leaf("patch", nil, patch))}
		}
		out = append(out, answer)
	}
	return iqResult(n, el("sync", nil, out...))
}

// shareAppKey lets the phone send its app state key to a new companion, which then asks for the state.
func (s *Server) shareAppKey(d *device) {
	p := d.phone
	p.writing.Lock()
	defer p.writing.Unlock()
	key, err := appKey(s.phoneKeys(p.number))
	if err != nil {
		s.log.Error("no app state key", "err", err)
		return
	}
	now := time.Now()
	plain, err := proto.Marshal(&waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{
		Type: waE2E.ProtocolMessage_APP_STATE_SYNC_KEY_SHARE.Enum(),
		AppStateSyncKeyShare: &waE2E.AppStateSyncKeyShare{Keys: []*waE2E.AppStateSyncKey{{
			KeyID: &waE2E.AppStateSyncKeyId{KeyID: appKeyID},
			KeyData: &waE2E.AppStateSyncKeyData{
				KeyData: key, Timestamp: proto.Int64(now.UnixMilli()),
				Fingerprint: &waE2E.AppStateSyncKeyFingerprint{RawID: proto.Uint32(1), CurrentIndex: proto.Uint32(1)},
			},
		}}},
	}})
	if err != nil {
		s.log.Error("app state key not encoded", "err", err)
		return
	}
	header := attrs{"from": pnJID(p.number, 0), "id": newWireID(), "type": "peer_msg", "category": "peer", "t": unix(now), "sender_lid": lidJID(p.number, 0)}
	s.mu.Lock()
	p.remember(str(&node{Attrs: header}, "id"), &sentMessage{plain: plain, copied: plain, header: header})
	s.mu.Unlock()
	s.pushSealed(p, d, header, plain, nil)
}
