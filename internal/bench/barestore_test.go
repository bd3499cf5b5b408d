package bench_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	wm "go.mau.fi/whatsmeow"
	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/store/sqlstore"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"chasqui/internal/provider/whatsmeow/device"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// bareStore is where the bare program keeps its devices: in the library's own
// store, as everybody who uses the library does, or in the platform's.
type bareStore interface {
	// find gives the device of a number; nil when it is not linked yet.
	find(ctx context.Context, number string) (*wmstore.Device, error)
	fresh() *wmstore.Device
	// counted marks what is done for messages, so that its statements count.
	counted(ctx context.Context) context.Context
	statements() int64
}

func (job bareJob) store(ctx context.Context) (bareStore, error) {
	if job.Client.IsZero() {
		return openStock(ctx)
	}
	return openOwn(ctx, device.Owner{Org: job.Org, Client: job.Client})
}

type countKey struct{}

// stockStore counts as pgx is about to run a statement.
type stockStore struct {
	*sqlstore.Container
	n atomic.Int64
}

func openStock(ctx context.Context) (*stockStore, error) {
	cfg, err := pgx.ParseConfig(os.Getenv("DATABASE_URL"))
	if err != nil {
		return nil, err
	}
	s := &stockStore{}
	cfg.Tracer = s
	cfg.RuntimeParams["search_path"] = "whatsmeow"
	db := stdlib.OpenDB(*cfg)
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)
	if _, err := db.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS whatsmeow"); err != nil {
		return nil, err
	}
	s.Container = sqlstore.NewWithDB(db, "postgres", nil)
	return s, s.Upgrade(ctx)
}

// TraceQueryStart counts.
func (s *stockStore) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	if ctx.Value(countKey{}) != nil {
		s.n.Add(1)
	}
	return ctx
}

// TraceQueryEnd does nothing.
func (s *stockStore) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (s *stockStore) find(ctx context.Context, number string) (*wmstore.Device, error) {
	all, err := s.GetAllDevices(ctx)
	for _, d := range all {
		if d.ID.User == number {
			return d, nil
		}
	}
	return nil, err
}

func (s *stockStore) fresh() *wmstore.Device { return s.NewDevice() }

func (s *stockStore) counted(ctx context.Context) context.Context {
	return context.WithValue(ctx, countKey{}, true)
}

func (s *stockStore) statements() int64 { return s.n.Load() }

// ownStore counts by the spans of its statements.
type ownStore struct {
	*device.Container
	owner device.Owner
	spans *sdktrace.TracerProvider
	n     atomic.Int64
}

func openOwn(ctx context.Context, owner device.Owner) (*ownStore, error) {
	s := &ownStore{owner: owner}
	s.spans = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(s))
	db, err := store.Open(ctx, store.Options{URL: os.Getenv("DATABASE_URL"), Name: "bare", Spans: s.spans})
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	s.Container = device.New(device.Options{DB: db, Box: func(context.Context, wa.OrgID) (device.Box, error) { return box{aead}, nil }})
	return s, nil
}

type box struct{ aead cipher.AEAD }

// Seal seals for a place.
func (b box) Seal(place string, plain []byte) ([]byte, error) {
	return b.aead.Seal(nil, nil, plain, []byte(place)), nil
}

// Open opens in the same place.
func (b box) Open(place string, sealed []byte) ([]byte, error) {
	return b.aead.Open(nil, nil, sealed, []byte(place))
}

// OnStart counts the spans that have a statement.
func (s *ownStore) OnStart(_ context.Context, span sdktrace.ReadWriteSpan) {
	for _, a := range span.Attributes() {
		if a.Key == "db.query.text" {
			s.n.Add(1)
		}
	}
}

// OnEnd does nothing.
func (s *ownStore) OnEnd(sdktrace.ReadOnlySpan) {}

// Shutdown does nothing.
func (s *ownStore) Shutdown(context.Context) error { return nil }

// ForceFlush does nothing.
func (s *ownStore) ForceFlush(context.Context) error { return nil }

func (s *ownStore) find(ctx context.Context, number string) (*wmstore.Device, error) {
	c, err := pgx.Connect(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		return nil, err
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, "SET app.system = 'on'"); err != nil {
		return nil, err
	}
	var text *string
	if err := c.QueryRow(ctx, "SELECT max(jid) FROM devices WHERE jid LIKE $1", number+":%").Scan(&text); err != nil || text == nil {
		return nil, err
	}
	jid, err := types.ParseJID(*text)
	if err != nil {
		return nil, err
	}
	return s.Load(ctx, s.owner, jid)
}

func (s *ownStore) fresh() *wmstore.Device { return s.Fresh(s.owner) }

func (s *ownStore) counted(ctx context.Context) context.Context {
	ctx, _ = s.spans.Tracer("bench").Start(ctx, "send")
	return ctx
}

func (s *ownStore) statements() int64 { return s.n.Load() }

// link links a new device with a number's phone, by QR.
func (job bareJob) link(ctx context.Context, cli *wm.Client, number string) error {
	codes, up := make(chan string, 8), make(chan struct{}, 8)
	id := cli.AddEventHandler(func(evt any) {
		switch e := evt.(type) {
		case *events.QR:
			codes <- e.Codes[0]
		case *events.Connected:
			up <- struct{}{}
		}
	})
	defer cli.RemoveEventHandler(id)
	if err := cli.ConnectContext(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, upWithin)
	defer cancel()
	select {
	case code := <-codes:
		if err := call(ctx, "POST", job.Control+"/scan", "", map[string]any{"qr": code, "phone": number}, nil); err != nil {
			return err
		}
	case <-ctx.Done():
		return fmt.Errorf("no code: %w", ctx.Err())
	}
	select {
	case <-up:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("not online after linking: %w", ctx.Err())
	}
}
