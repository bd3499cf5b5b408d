package device_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

// TestSameAsTheLibrarysStore plays one script on both stores. What each says at
// each step must be the same.
func TestSameAsTheLibrarysStore(t *testing.T) {
	t.Parallel()
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			c, _ := stock(t, b.url)
			theirs := c.NewDevice()
			link(t, theirs)
			want := play(t, theirs, script)
			if len(want) == 0 {
				t.Fatal("the script says nothing")
			}
			if diff := cmp.Diff(want, play(t, b.linked(), script)); diff != "" {
				t.Errorf("(-theirs +ours)\n%s", diff)
			}
		})
	}
}

// said is what a store said at a step.
type said struct {
	Step   string
	Answer any
	Failed bool
}

// teller notes what a store says.
type teller struct {
	*wmstore.Device
	t    testing.TB
	said []said
}

func (l *teller) note(step string, answer any, err error) {
	l.said = append(l.said, said{step, answer, err != nil})
}

func play(t *testing.T, d *wmstore.Device, script func(context.Context, *teller)) []said {
	t.Helper()
	l := &teller{Device: d, t: t}
	script(t.Context(), l)
	return l.said
}

func pn(user string) types.JID  { return types.NewJID(user, types.DefaultUserServer) }
func lid(user string) types.JID { return types.NewJID(user, types.HiddenUserServer) }

var errDecrypt = errors.New("bad mac")

var scripts = map[string]func(context.Context, *teller){
	"identities":  identityScript,
	"sessions":    sessionScript,
	"moving":      movingScript,
	"decrypting":  decryptingScript,
	"pre keys":    preKeyScript,
	"sender keys": senderKeyScript,
	"settings":    settingsScript,
	"contacts":    contactScript,
	"chats":       chatScript,
	"secrets":     secretScript,
	"tokens":      tokenScript,
	"buffers":     bufferScript,
	"addresses":   addressScript,
}

func identityScript(ctx context.Context, d *teller) {
	trusted := func(step, address string, key byte) {
		ok, err := d.Identities.IsTrustedIdentity(ctx, address, [32]byte{key})
		d.note(step, ok, err)
	}
	trusted("unknown", "1:0", 1)
	for _, a := range []string{"1:0", "1:2", "11:0", "2:0"} {
		d.note("put", nil, d.Identities.PutIdentity(ctx, a, [32]byte{1}))
		d.note("put again", nil, d.Identities.PutIdentity(ctx, a, [32]byte{1}))
	}
	trusted("known", "1:0", 1)
	trusted("another key", "1:0", 2)
	d.note("change", nil, d.Identities.PutIdentity(ctx, "1:0", [32]byte{2}))
	trusted("changed", "1:0", 2)
	d.note("delete one", nil, d.Identities.DeleteIdentity(ctx, "2:0"))
	trusted("deleted", "2:0", 9)
	d.note("delete all", nil, d.Identities.DeleteAllIdentities(ctx, "1"))
	trusted("deleted with the person", "1:2", 9)
	trusted("somebody else", "11:0", 9)
}

func sessionScript(ctx context.Context, d *teller) {
	get := func(step string, addresses ...string) {
		for _, a := range addresses {
			raw, err := d.Sessions.GetSession(ctx, a)
			d.note(step+" "+a, string(raw), err)
			has, err := d.Sessions.HasSession(ctx, a)
			d.note(step+" has "+a, has, err)
		}
		many, err := d.Sessions.GetManySessions(ctx, addresses)
		d.note(step+" many", many, err)
	}
	get("nothing", "1:0", "1:2")
	get("nobody")
	d.note("put", nil, d.Sessions.PutSession(ctx, "1:0", []byte("a")))
	d.note("put many", nil, d.Sessions.PutManySessions(ctx, map[string][]byte{"1:2": []byte("b"), "11:0": []byte("c"), "2:0": []byte("d")}))
	get("there", "1:0", "1:2", "11:0", "2:0", "3:0")
	d.note("change", nil, d.Sessions.PutSession(ctx, "1:0", []byte("a2")))
	d.note("delete", nil, d.Sessions.DeleteSession(ctx, "2:0"))
	d.note("delete nobody's", nil, d.Sessions.DeleteSession(ctx, "7:0"))
	get("after a deletion", "1:0", "2:0")
	d.note("delete all", nil, d.Sessions.DeleteAllSessions(ctx, "1"))
	get("after all", "1:0", "1:2", "11:0")
}

func movingScript(ctx context.Context, d *teller) {
	for _, a := range []string{"1:0", "1:3", "11:0", "500_1:3"} {
		d.note("session", nil, d.Sessions.PutSession(ctx, a, []byte("of "+a)))
		d.note("identity", nil, d.Identities.PutIdentity(ctx, a, [32]byte{1}))
		d.note("sender key", nil, d.SenderKeys.PutSenderKey(ctx, "group", a, []byte("key of "+a)))
	}
	for range 2 {
		d.note("move", nil, d.Sessions.MigratePNToLID(ctx, pn("1"), lid("500")))
	}
	for _, a := range []string{"1:0", "1:3", "11:0", "500_1:0", "500_1:3"} {
		raw, err := d.Sessions.GetSession(ctx, a)
		d.note("session "+a, string(raw), err)
		ok, err := d.Identities.IsTrustedIdentity(ctx, a, [32]byte{2})
		d.note("identity "+a, ok, err)
		key, err := d.SenderKeys.GetSenderKey(ctx, "group", a)
		d.note("sender key "+a, string(key), err)
	}
}

func decryptingScript(ctx context.Context, d *teller) {
	d.note("before", nil, d.Sessions.PutSession(ctx, "1:0", []byte("a")))
	keys, err := d.PreKeys.GetOrGenPreKeys(ctx, 2)
	if err != nil {
		d.t.Fatal(err)
	}
	work := func(end error) func(context.Context) error {
		return func(ctx context.Context) error {
			raw, err := d.Sessions.GetSession(ctx, "1:0")
			d.note("seen first", string(raw), err)
			d.note("put", nil, d.Sessions.PutSession(ctx, "1:0", append([]byte("b"), raw...)))
			raw, err = d.Sessions.GetSession(ctx, "1:0")
			d.note("seen inside", string(raw), err)
			d.note("identity", nil, d.Identities.PutIdentity(ctx, "1:0", [32]byte{3}))
			d.note("delete", nil, d.Sessions.DeleteSession(ctx, "2:0"))
			has, err := d.Sessions.HasSession(ctx, "2:0")
			d.note("deleted inside", has, err)
			d.note("used", nil, d.PreKeys.RemovePreKey(ctx, keys[0].KeyID))
			d.note("buffer", nil, d.EventBuffer.PutBufferedEvent(ctx, [32]byte{1}, []byte("hello"), time.Unix(1700000000, 0)))
			return end
		}
	}
	look := func() {
		raw, err := d.Sessions.GetSession(ctx, "1:0")
		d.note("session after", string(raw), err)
		ok, err := d.Identities.IsTrustedIdentity(ctx, "1:0", [32]byte{4})
		d.note("identity after", ok, err)
		key, err := d.PreKeys.GetPreKey(ctx, keys[0].KeyID)
		d.note("key after", key != nil, err)
		event, err := d.EventBuffer.GetBufferedEvent(ctx, [32]byte{1})
		d.note("event after", event != nil, err)
	}
	d.note("put", nil, d.Sessions.PutSession(ctx, "2:0", []byte("x")))
	err = d.EventBuffer.DoDecryptionTxn(ctx, work(errDecrypt))
	d.note("failed", errors.Is(err, errDecrypt), nil)
	look()
	d.note("done", nil, d.EventBuffer.DoDecryptionTxn(ctx, work(nil)))
	look()
}

func preKeyScript(ctx context.Context, d *teller) {
	count := func(step string) {
		n, err := d.PreKeys.UploadedPreKeyCount(ctx)
		d.note(step, n, err)
	}
	generate := func(step string, n uint32) {
		list, err := d.PreKeys.GetOrGenPreKeys(ctx, n)
		ids := []uint32{}
		for _, k := range list {
			ids = append(ids, k.KeyID)
			kept, err := d.PreKeys.GetPreKey(ctx, k.KeyID)
			d.note(step+" kept", err == nil && kept != nil && *kept.Priv == *k.Priv && *kept.Pub == *k.Pub, err)
		}
		d.note(step, ids, err)
	}
	count("none")
	generate("five", 5)
	generate("the same three", 3)
	d.note("uploaded", nil, d.PreKeys.MarkPreKeysAsUploaded(ctx, 3))
	count("three")
	generate("two old and two new", 4)
	one, err := d.PreKeys.GenOnePreKey(ctx)
	d.note("one more", one.KeyID, err)
	count("four")
	d.note("used", nil, d.PreKeys.RemovePreKey(ctx, 2))
	gone, err := d.PreKeys.GetPreKey(ctx, 2)
	d.note("gone", gone == nil, err)
	count("three again")
	generate("none", 0)
}

func senderKeyScript(ctx context.Context, d *teller) {
	get := func(step, group, user string) {
		raw, err := d.SenderKeys.GetSenderKey(ctx, group, user)
		d.note(step, string(raw), err)
	}
	get("none", "g1", "1:0")
	d.note("put", nil, d.SenderKeys.PutSenderKey(ctx, "g1", "1:0", []byte("a")))
	d.note("change", nil, d.SenderKeys.PutSenderKey(ctx, "g1", "1:0", []byte("b")))
	get("there", "g1", "1:0")
	get("another group", "g2", "1:0")
}

func settingsScript(ctx context.Context, d *teller) {
	latest := func() {
		id, err := d.AppStateKeys.GetLatestAppStateSyncKeyID(ctx)
		d.note("latest", string(id), err)
		all, err := d.AppStateKeys.GetAllAppStateSyncKeys(ctx)
		d.note("all", all, err)
		one, err := d.AppStateKeys.GetAppStateSyncKey(ctx, []byte("k1"))
		d.note("one", one, err)
	}
	latest()
	for _, k := range []struct {
		id string
		at int64
	}{{"k1", 10}, {"k2", 30}, {"k3", 20}, {"k1", 9}, {"k1", 11}} {
		key := wmstore.AppStateSyncKey{Data: []byte(k.id + string(rune('a'+k.at))), Fingerprint: []byte{1}, Timestamp: k.at}
		d.note("key", nil, d.AppStateKeys.PutAppStateSyncKey(ctx, []byte(k.id), key))
	}
	latest()
	version := func(name string) {
		v, hash, err := d.AppState.GetAppStateVersion(ctx, name)
		d.note("version of "+name, []any{v, hash[:2]}, err)
		for _, i := range []byte{1, 2, 3} {
			mac, err := d.AppState.GetAppStateMutationMAC(ctx, name, bytes.Repeat([]byte{i}, 32))
			d.note("mac", len(mac) > 0 && mac[0] != 0, err)
			if len(mac) > 0 {
				d.note("mac value", int(mac[0]), nil)
			}
		}
	}
	mac := func(index, value byte) wmstore.AppStateMutationMAC {
		return wmstore.AppStateMutationMAC{IndexMAC: bytes.Repeat([]byte{index}, 32), ValueMAC: bytes.Repeat([]byte{value}, 32)}
	}
	version("regular")
	for _, name := range []string{"regular", "regular_low"} {
		d.note("put version", nil, d.AppState.PutAppStateVersion(ctx, name, 1, [128]byte{7}))
		d.note("put macs", nil, d.AppState.PutAppStateMutationMACs(ctx, name, 1, []wmstore.AppStateMutationMAC{mac(1, 1), mac(2, 2), mac(3, 3)}))
	}
	d.note("no macs", nil, d.AppState.PutAppStateMutationMACs(ctx, "regular", 1, nil))
	d.note("put version", nil, d.AppState.PutAppStateVersion(ctx, "regular", 2, [128]byte{8}))
	d.note("newer macs", nil, d.AppState.PutAppStateMutationMACs(ctx, "regular", 2, []wmstore.AppStateMutationMAC{mac(1, 9)}))
	version("regular")
	d.note("drop macs", nil, d.AppState.DeleteAppStateMutationMACs(ctx, "regular", [][]byte{bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{3}, 32)}))
	d.note("drop none", nil, d.AppState.DeleteAppStateMutationMACs(ctx, "regular", nil))
	version("regular")
	d.note("drop version", nil, d.AppState.DeleteAppStateVersion(ctx, "regular"))
	version("regular")
	version("regular_low")
	salt := func() {
		raw, err := d.NCTSalt.GetNCTSalt(ctx)
		d.note("salt", string(raw), err)
	}
	salt()
	d.note("put salt", nil, d.NCTSalt.PutNCTSalt(ctx, []byte("s1")))
	d.note("put salt", nil, d.NCTSalt.PutNCTSalt(ctx, []byte("s2")))
	salt()
	d.note("drop salt", nil, d.NCTSalt.DeleteNCTSalt(ctx))
	salt()
}
