package seal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"chasqui/internal/wa"
)

// Rows is what a rotation works on: *store.DB in programs.
type Rows interface {
	Wrapping
	Texts
}

// Wrapping are the wrapped data keys. False: somebody else changed the key.
type Wrapping interface {
	SetMasterKey(ctx context.Context, k wa.MasterKey) error
	RetireMasterKeys(ctx context.Context) error
	DataKeysUnderOthers(ctx context.Context, master string, most int) ([]wa.DataKey, error)
	RewrapDataKey(ctx context.Context, k wa.DataKey, from string) (bool, error)
	ChangeDataKey(ctx context.Context, k wa.DataKey, fresh bool) (bool, error)
}

// Texts are the sealed texts.
type Texts interface {
	KeyOrgs(ctx context.Context, after wa.OrgID, most int) ([]wa.OrgID, error)
	SealedColumns() []wa.SealedColumn
	Reseal(ctx context.Context, s wa.Sealing, seal func(wa.SealedText) ([]byte, error)) (last []string, n int, err error)
	SealedOtherwise(ctx context.Context, org wa.OrgID, c wa.SealedColumn, prefix []byte) (bool, error)
}

const (
	orgsAtOnce = 500
	keysAtOnce = 100
	triesMost  = 10
)

// Rotation turns keys over while everybody goes on working. It may be ended at
// any time and started again, and run by several at once: each step is a guarded
// update of what it finds.
type Rotation struct {
	Keys *Keyring
	Rows Rows
	// Tell is told how it goes; it may be nil.
	Tell func(format string, args ...any)
}

// Master puts all data keys under the keyring's first master key, and seals
// again what was sealed under a master key itself. Every process must have that
// key before. Afterwards nothing hangs on the others.
func (r Rotation) Master(ctx context.Context) error {
	if err := r.Keys.Check(ctx); err != nil {
		return err
	}
	to := r.Keys.masters[0]
	row, err := to.row()
	if err != nil {
		return err
	}
	if err := r.Rows.SetMasterKey(ctx, row); err != nil {
		return fmt.Errorf("set master key: %w", err)
	}
	r.tell("master key %s is the current one", to.id)
	if err := r.rewrap(ctx, to); err != nil {
		return err
	}
	sealed := 0
	err = r.each(ctx, func(org wa.OrgID) error {
		box, err := r.Keys.load(ctx, org)
		if err != nil {
			return err
		}
		n, err := r.reseal(ctx, org, box)
		sealed += n
		return err
	})
	if err != nil {
		return err
	}
	r.tell("%d texts were sealed again", sealed)
	return r.Rows.RetireMasterKeys(ctx)
}

// rewrap puts data keys under a master key until there are no others.
func (r Rotation) rewrap(ctx context.Context, to *master) error {
	wrapped, idle := 0, 0
	for idle < triesMost {
		rows, err := r.Rows.DataKeysUnderOthers(ctx, to.id, keysAtOnce)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			r.tell("%d data keys were wrapped", wrapped)
			return nil
		}
		idle++
		for _, row := range rows {
			done, err := r.rewrapOne(ctx, row, to)
			if err != nil {
				return err
			}
			if done {
				wrapped, idle = wrapped+1, 0
			}
		}
	}
	return errors.New("others keep changing the data keys; run it again")
}

func (r Rotation) rewrapOne(ctx context.Context, row wa.DataKey, to *master) (bool, error) {
	h, err := r.Keys.open(row)
	if err != nil {
		return false, err
	}
	from := row.Master
	if row.Keyset, err = to.seal(h, row.Org); err != nil {
		return false, err
	}
	row.Master = to.id
	return r.Rows.RewrapDataKey(ctx, row, from)
}

// Data gives every org a new data key, seals everything again under it, and
// forgets keys that nothing is under. A key that is younger than minAge is left
// as it is, so that a rotation that was cut short goes on where it was.
//
// A process must never meet a text whose key it does not know: so the new key
// is first only kept, for reading, and seals when every process has it.
func (r Rotation) Data(ctx context.Context, minAge time.Duration) error {
	if err := r.Keys.Check(ctx); err != nil {
		return err
	}
	for _, phase := range []struct {
		says string
		do   func(context.Context, wa.OrgID) (bool, error)
	}{
		{"%d orgs have a new key, which everybody shall know first", func(ctx context.Context, org wa.OrgID) (bool, error) { return r.addKey(ctx, org, minAge) }},
		{"%d orgs seal under their new key", r.promote},
		{"%d orgs have nothing under older keys", r.finish},
	} {
		n := 0
		err := r.each(ctx, func(org wa.OrgID) error {
			done, err := phase.do(ctx, org)
			if done {
				n++
			}
			return err
		})
		if err != nil {
			return err
		}
		r.tell(phase.says, n)
	}
	return nil
}

// each walks through the installation and all orgs.
func (r Rotation) each(ctx context.Context, fn func(wa.OrgID) error) error {
	if err := fn(wa.OrgID{}); err != nil {
		return err
	}
	var after wa.OrgID
	for {
		orgs, err := r.Rows.KeyOrgs(ctx, after, orgsAtOnce)
		if err != nil || len(orgs) == 0 {
			return err
		}
		for _, org := range orgs {
			if err := fn(org); err != nil {
				return fmt.Errorf("%s: %w", name(org), err)
			}
		}
		after = orgs[len(orgs)-1]
	}
}

// change applies a change to an org's keyset, again if somebody else was first.
// Where alter says no, nothing changes.
func (r Rotation) change(ctx context.Context, org wa.OrgID, alter func(*wa.DataKey, *keyset.Manager) (bool, error)) (bool, error) {
	for range triesMost {
		row, err := r.Keys.source.DataKey(ctx, org)
		if wa.CodeOf(err) == wa.NotFound && err != nil {
			return false, nil // it has sealed nothing
		}
		if err != nil {
			return false, err
		}
		h, err := r.Keys.open(row)
		if err != nil {
			return false, err
		}
		before, m := row.Pending, keyset.NewManagerFromHandle(h)
		if yes, err := alter(&row, m); err != nil || !yes {
			return false, err
		}
		if err := r.wrap(ctx, &row, m); err != nil {
			return false, err
		}
		done, err := r.Rows.ChangeDataKey(ctx, row, row.Pending != 0 && row.Pending != before)
		if done || (err != nil && wa.CodeOf(err) != wa.Conflict) {
			return done, err
		}
	}
	return false, errors.New("others keep changing the data key; run it again")
}

func (r Rotation) wrap(ctx context.Context, row *wa.DataKey, m *keyset.Manager) error {
	h, err := m.Handle()
	if err != nil {
		return fmt.Errorf("change data key: %w", err)
	}
	current, err := r.Keys.current(ctx)
	if err != nil {
		return err
	}
	row.Master = current.id
	row.Keyset, err = current.seal(h, row.Org)
	return err
}

func (r Rotation) addKey(ctx context.Context, org wa.OrgID, minAge time.Duration) (bool, error) {
	return r.change(ctx, org, func(row *wa.DataKey, m *keyset.Manager) (bool, error) {
		if row.Pending != 0 || row.Resealing || row.Age < minAge {
			return false, nil
		}
		id, err := m.Add(aead.AES256GCMKeyTemplate())
		row.Pending, row.Resealing = id, true
		return true, err
	})
}

func (r Rotation) promote(ctx context.Context, org wa.OrgID) (bool, error) {
	return r.change(ctx, org, func(row *wa.DataKey, m *keyset.Manager) (bool, error) {
		if row.Pending == 0 {
			return false, nil
		}
		if wait := r.Keys.opt.Settle - row.Settled; wait > 0 {
			if err := sleep(ctx, wait); err != nil {
				return false, err
			}
		}
		err := m.SetPrimary(row.Pending)
		row.Pending = 0
		return true, err
	})
}

// finish seals everything again under the primary key. It keeps the key before
// it, for a process that stood still with it in hand, and drops older ones.
func (r Rotation) finish(ctx context.Context, org wa.OrgID) (bool, error) {
	row, err := r.Keys.source.DataKey(ctx, org)
	if wa.CodeOf(err) == wa.NotFound && err != nil {
		return false, nil
	}
	if err != nil || !row.Resealing || row.Pending != 0 {
		return false, err
	}
	if wait := r.Keys.opt.Settle - row.Settled; wait > 0 {
		if err := sleep(ctx, wait); err != nil {
			return false, err
		}
	}
	box, err := r.Keys.box(row)
	if err != nil {
		return false, err
	}
	if _, err := r.reseal(ctx, org, box); err != nil {
		return false, err
	}
	version := row.Version
	return r.change(ctx, org, func(row *wa.DataKey, m *keyset.Manager) (bool, error) {
		if row.Version != version {
			return false, nil // somebody else rotates, and finishes
		}
		row.Resealing = false
		return true, dropOld(m)
	})
}

// dropOld keeps the primary key and the one before it. Keys stand in the order
// in which they were made.
func dropOld(m *keyset.Manager) error {
	h, err := m.Handle()
	if err != nil {
		return fmt.Errorf("read data key: %w", err)
	}
	info := h.KeysetInfo().GetKeyInfo()
	primary := h.KeysetInfo().GetPrimaryKeyId()
	for i := range info {
		if i+1 < len(info) && info[i+1].GetKeyId() == primary {
			break
		}
		if id := info[i].GetKeyId(); id != primary {
			if err := m.Delete(id); err != nil {
				return fmt.Errorf("drop old key: %w", err)
			}
		}
	}
	return nil
}

func (r Rotation) tell(format string, args ...any) {
	if r.Tell != nil {
		r.Tell(format, args...)
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// columns of the installation, or of orgs.
func (r Rotation) columns(org wa.OrgID) []wa.SealedColumn {
	return slices.DeleteFunc(r.Rows.SealedColumns(), func(c wa.SealedColumn) bool { return c.Shared != org.IsZero() })
}
