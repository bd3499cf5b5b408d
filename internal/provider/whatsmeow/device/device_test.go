package device_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	wmstore "go.mau.fi/whatsmeow/store"
	"google.golang.org/protobuf/proto"

	"chasqui/internal/provider/whatsmeow/device"
	"chasqui/internal/store"
)

// whole is what a device is, without the stores.
func whole(t *testing.T, d *wmstore.Device) map[string]any {
	t.Helper()
	account, err := proto.Marshal(d.Account)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{
		"jid": *d.ID, "lid": d.LID, "registration": d.RegistrationID, "noise": *d.NoiseKey.Priv, "identity": *d.IdentityKey.Priv, "public": *d.IdentityKey.Pub,
		"pre key": *d.SignedPreKey.Priv, "pre key id": d.SignedPreKey.KeyID, "signature": *d.SignedPreKey.Signature, "adv": d.AdvSecretKey, "account": account,
		"platform": d.Platform, "business": d.BusinessName, "push": d.PushName, "uuid": d.FacebookUUID, "migration": d.LIDMigrationTimestamp,
		"nonce": d.CompanionMetaNonce, "initialized": d.Initialized,
	}
}

func TestDeviceIsKept(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	d := b.linked()
	if diff := cmp.Diff(whole(t, d), whole(t, b.load())); diff != "" {
		t.Error(diff)
	}
	again := b.load()
	again.PushName = "Another name"
	if err := again.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := b.load().PushName; got != "Another name" {
		t.Errorf("got %q", got)
	}
	if other, err := b.c.Load(t.Context(), b.owner, pn("404")); err != nil || other != nil {
		t.Errorf("a device that nobody linked: %v, %v", other, err)
	}
	last := b.load()
	if err := last.Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	if gone, err := b.c.Load(t.Context(), b.owner, ownJID); err != nil || gone != nil {
		t.Errorf("after deletion: %v, %v", gone, err)
	}
}

// TestOnlyTheLastOpenerWrites is the fence: a process that stood still has the
// device open, and somebody else opens it.
func TestOnlyTheLastOpenerWrites(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	former := b.linked()
	if err := former.Sessions.PutSession(t.Context(), "1:0", []byte("old")); err != nil {
		t.Fatal(err)
	}
	heir := b.load()
	if err := heir.Sessions.PutSession(t.Context(), "1:0", []byte("new")); err != nil {
		t.Fatal(err)
	}
	refused(t, former)
	got, err := b.load().Sessions.GetSession(t.Context(), "1:0")
	if err != nil || string(got) != "new" {
		t.Errorf("the session is %q (%v)", got, err)
	}
}

// TestFormerOwnerWritesNothing is the same before the heir has opened anything:
// the client's epoch has moved on.
func TestFormerOwnerWritesNothing(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	d := b.linked()
	b.exec("UPDATE clients SET epoch = epoch + 1")
	refused(t, d)
	if _, err := b.c.Load(t.Context(), b.owner, ownJID); !errors.Is(err, store.ErrTaken) {
		t.Errorf("opened again: %v", err)
	}
	fresh := b.c.Fresh(b.owner)
	jid := pn("7")
	fresh.ID, fresh.Account = &jid, d.Account
	if err := fresh.Save(t.Context()); !errors.Is(err, store.ErrTaken) {
		t.Errorf("linked: %v", err)
	}
}

// refused tries every way of writing.
func refused(t *testing.T, d *wmstore.Device) {
	t.Helper()
	ctx := t.Context()
	ways := map[string]func() error{
		"session": func() error { return d.Sessions.PutSession(ctx, "1:0", []byte("x")) },
		"many": func() error {
			return d.Sessions.PutManySessions(ctx, map[string][]byte{"1:0": []byte("x"), "2:0": []byte("y")})
		},
		"identity": func() error { return d.Identities.PutIdentity(ctx, "1:0", [32]byte{9}) },
		"delete":   func() error { return d.Sessions.DeleteSession(ctx, "1:0") },
		"decrypt": func() error {
			return d.EventBuffer.DoDecryptionTxn(ctx, func(ctx context.Context) error {
				return d.Sessions.PutSession(ctx, "1:0", []byte("x"))
			})
		},
		"pre keys": func() error { _, err := d.PreKeys.GetOrGenPreKeys(ctx, 3); return err },
		"marks":    func() error { return d.PreKeys.MarkPreKeysAsUploaded(ctx, 3) },
		"tokens":   func() error { _, err := d.PrivacyTokens.DeleteExpiredPrivacyTokens(ctx, epochEnd); return err },
		"name":     func() error { _, _, err := d.Contacts.PutPushName(ctx, pn("1"), "x"); return err },
		"secret":   func() error { return d.MsgSecrets.PutMessageSecret(ctx, pn("1"), pn("1"), "A", []byte("x")) },
		"buffer":   func() error { return d.EventBuffer.ClearBufferedEventPlaintext(ctx, [32]byte{1}) },
		"save":     func() error { return d.Save(ctx) },
		"forget":   func() error { return d.Container.DeleteDevice(ctx, d) },
	}
	for name, way := range ways {
		if err := way(); !errors.Is(err, store.ErrTaken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFailedWriteIsNotRemembered makes a write fail and looks: what the database
// holds counts, not what somebody wanted.
func TestFailedWriteIsNotRemembered(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	d := b.linked()
	if err := d.Sessions.PutSession(t.Context(), "1:0", []byte("old")); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Sessions.PutSession(ended, "1:0", []byte("new")); err == nil {
		t.Fatal("a write whose context had ended succeeded")
	}
	if got, err := d.Sessions.GetSession(t.Context(), "1:0"); err != nil || string(got) != "old" {
		t.Errorf("got %q (%v)", got, err)
	}
}

// TestReadersAndWriters lets readers fetch what a writer changes: memory must
// never fall behind the database.
func TestReadersAndWriters(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.c = device.New(device.Options{DB: b.db, Box: b.boxes(), Memory: 1500}) // room for a few values only
	d := b.linked()
	var crew sync.WaitGroup
	for w := range 4 {
		crew.Go(func() {
			own := fmt.Sprintf("%d:0", w)
			for i := range 50 {
				want := fmt.Sprint(i)
				if err := d.Sessions.PutSession(t.Context(), own, []byte(want)); err != nil {
					t.Error(err)
				}
				for a := range 4 {
					if _, err := d.Sessions.GetSession(t.Context(), fmt.Sprintf("%d:0", a)); err != nil {
						t.Error(err)
					}
				}
				if got, err := d.Sessions.GetSession(t.Context(), own); err != nil || string(got) != want {
					t.Errorf("wrote %s, read %q (%v)", want, got, err)
				}
			}
		})
	}
	crew.Wait()
}

// TestNothingIsReadable looks at the tables as somebody with a dump would.
func TestNothingIsReadable(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	d := b.linked()
	canary := bytes.Repeat([]byte("CANARY"), 6)
	if err := d.Sessions.PutSession(t.Context(), "1:0", canary); err != nil {
		t.Fatal(err)
	}
	if err := d.MsgSecrets.PutMessageSecret(t.Context(), pn("1"), pn("1"), "A", canary); err != nil {
		t.Fatal(err)
	}
	for _, secret := range [][]byte{canary, d.NoiseKey.Priv[:], d.IdentityKey.Priv[:], d.SignedPreKey.Priv[:], d.AdvSecretKey} {
		for _, table := range []string{"devices", "device_values"} {
			if n := b.count("SELECT count(*) FROM "+table+" WHERE position($1::bytea IN sealed) > 0", secret); n != 0 {
				t.Errorf("a secret can be read in %s", table)
			}
		}
	}
	// A value that is put in another's place does not open.
	b.exec("UPDATE device_values SET key = '2:0'::bytea WHERE kind = 'session'")
	if _, err := b.load().Sessions.GetSession(t.Context(), "2:0"); err == nil {
		t.Error("a session that was moved to another address opens")
	}
}

// TestOrgsLearnNothingOfEachOther is about addresses, which are known to an org
// and not to a device.
func TestOrgsLearnNothingOfEachOther(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	d := b.linked()
	if err := d.LIDs.PutLIDMapping(t.Context(), lid("501"), pn("1")); err != nil {
		t.Fatal(err)
	}
	other := *b
	other.owner = b.stranger()
	if got, err := other.linked().LIDs.GetLIDForPN(t.Context(), pn("1")); err != nil || !got.IsEmpty() {
		t.Errorf("another org knows %v (%v)", got, err)
	}
	if gone, err := b.c.Load(t.Context(), device.Owner{Org: other.owner.Org, Client: b.owner.Client}, ownJID); err != nil || gone != nil {
		t.Errorf("another org opened the device: %v, %v", gone, err)
	}
}

// exec runs a statement as whoever owns the tables.
func (b *bed) exec(sql string, args ...any) {
	b.t.Helper()
	b.direct(func(c *pgx.Conn) error {
		_, err := c.Exec(b.t.Context(), sql, args...)
		return err
	})
}

func (b *bed) count(sql string, args ...any) (n int) {
	b.t.Helper()
	b.direct(func(c *pgx.Conn) error { return c.QueryRow(b.t.Context(), sql, args...).Scan(&n) })
	return n
}

func (b *bed) direct(fn func(*pgx.Conn) error) {
	b.t.Helper()
	c, err := pgx.Connect(b.t.Context(), b.url)
	if err != nil {
		b.t.Fatal(err)
	}
	defer c.Close(b.t.Context())
	if _, err := c.Exec(b.t.Context(), "SET app.system = 'on'"); err != nil {
		b.t.Fatal(err)
	}
	if err := fn(c); err != nil {
		b.t.Fatal(err)
	}
}
