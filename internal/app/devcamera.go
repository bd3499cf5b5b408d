package app

import (
	"context"
	"fmt"
	"time"

	"chasqui/internal/account"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// The pocket phone sees the codes on the platform's screens by an API key. A
// platform that nobody has set up yet has none to give it; this one is made as
// soon as there is an org, and its name tells on the page of API keys what it is.
const cameraKeyName = "Pocket phone (chasqui dev)"

// cameraLook is how often it is asked whether somebody has set the platform up.
const cameraLook = time.Second

// seesCodes is the least that lists numbers and reads the codes that they show.
func seesCodes() []wa.Permission { return []wa.Permission{wa.ReadClients, wa.WriteClients} }

// giveCamera adds the part that waits for the first org, makes the key in it
// and writes it where the pocket phone looks. Only the org that is set up during
// this run gets one.
func (r *devRun) giveCamera() error {
	if r.info.SetUpURL == "" || r.info.WhatsimURL == "" {
		return nil
	}
	cfg, err := Load(r.settings(), Required...)
	if err != nil {
		return err
	}
	r.parts = append(r.parts, Part{Name: "camera", Run: func(ctx context.Context) error {
		key, err := awaitCameraKey(ctx, cfg)
		if err == nil {
			r.info.CameraKey, r.info.SetUpURL = key, ""
			err = r.writeInfo(r.info)
		}
		if err != nil && ctx.Err() == nil {
			r.log.WarnContext(ctx, "the pocket phone cannot scan by a click: copy the text of a code instead", "err", err)
		}
		<-ctx.Done()
		return nil
	}})
	return nil
}

// awaitCameraKey waits until there is an org and makes the key.
func awaitCameraKey(ctx context.Context, cfg Config) (string, error) {
	db, err := store.Open(ctx, store.Options{URL: cfg.DatabaseURL.Reveal(), MaxConns: 1, Name: "dev"})
	if err != nil {
		return "", err
	}
	defer db.Close()
	accounts, err := openAccounts(ctx, cfg, db)
	if err != nil {
		return "", err
	}
	if err := awaitSetUp(ctx, accounts); err != nil {
		return "", err
	}
	var orgs []wa.OrgID
	err = db.InTx(ctx, func(tx *store.Tx) (err error) {
		orgs, err = tx.OrgIDs(ctx)
		return err
	})
	if err != nil {
		return "", err
	}
	if len(orgs) != 1 {
		return "", fmt.Errorf("there are %d organisations", len(orgs))
	}
	_, text, err := accounts.CreateKey(ctx, orgs[0], cameraKeyName, seesCodes())
	return text.Reveal(), err
}

func awaitSetUp(ctx context.Context, accounts *account.Service) error {
	for {
		needed, err := accounts.SetUpNeeded(ctx)
		if err == nil && !needed {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(cameraLook):
		}
	}
}
