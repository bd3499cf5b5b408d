package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"chasqui/internal/seal"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

type rotateKeys struct {
	Master bool          `help:"Put everything under the first key of CHASQUI_MASTER_KEY. Every process must have it there before, besides the old one."`
	Data   bool          `help:"Give every org a new data key and seal its secrets again under it. Takes some minutes more than there is to seal."`
	MinAge time.Duration `default:"1h" help:"With --data: leave alone what has a data key younger than this, so that a rotation that was cut short goes on where it was. 0s rotates all."`
}

// Run turns keys over. It may be stopped and started again at any time.
func (c rotateKeys) Run(ctx context.Context, con *console) error {
	if !c.Master && !c.Data {
		return errors.New("say what to rotate: --master, --data or both")
	}
	cfg, err := Load(con.environ, "DATABASE_URL", "CHASQUI_MASTER_KEY")
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, store.Options{URL: cfg.DatabaseURL.Reveal(), MaxConns: 2, Name: "rotate-keys"})
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.Current(ctx); err != nil {
		return err
	}
	keys, err := newKeyring(cfg, db)
	if err != nil {
		return err
	}
	return c.rotate(ctx, con, db, seal.Rotation{Keys: keys, Rows: db, Tell: func(format string, args ...any) {
		_, _ = fmt.Fprintf(con.out, format+"\n", args...) // what is done counts, not what is told
	}})
}

func (c rotateKeys) rotate(ctx context.Context, con *console, db *store.DB, r seal.Rotation) error {
	if c.Master {
		if err := r.Master(ctx); err != nil {
			return err
		}
		if err := auditRotation(ctx, db, "master key", r.Keys.MasterID()); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(con.out, "Nothing is under another master key than %s any more. Leave only that one in CHASQUI_MASTER_KEY.\n", r.Keys.MasterID()); err != nil {
			return err
		}
	}
	if !c.Data {
		return nil
	}
	if err := r.Data(ctx, c.MinAge); err != nil {
		return err
	}
	return auditRotation(ctx, db, "data keys", "")
}

// auditRotation writes into the installation's own log.
func auditRotation(ctx context.Context, db *store.DB, what, id string) error {
	return db.InTx(ctx, func(tx *store.Tx) error {
		return tx.Audit(wa.Actor{Name: "chasqui rotate-keys"}, wa.AuditKeysRotated, what, nil, map[string]string{"id": id})
	})
}
