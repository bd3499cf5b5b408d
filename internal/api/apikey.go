package api

import (
	"context"
	"time"

	"chasqui/internal/wa"
)

type keyIn struct {
	Key ref[wa.KeyID] `path:"key"`
}

type keyOut struct{ Body wa.APIKey }

type createKeyIn struct {
	Body struct {
		Name      string          `json:"name" maxLength:"100" doc:"What the key is for"`
		Scopes    []wa.Permission `json:"scopes" minItems:"1" maxItems:"100" nullable:"false" doc:"What it may do: no more than you may yourself"`
		Networks  []string        `json:"networks,omitempty" maxItems:"50" nullable:"false" doc:"Where it may be used from: addresses, and networks like 203.0.113.0/24; anywhere if absent"`
		Rate      int             `json:"rate,omitempty" minimum:"1" maximum:"60000" doc:"Requests a minute at most; the usual limit if absent"`
		ExpiresAt *time.Time      `json:"expires_at,omitempty" doc:"When it ends; never if absent"`
	} `nameHint:"NewAPIKey"`
}

// shownKey is a key with its text, which is shown this once.
type shownKey struct {
	wa.APIKey
	Text string `json:"key" doc:"The key itself; shown this once"`
}

type shownKeyOut struct {
	Location string `header:"Location"`
	Body     shownKey
}

func shownKeyOf(k wa.APIKey, text wa.Secret, err error) (*shownKeyOut, error) {
	if err != nil {
		return nil, err
	}
	return &shownKeyOut{Location: v1 + "/api-keys/" + k.ID.String(), Body: shownKey{k, text.Reveal()}}, nil
}

func (a *api) createKey(ctx context.Context, by wa.Actor, in *createKeyIn) (*shownKeyOut, error) {
	b := in.Body
	return shownKeyOf(a.Accounts.MakeKey(ctx, by, wa.APIKey{
		Name: b.Name, Scopes: b.Scopes, Networks: b.Networks, Rate: b.Rate, ExpiresAt: utc(b.ExpiresAt),
	}))
}

type keysIn struct{ Paged }

func (a *api) keys(ctx context.Context, by wa.Actor, in *keysIn) (*listOut[wa.APIKey], error) {
	p, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := a.Accounts.Keys(ctx, by, p)
	return listed(p, rows, func(k wa.APIKey) (time.Time, string) { return k.CreatedAt, k.ID.UUID() }), err
}

func (a *api) key(ctx context.Context, by wa.Actor, in *keyIn) (*keyOut, error) {
	k, err := a.Accounts.Key(ctx, by, in.Key.ID)
	return &keyOut{k}, err
}

type changeKeyIn struct {
	Key  ref[wa.KeyID] `path:"key"`
	Body struct {
		Name      *string               `json:"name,omitempty" maxLength:"100"`
		Scopes    *[]wa.Permission      `json:"scopes,omitempty" minItems:"1" maxItems:"100" nullable:"false"`
		Networks  clearable[[]string]   `json:"networks,omitempty" doc:"null or an empty list: anywhere"`
		Rate      clearable[int]        `json:"rate,omitempty" doc:"1 to 60,000; null: the usual limit"`
		ExpiresAt clearable[*time.Time] `json:"expires_at,omitempty" doc:"null: never"`
	} `nameHint:"APIKeyChange"`
}

// changeKey changes what is named and leaves the rest.
func (a *api) changeKey(ctx context.Context, by wa.Actor, in *changeKeyIn) (*keyOut, error) {
	b := in.Body
	k, err := a.Accounts.ChangeKey(ctx, by, in.Key.ID, func(k *wa.APIKey) {
		change(&k.Name, b.Name)
		change(&k.Scopes, b.Scopes)
		b.Networks.put(&k.Networks)
		b.Rate.put(&k.Rate)
		b.ExpiresAt.put(&k.ExpiresAt)
	})
	return &keyOut{k}, err
}

type rotateKeyIn struct {
	Key  ref[wa.KeyID] `path:"key"`
	Body *struct {
		OverlapSeconds *int `json:"overlap_seconds,omitempty" minimum:"0" maximum:"2592000" doc:"How long the former text opens too; 86,400 if absent"`
	} `nameHint:"APIKeyRotation"`
}

func (a *api) rotateKey(ctx context.Context, by wa.Actor, in *rotateKeyIn) (*shownKeyOut, error) {
	var overlap *time.Duration
	if in.Body != nil && in.Body.OverlapSeconds != nil {
		d := time.Duration(*in.Body.OverlapSeconds) * time.Second
		overlap = &d
	}
	return shownKeyOf(a.Accounts.RotateKey(ctx, by, in.Key.ID, overlap))
}

func (a *api) revokeKey(ctx context.Context, by wa.Actor, in *keyIn) (*struct{}, error) {
	return nil, a.Accounts.RevokeKey(ctx, by, in.Key.ID)
}
