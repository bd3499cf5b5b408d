package api

import (
	"context"
	"net/http"

	"chasqui/internal/account"
	"chasqui/internal/wa"
)

// Keep says where the refresh token goes.
type Keep struct {
	RefreshIn string `json:"refresh_in,omitempty" enum:"cookie,body" default:"cookie" doc:"Browsers keep the refresh token in a cookie that no script can read; apps get it in the body"`
}

// SignedIn is what signing in comes to: tokens, or the question for a second
// factor.
type SignedIn struct {
	AccessToken     string     `json:"access_token,omitempty" doc:"Send it as Authorization: Bearer"`
	TokenType       string     `json:"token_type,omitempty"`
	ExpiresIn       int        `json:"expires_in,omitempty" doc:"Seconds that the access token is good for"`
	RefreshToken    string     `json:"refresh_token,omitempty" doc:"Good for one POST …/auth/refresh; absent when a cookie holds it"`
	User            *wa.User   `json:"user,omitempty"`
	SecondFactorDue bool       `json:"second_factor_due,omitempty" doc:"A second factor must be set up before anything else can be done"`
	Challenge       *Challenge `json:"second_factor,omitempty" doc:"A second factor is asked for: answer with POST …/auth/second-factor"`
}

// Challenge asks for a second factor.
type Challenge struct {
	Challenge string           `json:"challenge" doc:"Names the question, for ten minutes"`
	Methods   []account.Method `json:"methods" nullable:"false" doc:"What it may be answered with: totp, recovery_code, whatsapp"`
}

type signedInOut struct {
	SetCookie []string `header:"Set-Cookie"`
	Body      SignedIn
}

// signedIn answers with tokens, the refresh token where it was asked for.
func (a *api) signedIn(g account.Granted, in string) *signedInOut {
	out := &signedInOut{Body: SignedIn{
		AccessToken: g.Access.Reveal(), TokenType: "Bearer", ExpiresIn: int(g.ExpiresIn.Seconds()), SecondFactorDue: g.FactorDue,
	}}
	if !g.User.ID.IsZero() {
		out.Body.User = &g.User
	}
	switch {
	case g.Refresh.IsZero():
	case in == "body":
		out.Body.RefreshToken = g.Refresh.Reveal()
	default:
		out.SetCookie = []string{a.cookie(refreshCookie, refreshPath, g.Refresh.Reveal(), g.Until.Sub(a.now()), http.SameSiteStrictMode)}
	}
	return out
}

// entered answers with tokens, or with the question for a second factor.
func (a *api) entered(e account.Entered, in string) *signedInOut {
	if e.Challenge == nil {
		return a.signedIn(*e.Granted, in)
	}
	return &signedInOut{Body: SignedIn{Challenge: &Challenge{Challenge: e.Challenge.Token.Reveal(), Methods: e.Challenge.Methods}}}
}

type signInIn struct {
	From
	Body struct {
		Email    string    `json:"email" maxLength:"254"`
		Password wa.Secret `json:"password"`
		Keep
	} `nameHint:"SignIn"`
}

func (a *api) signIn(ctx context.Context, _ wa.Actor, in *signInIn) (*signedInOut, error) {
	e, err := a.Accounts.SignIn(ctx, in.Body.Email, in.Body.Password, in.caller)
	if err != nil {
		return nil, err
	}
	return a.entered(e, in.Body.RefreshIn), nil
}

type secondFactorIn struct {
	From
	Body struct {
		Challenge wa.Secret      `json:"challenge"`
		Method    account.Method `json:"method,omitempty" enum:"totp,recovery_code,whatsapp" default:"totp"`
		Code      wa.Secret      `json:"code"`
		Keep
	} `nameHint:"SecondFactor"`
}

func (a *api) secondFactor(ctx context.Context, _ wa.Actor, in *secondFactorIn) (*signedInOut, error) {
	g, err := a.Accounts.SecondFactor(ctx, in.Body.Challenge, in.Body.Method, in.Body.Code, in.caller)
	if err != nil {
		return nil, err
	}
	return a.signedIn(g, in.Body.RefreshIn), nil
}

type sendCodeIn struct {
	Body struct {
		Challenge wa.Secret `json:"challenge"`
	} `nameHint:"CodeWanted"`
}

func (a *api) sendCode(ctx context.Context, _ wa.Actor, in *sendCodeIn) (*struct{}, error) {
	return nil, a.Accounts.SendCode(ctx, in.Body.Challenge)
}

type refreshBody struct {
	RefreshToken wa.Secret `json:"refresh_token" doc:"Apps send it here; browsers send their cookie and no body"`
}

type refreshIn struct {
	From
	Cookie string `cookie:"chasqui_refresh"`
	Body   *refreshBody
}

// token gives the refresh token of a request, and where the next one goes.
func (in refreshIn) token() (wa.Secret, string) {
	if in.Body != nil {
		return in.Body.RefreshToken, "body"
	}
	return wa.NewSecret(in.Cookie), "cookie"
}

func (a *api) refresh(ctx context.Context, _ wa.Actor, in *refreshIn) (*signedInOut, error) {
	token, where := in.token()
	g, err := a.Accounts.Refresh(ctx, token, in.caller)
	if err != nil {
		return nil, err
	}
	return a.signedIn(g, where), nil
}

type signedOutOut struct {
	SetCookie []string `header:"Set-Cookie"`
}

func (a *api) signOut(ctx context.Context, _ wa.Actor, in *refreshIn) (*signedOutOut, error) {
	token, _ := in.token()
	err := a.Accounts.SignOut(ctx, wa.Actor{From: in.caller}, token)
	return &signedOutOut{[]string{a.cookie(refreshCookie, refreshPath, "", 0, http.SameSiteStrictMode)}}, err
}

type stepUpIn struct {
	Body struct {
		Password wa.Secret      `json:"password,omitempty" doc:"The password, or a method and a code"`
		Method   account.Method `json:"method,omitempty" enum:"totp,recovery_code" default:"totp"`
		Code     wa.Secret      `json:"code,omitempty"`
	} `nameHint:"StepUp"`
}

func (a *api) stepUp(ctx context.Context, by wa.Actor, in *stepUpIn) (*signedInOut, error) {
	g, err := a.Accounts.StepUp(ctx, by, in.Body.Password, in.Body.Method, in.Body.Code)
	if err != nil {
		return nil, err
	}
	return a.signedIn(g, "body"), nil
}

type forgotIn struct {
	From
	Body struct {
		Email string `json:"email" maxLength:"254"`
	} `nameHint:"PasswordForgotten"`
}

func (a *api) forgot(ctx context.Context, _ wa.Actor, in *forgotIn) (*struct{}, error) {
	return nil, a.Accounts.Forgot(ctx, in.Body.Email, in.caller)
}

type resetIn struct {
	From
	Body struct {
		Token    wa.Secret `json:"token" doc:"Of the link in the mail"`
		Password wa.Secret `json:"password"`
		Keep
	} `nameHint:"PasswordReset"`
}

func (a *api) resetPassword(ctx context.Context, _ wa.Actor, in *resetIn) (*signedInOut, error) {
	e, err := a.Accounts.Reset(ctx, in.Body.Token, in.Body.Password, in.caller)
	if err != nil {
		return nil, err
	}
	return a.entered(e, in.Body.RefreshIn), nil
}

type tokenIn struct {
	From
	Body struct {
		Token wa.Secret `json:"token" doc:"Of the link in the mail"`
	} `nameHint:"LinkToken"`
}

func (a *api) unlock(ctx context.Context, _ wa.Actor, in *tokenIn) (*struct{}, error) {
	return nil, a.Accounts.Unlock(ctx, in.Body.Token, in.caller)
}
