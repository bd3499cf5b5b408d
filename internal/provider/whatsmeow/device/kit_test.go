package device_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"go.mau.fi/whatsmeow/proto/waAdv"
	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/store/sqlstore"
	"go.mau.fi/whatsmeow/types"

	"chasqui/internal/provider/whatsmeow/device"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

var epochEnd = time.Unix(1<<40, 0)

var ownJID = types.JID{User: "15550001000", Device: 7, Server: types.DefaultUserServer}

// bed is a database with a client, and a container over it.
type bed struct {
	t     testing.TB
	url   string
	db    *store.DB
	c     *device.Container
	owner device.Owner
}

func newBed(t testing.TB) *bed {
	t.Helper()
	url := testkit.DatabaseURL(t)
	b := &bed{t: t, url: url, db: testkit.OpenDB(t, url)}
	org, _ := testkit.Org(t, b.db)
	b.owner = device.Owner{Org: org.ID, Client: testkit.Client(t, b.db, org.ID).ID}
	b.c = b.container()
	return b
}

// container is another process.
func (b *bed) container() *device.Container {
	return device.New(device.Options{DB: b.db, Box: b.boxes()})
}

func (b *bed) boxes() func(context.Context, wa.OrgID) (device.Box, error) {
	return func(context.Context, wa.OrgID) (device.Box, error) { return newBox(b.t), nil }
}

// stranger owns a client of another org.
func (b *bed) stranger() device.Owner {
	org, _ := testkit.Org(b.t, b.db)
	return device.Owner{Org: org.ID, Client: testkit.Client(b.t, b.db, org.ID).ID}
}

// linked keeps a new device.
func (b *bed) linked() *wmstore.Device {
	b.t.Helper()
	d := b.c.Fresh(b.owner)
	link(b.t, d)
	return d
}

// link makes a device one that a phone has signed, and keeps it.
func link(t testing.TB, d *wmstore.Device) {
	t.Helper()
	jid := ownJID
	d.ID, d.LID = &jid, types.JID{User: "100001000", Device: 7, Server: types.HiddenUserServer}
	d.Platform, d.PushName, d.BusinessName, d.CompanionMetaNonce, d.LIDMigrationTimestamp = "android", "Ana", "Shop", "nonce", 42
	d.Account = &waAdv.ADVSignedDeviceIdentity{
		Details: []byte("details"), AccountSignature: bytes.Repeat([]byte{1}, 64), AccountSignatureKey: bytes.Repeat([]byte{2}, 32),
		DeviceSignature: bytes.Repeat([]byte{3}, 64),
	}
	if err := d.Save(t.Context()); err != nil {
		t.Fatalf("save the device: %v", err)
	}
}

// load opens the device as another process would.
func (b *bed) load() *wmstore.Device {
	b.t.Helper()
	d, err := b.container().Load(b.t.Context(), b.owner, ownJID)
	if err != nil || d == nil {
		b.t.Fatalf("load the device: %v, %v", d, err)
	}
	return d
}

// stock is the library's own store in the schema that it had.
func stock(t testing.TB, url string) (*sqlstore.Container, *sql.DB) {
	t.Helper()
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	cfg.RuntimeParams["search_path"] = "whatsmeow"
	db := stdlib.OpenDB(*cfg)
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.ExecContext(t.Context(), "CREATE SCHEMA IF NOT EXISTS whatsmeow"); err != nil {
		t.Fatal(err)
	}
	c := sqlstore.NewWithDB(db, "postgres", nil)
	if err := c.Upgrade(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c, db
}

type box struct{ aead cipher.AEAD }

func newBox(t testing.TB) box {
	t.Helper()
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	return box{aead}
}

// Seal seals for a place.
func (b box) Seal(place string, plain []byte) ([]byte, error) {
	return b.aead.Seal([]byte{9}, nil, plain, []byte(place)), nil
}

// Open opens in the same place.
func (b box) Open(place string, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != 9 {
		return nil, errors.New("not sealed")
	}
	return b.aead.Open(nil, nil, sealed[1:], []byte(place))
}
