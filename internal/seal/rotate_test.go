package seal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"chasqui/internal/seal"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// Quick keyrings learn of changes at once, slow ones within two seconds: what a
// quick one seals under a new key, a slow one must be able to open.
var (
	quick = seal.Options{Fresh: 20 * time.Millisecond, Settle: 3 * time.Second}
	slow  = seal.Options{Fresh: 600 * time.Millisecond, Settle: 3 * time.Second}
)

// process is one of several that share a database.
type process struct {
	t    testing.TB
	db   *store.DB
	keys *seal.Keyring
}

func newProcess(t testing.TB, url string, masters ...[]byte) process {
	t.Helper()
	return newProcessWith(t, quick, url, masters...)
}

func newProcessWith(t testing.TB, o seal.Options, url string, masters ...[]byte) process {
	t.Helper()
	db := testkit.OpenDB(t, url)
	k, err := seal.New(masters, db, o)
	if err != nil {
		t.Fatal(err)
	}
	return process{t, db, k}
}

func (p process) rotation() seal.Rotation {
	return seal.Rotation{Keys: p.keys, Rows: p.db, Tell: func(format string, args ...any) { p.t.Logf(format, args...) }}
}

// endpoint is an endpoint with a secret and headers that say whose they are.
func secretOf(id wa.EndpointID) []byte  { return []byte("secret of " + id.UUID()) }
func headersOf(id wa.EndpointID) []byte { return []byte(`{"x": "` + id.UUID() + `"}`) }

func (p process) create(ctx context.Context, org wa.OrgID, sealText func(place string, plain []byte) ([]byte, error)) (wa.EndpointID, error) {
	e := wa.Endpoint{ID: wa.NewEndpointID(), OrgID: org, URL: "https://example.com/" + testkit.Random(4), Events: []string{"*"}, Payload: wa.FullPayload}
	e.MaxInFlight, e.TimeoutMS = 1, 1000
	id := wa.NewSecretID()
	secret, err1 := sealText(seal.Place("webhook_secrets", "sealed", id.UUID(), org.UUID()), secretOf(e.ID))
	headers, err2 := sealText(seal.Place("webhook_endpoints", "headers", e.ID.UUID(), org.UUID()), headersOf(e.ID))
	if err := errors.Join(err1, err2); err != nil {
		return e.ID, err
	}
	return e.ID, p.db.InOrg(ctx, org, func(tx *store.Tx) error {
		return tx.InsertEndpoint(ctx, store.EndpointRow{Endpoint: e, SealedHeaders: headers}, store.SealedSecret{ID: id, Sealed: secret})
	})
}

// read opens what an endpoint has sealed, and compares.
func (p process) read(ctx context.Context, org wa.OrgID, id wa.EndpointID) error {
	box, err := p.keys.For(ctx, org)
	if err != nil {
		return err
	}
	var row store.EndpointRow
	var secrets []store.SealedSecret
	err = p.db.InOrg(ctx, org, func(tx *store.Tx) (err error) {
		if row, err = tx.Endpoint(ctx, org, id); err != nil {
			return err
		}
		secrets, err = tx.Secrets(ctx, org, id, 0)
		return err
	})
	if err != nil {
		return err
	}
	secret, err1 := box.Open(seal.Place("webhook_secrets", "sealed", secrets[0].ID.UUID(), org.UUID()), secrets[0].Sealed)
	headers, err2 := box.Open(seal.Place("webhook_endpoints", "headers", id.UUID(), org.UUID()), row.SealedHeaders)
	if err := errors.Join(err1, err2); err != nil || !bytes.Equal(secret, secretOf(id)) || !bytes.Equal(headers, headersOf(id)) {
		return fmt.Errorf("%s: opened %q and %q: %w", id, secret, headers, err)
	}
	return nil
}

// rewrite seals an endpoint's headers anew, as somebody does who changes them.
func (p process) rewrite(ctx context.Context, org wa.OrgID, id wa.EndpointID) error {
	box, err := p.keys.For(ctx, org)
	if err != nil {
		return err
	}
	sealed, err := box.Seal(seal.Place("webhook_endpoints", "headers", id.UUID(), org.UUID()), headersOf(id))
	if err != nil {
		return err
	}
	return p.db.InOrg(ctx, org, func(tx *store.Tx) error {
		row, err := tx.LockEndpoint(ctx, org, id)
		if err != nil {
			return err
		}
		row.SealedHeaders = sealed
		return tx.UpdateEndpoint(ctx, row)
	})
}

// load is what processes do while keys are turned over.
type load struct {
	mu     sync.Mutex
	known  map[wa.EndpointID]wa.OrgID
	list   []wa.EndpointID
	done   atomic.Int64
	failed []error
}

func (l *load) add(org wa.OrgID, id wa.EndpointID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known[id] = org
	l.list = append(l.list, id)
}

func (l *load) pick() (wa.OrgID, wa.EndpointID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := 0
	if rand.IntN(2) == 0 {
		from = max(0, len(l.list)-10) // what was just sealed
	}
	id := l.list[from+rand.IntN(len(l.list)-from)]
	return l.known[id], id
}

// run goes on until stop is closed. Orgs come and endpoints are made, read and
// changed, by all processes alike.
func (l *load) run(ctx context.Context, p process, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		org, id := l.pick()
		var err error
		switch n := rand.IntN(10); {
		case n < 6:
			err = p.read(ctx, org, id)
		case n < 8:
			err = p.rewrite(ctx, org, id)
		default:
			if n == 9 && rand.IntN(10) == 0 {
				fresh, _ := testkit.Org(p.t, p.db)
				org = fresh.ID
			}
			err = l.create(ctx, p, org)
		}
		l.done.Add(1)
		if err != nil {
			l.mu.Lock()
			l.failed = append(l.failed, err)
			l.mu.Unlock()
			return
		}
		time.Sleep(time.Millisecond) // leaves something of the machine to others
	}
}

func (l *load) create(ctx context.Context, p process, org wa.OrgID) error {
	box, err := p.keys.For(ctx, org)
	if err != nil {
		return err
	}
	id, err := p.create(ctx, org, box.Seal)
	if err == nil {
		l.add(org, id)
	}
	return err
}

// TestRotationUnderLoad turns the master key and all data keys over while
// several processes seal and open, with texts from before there were data keys.
// Nobody may notice, and afterwards the old master key is worth nothing.
func TestRotationUnderLoad(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), testkit.DatabaseURL(t)
	old, fresh := key(1), key(2)
	first := newProcess(t, url, old)
	l := &load{known: map[wa.EndpointID]wa.OrgID{}}
	for range 4 {
		org, _ := testkit.Org(t, first.db)
		for range 5 {
			id, err := first.create(ctx, org.ID, func(place string, plain []byte) ([]byte, error) { return sealOld(old, place, string(plain)) })
			if err != nil {
				t.Fatal(err)
			}
			l.add(org.ID, id)
		}
	}
	before, err := first.keys.Secret(ctx, "some secret")
	if err != nil {
		t.Fatal(err)
	}
	stop, running := make(chan struct{}), sync.WaitGroup{}
	for i := range 4 {
		p := newProcessWith(t, []seal.Options{quick, slow}[i%2], url, old, fresh)
		for range 2 {
			running.Go(func() { l.run(ctx, p, stop) })
		}
	}
	operator := newProcess(t, url, fresh, old)
	if err := operator.rotation().Master(ctx); err != nil {
		t.Error("master:", err)
	}
	if err := operator.rotation().Data(ctx, 0); err != nil {
		t.Error("data:", err)
	}
	close(stop)
	running.Wait()
	for _, err := range l.failed {
		t.Error("under load:", err)
	}
	t.Logf("%d things were done meanwhile, with %d endpoints", l.done.Load(), len(l.list))
	if l.done.Load() < 100 {
		t.Error("there was hardly any load")
	}

	after := newProcess(t, url, fresh)
	for id, org := range l.known {
		if err := after.read(ctx, org, id); err != nil {
			t.Error("with the new master key alone:", err)
		}
	}
	if now, err := after.keys.Secret(ctx, "some secret"); err != nil || !bytes.Equal(now, before) {
		t.Errorf("the installation's secret: %v", err)
	}
	if err := newProcess(t, url, old).keys.Check(ctx); !errors.Is(err, seal.ErrWrongMaster) {
		t.Errorf("with the old master key alone: %v", err)
	}
	checkKeys(t, after, l, 2)
}

// checkKeys finds one key before the primary one at most, and only that one in
// use where a rotation has ended.
func checkKeys(t *testing.T, p process, l *load, most int) {
	t.Helper()
	for _, org := range l.known {
		row, err := p.db.DataKey(t.Context(), org)
		if err != nil {
			t.Fatal(err)
		}
		n, err := seal.KeyCount(p.keys, row)
		if err != nil || n > most || row.Pending != 0 || row.Resealing {
			t.Errorf("%s has %d keys, pending %d, resealing %t: %v", org, n, row.Pending, row.Resealing, err)
		}
		if row.Age > time.Minute {
			continue
		}
		prefix, err := seal.Prefix(p.keys, row)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range p.db.SealedColumns() {
			if c.Shared {
				continue
			}
			if left, err := p.db.SealedOtherwise(t.Context(), org, c, prefix); left || err != nil {
				t.Errorf("%s.%s of %s has texts under other keys: %v", c.Table, c.Column, org, err)
			}
		}
	}
}

// A rotation that is cut short anywhere is taken up where it was, also by two
// at once.
func TestRotationIsTakenUp(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), testkit.DatabaseURL(t)
	p := newProcess(t, url, key(1))
	l := &load{known: map[wa.EndpointID]wa.OrgID{}}
	for range 3 {
		org, _ := testkit.Org(t, p.db)
		for range 3 {
			if err := l.create(ctx, p, org.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, after := range []time.Duration{20 * time.Millisecond, time.Second, 3500 * time.Millisecond} {
		short, cancel := context.WithTimeout(ctx, after)
		if err := p.rotation().Data(short, 0); err == nil {
			t.Errorf("a rotation was done within %s", after)
		}
		cancel()
		for id, org := range l.known {
			if err := p.read(ctx, org, id); err != nil {
				t.Errorf("after %s: %v", after, err)
			}
		}
	}
	var both sync.WaitGroup
	for range 2 {
		other := newProcess(t, url, key(1))
		both.Go(func() {
			if err := other.rotation().Data(ctx, time.Hour); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	for id, org := range l.known {
		if err := p.read(ctx, org, id); err != nil {
			t.Error(err)
		}
	}
	checkKeys(t, p, l, 2)
}

// Of many processes that meet an org for the first time, all end up with the
// same key; of many that meet an empty database, with the same master key.
func TestFirstKeysAreMadeOnce(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), testkit.DatabaseURL(t)
	maker := testkit.OpenDB(t, url)
	org, _ := testkit.Org(t, maker)
	const processes = 6
	place := seal.Place("t", "c", "r", org.ID.UUID())
	boxes, sealed, secrets := make([]*seal.Box, processes), make([][]byte, processes), make([][]byte, processes)
	var all sync.WaitGroup
	for i := range processes {
		p := newProcess(t, url, key(1))
		all.Go(func() {
			var err error
			if boxes[i], err = p.keys.For(ctx, org.ID); err != nil {
				t.Error(err)
				return
			}
			secrets[i], err = p.keys.Secret(ctx, "s")
			if sealed[i] = mustSeal(t, boxes[i], place, "secret"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for i := range processes {
		for j := range processes {
			if plain, err := boxes[i].Open(place, sealed[j]); err != nil || string(plain) != "secret" {
				t.Errorf("%d does not open what %d sealed: %v", i, j, err)
			}
		}
		if !bytes.Equal(secrets[i], secrets[0]) {
			t.Errorf("%d has another secret", i)
		}
	}
}

// A text that cannot be opened stays as it is, is told of, and keeps the keys.
func TestBrokenTextIsToldOf(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), testkit.DatabaseURL(t)
	p := newProcess(t, url, key(1))
	org, _ := testkit.Org(t, p.db)
	if err := p.keys.Check(ctx); err != nil {
		t.Fatal(err)
	}
	broken, err := p.create(ctx, org.ID, func(string, []byte) ([]byte, error) { return []byte("\x01 what is this, and under which key?"), nil })
	if err != nil {
		t.Fatal(err)
	}
	next := newProcess(t, url, key(2), key(1))
	if err := next.rotation().Master(ctx); !errors.Is(err, seal.ErrBroken) {
		t.Errorf("the rotation says %v", err)
	}
	if err := newProcess(t, url, key(2)).keys.Check(ctx); !errors.Is(err, seal.ErrWrongMaster) {
		t.Errorf("the old master key counts as retired: %v", err)
	}
	err = p.db.InOrg(ctx, org.ID, func(tx *store.Tx) error {
		row, err := tx.Endpoint(ctx, org.ID, broken)
		if err == nil && !bytes.HasPrefix(row.SealedHeaders, []byte("\x01 what")) {
			t.Errorf("it was written over: %q", row.SealedHeaders)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
