package seal

import (
	"context"
	"fmt"

	"chasqui/internal/wa"
)

// Check makes sure that this process has every master key that something may
// hang on. ErrWrongMaster: it must not run, and nothing was written. The first
// process of all leaves the texts by which the others will know.
func (k *Keyring) Check(ctx context.Context) error {
	rows, err := k.source.MasterKeys(ctx)
	if err != nil {
		return fmt.Errorf("check master key: %w", err)
	}
	if len(rows) == 0 {
		if rows, err = k.begin(ctx); err != nil {
			return err
		}
	}
	return k.verify(rows)
}

// Verify is Check for who only looks: it never writes.
func (k *Keyring) Verify(ctx context.Context) error {
	rows, err := k.source.MasterKeys(ctx)
	if err != nil {
		return fmt.Errorf("check master key: %w", err)
	}
	if len(rows) == 0 {
		return k.checkOld(ctx)
	}
	return k.verify(rows)
}

func (k *Keyring) verify(rows []wa.MasterKey) error {
	for _, row := range rows {
		m := k.master(row.ID)
		if m == nil {
			return k.lacks(row)
		}
		if !m.known(row) {
			return fmt.Errorf("%w: the text in master_keys that belongs to %s cannot be opened, so somebody changed it", ErrWrongMaster, row.ID)
		}
	}
	return nil
}

// begin keeps what the master keys are known by. Where secrets were sealed
// before there were data keys, one of them tells the right master key.
func (k *Keyring) begin(ctx context.Context) ([]wa.MasterKey, error) {
	if err := k.checkOld(ctx); err != nil {
		return nil, err
	}
	var rows []wa.MasterKey
	for i, m := range k.masters {
		row, err := m.row()
		if err != nil {
			return nil, err
		}
		row.Current = i == 0
		rows = append(rows, row)
	}
	if err := k.source.InsertMasterKeys(ctx, rows); err != nil {
		return nil, fmt.Errorf("keep what the master key is known by: %w", err)
	}
	rows, err := k.source.MasterKeys(ctx) // another process may have been first
	if err == nil && len(rows) == 0 {
		err = fmt.Errorf("%w: the database kept nothing", ErrWrongMaster)
	}
	return rows, err
}

func (k *Keyring) checkOld(ctx context.Context) error {
	text, err := k.source.OldSealed(ctx)
	if wa.CodeOf(err) == wa.NotFound && err != nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for sealed texts: %w", err)
	}
	if _, err := (&Box{masters: k.masters}).openOld(placeOf(text), text.Sealed); err != nil {
		return fmt.Errorf("%w: a secret in %s cannot be opened with CHASQUI_MASTER_KEY (%s); set the one it was sealed with", ErrWrongMaster, text.Column.Table, k.ids())
	}
	return nil
}

func (k *Keyring) lacks(row wa.MasterKey) error {
	return fmt.Errorf("%w: the database's secrets are kept under master key %s, and CHASQUI_MASTER_KEY holds %s; set the right one, nothing was changed", ErrWrongMaster, row.ID, k.ids())
}

func placeOf(t wa.SealedText) string {
	return Place(t.Column.Table, t.Column.Column, Row(t.Key...), t.Org.UUID())
}
