package device_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/provider/whatsmeow/device"
	"chasqui/internal/seal"
	"chasqui/internal/wa"
)

// underKeys is a container with the installation's own keyring.
func (b *bed) underKeys(masters ...[]byte) (*device.Container, seal.Rotation) {
	b.t.Helper()
	keys, err := seal.New(masters, b.db, seal.Options{Fresh: 50 * time.Millisecond, Settle: time.Second})
	if err != nil {
		b.t.Fatal(err)
	}
	boxes := func(ctx context.Context, org wa.OrgID) (device.Box, error) { return keys.For(ctx, org) }
	return device.New(device.Options{DB: b.db, Box: boxes}), seal.Rotation{Keys: keys, Rows: b.db}
}

// TestKeysAreTurnedOverUnderALinkedDevice changes the master key and the org's
// data key while a device writes and reads; afterwards a process that has only
// the new master key finds all of it.
func TestKeysAreTurnedOverUnderALinkedDevice(t *testing.T) {
	t.Parallel()
	b, ctx := newBed(t), t.Context()
	old, fresh := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	b.c, _ = b.underKeys(old, fresh)
	d := b.linked()
	session := func(i int) (string, []byte) { return fmt.Sprintf("%d:0", i), fmt.Appendf(nil, "session %d", i) }
	stop, written := make(chan struct{}), 0
	var writer sync.WaitGroup
	writer.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			address, state := session(written)
			if err := d.Sessions.PutSession(ctx, address, state); err != nil {
				t.Errorf("write %d: %v", written, err)
				return
			}
			written++
			time.Sleep(2 * time.Millisecond) // leaves something of the machine to others
		}
	})
	_, operator := b.underKeys(fresh, old)
	if err := operator.Master(ctx); err != nil {
		t.Error("master:", err)
	}
	if err := operator.Data(ctx, 0); err != nil {
		t.Error("data:", err)
	}
	close(stop)
	writer.Wait()
	c, _ := b.underKeys(fresh)
	again, err := c.Load(ctx, b.owner, ownJID)
	if err != nil || again == nil {
		t.Fatalf("load with the new master key alone: %v, %v", again, err)
	}
	if diff := cmp.Diff(whole(t, d), whole(t, again)); diff != "" {
		t.Error(diff)
	}
	for i := range written {
		address, state := session(i)
		if got, err := again.Sessions.GetSession(ctx, address); err != nil || !bytes.Equal(got, state) {
			t.Fatalf("session %d of %d reads %q: %v", i, written, got, err)
		}
	}
	if written < 50 {
		t.Errorf("only %d sessions were written", written)
	}
	other, _ := b.underKeys(old)
	if gone, err := other.Load(ctx, b.owner, ownJID); err == nil {
		t.Errorf("the old master key still opens: %v", gone)
	}
}
