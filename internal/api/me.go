package api

import (
	"context"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

type meKey struct {
	ID     wa.KeyID        `json:"id"`
	Name   string          `json:"name"`
	Scopes []wa.Permission `json:"scopes" nullable:"false"`
}

type meOut struct {
	Body struct {
		Org             wa.Org                     `json:"org"`
		Key             *meKey                     `json:"key,omitempty" doc:"When a key asks"`
		User            *wa.User                   `json:"user,omitempty" doc:"When a person asks"`
		Session         wa.SessionID               `json:"session,omitzero"`
		Fresh           bool                       `json:"fresh" doc:"A password or second factor was given within the last ten minutes"`
		SecondFactorDue bool                       `json:"second_factor_due" doc:"A second factor must be set up before anything else can be done"`
		Permissions     map[wa.Permission]wa.Reach `json:"permissions" nullable:"false" doc:"How far each permission goes for who asks: own or all; what is absent, they may not do"`
	} `nameHint:"Me"`
}

func (a *api) me(ctx context.Context, by wa.Actor, _ *nothing) (*meOut, error) {
	out := &meOut{}
	b := &out.Body
	b.Permissions = map[wa.Permission]wa.Reach{}
	for _, p := range wa.Permissions() {
		if r := by.Reach(p); r != wa.None && (!by.Leaving || p.Looks() || p == wa.DeleteOrg) {
			b.Permissions[p] = r
		}
	}
	b.Session, b.Fresh, b.SecondFactorDue = by.Session, by.Fresh, by.FactorDue
	err := a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) (err error) {
		b.Org, err = tx.Org(ctx, by.Org)
		return err
	})
	if err != nil {
		return nil, err
	}
	if by.User.IsZero() {
		b.Key = &meKey{ID: by.Key, Name: by.Name, Scopes: by.Scopes}
		return out, nil
	}
	u, err := a.Accounts.User(ctx, by, by.User)
	b.User = &u
	return out, err
}

type renameMeIn struct {
	Body struct {
		Name string `json:"name" maxLength:"100"`
	} `nameHint:"MyName"`
}

func (a *api) renameMe(ctx context.Context, by wa.Actor, in *renameMeIn) (*userOut, error) {
	u, err := a.Accounts.Rename(ctx, by, in.Body.Name)
	return &userOut{u}, err
}

type passwordIn struct {
	Body struct {
		Old wa.Secret `json:"old_password"`
		New wa.Secret `json:"password" doc:"12 to 128 characters, and none of those that are tried first"`
	} `nameHint:"PasswordChange"`
}

func (a *api) changePassword(ctx context.Context, by wa.Actor, in *passwordIn) (*struct{}, error) {
	return nil, a.Accounts.ChangePassword(ctx, by, in.Body.Old, in.Body.New)
}

type sessionsIn struct{ Paged }

func (a *api) sessions(ctx context.Context, by wa.Actor, in *sessionsIn) (*listOut[wa.Session], error) {
	p, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := a.Accounts.Sessions(ctx, by, p)
	return listed(p, rows, func(s wa.Session) (time.Time, string) { return s.CreatedAt, s.ID.UUID() }), err
}

type sessionIn struct {
	Session ref[wa.SessionID] `path:"session"`
}

func (a *api) endSession(ctx context.Context, by wa.Actor, in *sessionIn) (*struct{}, error) {
	return nil, a.Accounts.EndSession(ctx, by, in.Session.ID)
}

// onMe makes a handler of what people do to themselves.
func onMe(do func(context.Context, wa.Actor) error) handler[nothing, struct{}] {
	return func(ctx context.Context, by wa.Actor, _ *nothing) (*struct{}, error) { return nil, do(ctx, by) }
}

type newAppOut struct {
	Body struct {
		Secret string `json:"secret" doc:"For typing into an authenticator app"`
		URL    string `json:"url" doc:"For a QR code"`
	} `nameHint:"NewAuthenticator"`
}

func (a *api) startTOTP(ctx context.Context, by wa.Actor, _ *nothing) (*newAppOut, error) {
	app, err := a.Accounts.StartTOTP(ctx, by)
	out := &newAppOut{}
	out.Body.Secret, out.Body.URL = app.Secret.Reveal(), app.URL.Reveal()
	return out, err
}

type codeIn struct {
	Body struct {
		Code wa.Secret `json:"code"`
	} `nameHint:"Code"`
}

type recoveryCodesOut struct {
	Body struct {
		Codes []string `json:"recovery_codes" nullable:"false" doc:"Each opens once, when the phone is lost; shown this once"`
	} `nameHint:"RecoveryCodes"`
}

func shownCodes(codes []wa.Secret) *recoveryCodesOut {
	out := &recoveryCodesOut{}
	out.Body.Codes = []string{}
	for _, c := range codes {
		out.Body.Codes = append(out.Body.Codes, c.Reveal())
	}
	return out
}

func (a *api) confirmTOTP(ctx context.Context, by wa.Actor, in *codeIn) (*recoveryCodesOut, error) {
	codes, err := a.Accounts.ConfirmTOTP(ctx, by, in.Body.Code)
	return shownCodes(codes), err
}

func (a *api) newRecoveryCodes(ctx context.Context, by wa.Actor, _ *nothing) (*recoveryCodesOut, error) {
	codes, err := a.Accounts.NewRecoveryCodes(ctx, by)
	return shownCodes(codes), err
}

type phoneIn struct {
	Body struct {
		Phone string `json:"phone" maxLength:"40" doc:"With country code"`
	} `nameHint:"MyPhone"`
}

func (a *api) startPhone(ctx context.Context, by wa.Actor, in *phoneIn) (*struct{}, error) {
	phone, err := wa.ParsePhone(in.Body.Phone)
	if err != nil {
		return nil, renamed(err, "to", "phone")
	}
	return nil, a.Accounts.StartPhone(ctx, by, phone)
}

func (a *api) confirmPhone(ctx context.Context, by wa.Actor, in *codeIn) (*struct{}, error) {
	return nil, a.Accounts.ConfirmPhone(ctx, by, in.Body.Code)
}
