package account

import (
	"context"
	"crypto/hmac"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// OIDCCallback is the path, below the installation's address, that providers
// send people back to; %s is the org's id.
const OIDCCallback = "/api/v1/auth/oidc/%s/callback"

// flowLife is how long somebody may be at the provider.
const flowLife = 10 * time.Minute

// providerLife is how long a provider's description is taken as it was.
const providerLife = time.Hour

// providerWithin bounds what a provider is asked.
const providerWithin = 10 * time.Second

// issuers remembers providers by the address they issue under.
type issuers struct {
	mu   sync.Mutex
	seen map[string]knownIssuer
}

type knownIssuer struct {
	provider *oidc.Provider
	until    time.Time
}

// Departure is where somebody goes to sign in, and what their browser keeps
// until they are back.
type Departure struct {
	URL    string
	Cookie wa.Secret
	Life   time.Duration
}

// StartOIDC sends somebody to their org's provider. An org without one is
// NotFound, like an org that does not exist.
func (s *Service) StartOIDC(ctx context.Context, org wa.OrgID) (Departure, error) {
	config, _, err := s.provider(ctx, org)
	if err != nil {
		return Departure{}, err
	}
	state, stateHash := newLinkToken()
	cookie, browser := newLinkToken()
	nonce, _ := newLinkToken()
	verifier := oauth2.GenerateVerifier()
	err = s.db.InOrg(ctx, org, func(tx *store.Tx) error {
		f := store.OIDCFlow{OrgID: org, Browser: browser, Nonce: nonce.Reveal(), Verifier: verifier}
		return tx.InsertOIDCFlow(ctx, f, stateHash, s.now().Add(flowLife))
	})
	if err != nil {
		return Departure{}, err
	}
	url := config.AuthCodeURL(state.Reveal(), oidc.Nonce(nonce.Reveal()), oauth2.S256ChallengeOption(verifier))
	return Departure{URL: url, Cookie: cookie, Life: flowLife}, nil
}

// Return is what a provider sends people back with.
type Return struct {
	State  wa.Secret
	Code   wa.Secret
	Error  string    // what went wrong there
	Cookie wa.Secret // what the browser kept
}

// FinishOIDC lets in whom the org's provider vouches for. Who they are is said
// by the subject that was linked at their first time, and then by a confirmed
// address of one of the org's people. Nobody is made: people are invited. The
// provider answers for the second factor.
func (s *Service) FinishOIDC(ctx context.Context, org wa.OrgID, r Return, from wa.Caller) (Granted, error) {
	var f store.OIDCFlow
	err := s.db.InOrg(ctx, org, func(tx *store.Tx) (err error) {
		f, err = tx.TakeOIDCFlow(ctx, org, linkHash(r.State), s.now())
		return err
	})
	if wa.CodeOf(err) == wa.NotFound { // nobody began it, or it is over: of that there is nothing to write down
		return Granted{}, otherBrowser()
	}
	if err != nil {
		return Granted{}, err
	}
	g, err := s.finishFlow(ctx, org, f, r, from)
	if wa.CodeOf(err) == wa.Unauthorized {
		err = s.noteVouchRefused(ctx, org, err, from)
	}
	return g, err
}

func otherBrowser() error {
	return oidcFailed("this sign-in was not begun in this browser, or took too long: begin anew", nil)
}

// finishFlow goes on with a sign-in that was begun.
func (s *Service) finishFlow(ctx context.Context, org wa.OrgID, f store.OIDCFlow, r Return, from wa.Caller) (Granted, error) {
	if !hmac.Equal(f.Browser, linkHash(r.Cookie)) {
		return Granted{}, otherBrowser()
	}
	if r.Error != "" || r.Code.IsZero() {
		return Granted{}, oidcFailed("the provider did not let you in", nil)
	}
	said, err := s.exchange(ctx, org, r.Code, f)
	if err != nil {
		return Granted{}, err
	}
	return s.enterVouched(ctx, org, said, from)
}

// vouched is what a provider says of somebody.
type vouched struct {
	Subject  string
	Email    string `json:"email"`
	Verified any    `json:"email_verified"` // some providers write it as text
	AuthTime any    `json:"auth_time"`      // seconds since 1970, where the provider tells
}

func (v vouched) confirmed() bool { return v.Verified == true || v.Verified == "true" }

// provedAt is when somebody last gave the provider a password: a provider that
// knows them lets them through without, for weeks. One that does not tell says
// nothing about it, which is the zero time; none is later than now.
func (v vouched) provedAt(now time.Time) time.Time {
	seconds, told := v.AuthTime.(float64)
	if !told || seconds <= 0 {
		return time.Time{}
	}
	if seconds >= float64(now.Unix()) {
		return now
	}
	return time.Unix(int64(seconds), 0)
}

// exchange takes the provider's code for its word.
func (s *Service) exchange(ctx context.Context, org wa.OrgID, code wa.Secret, f store.OIDCFlow) (vouched, error) {
	config, verifier, err := s.provider(ctx, org)
	if err != nil {
		return vouched{}, err
	}
	ctx, cancel := context.WithTimeout(s.throughGuard(ctx), providerWithin)
	defer cancel()
	token, err := config.Exchange(ctx, code.Reveal(), oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return vouched{}, oidcFailed("the provider did not take its own code back", err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := verifier.Verify(ctx, raw)
	if err != nil || !hmac.Equal([]byte(id.Nonce), []byte(f.Nonce)) {
		return vouched{}, oidcFailed("what the provider says of you is not signed by it, or not for us", err)
	}
	said := vouched{Subject: id.Subject}
	if err := id.Claims(&said); err != nil || id.Subject == "" {
		return vouched{}, oidcFailed("what the provider says of you cannot be read", err)
	}
	return said, nil
}

func (s *Service) enterVouched(ctx context.Context, org wa.OrgID, said vouched, from wa.Caller) (g Granted, err error) {
	err = s.db.InOrg(ctx, org, func(tx *store.Tx) error {
		m, err := s.vouchedMember(ctx, tx, org, said)
		if err != nil {
			return err
		}
		if m.Status != wa.UserActive {
			return oidcFailed("your account is disabled", nil)
		}
		g, err = s.begin(ctx, tx, m, proof{wa.ByOIDC, true, said.provedAt(s.now())}, from)
		return err
	})
	return g, err
}

func (s *Service) vouchedMember(ctx context.Context, tx *store.Tx, org wa.OrgID, said vouched) (store.Member, error) {
	m, err := tx.MemberBySubject(ctx, org, said.Subject)
	if wa.CodeOf(err) != wa.NotFound {
		return m, err
	}
	nobody := oidcFailed("nobody in this organisation has your e-mail address: ask to be invited", nil)
	email, err := wa.ParseEmail(said.Email)
	if err != nil || !said.confirmed() {
		return m, nobody
	}
	m, err = tx.MemberByEmail(ctx, email) // of this org: row-level security shows no other
	if wa.CodeOf(err) == wa.NotFound || (err == nil && (m.OrgID != org || m.Subject != "")) {
		return m, nobody
	}
	if err != nil {
		return m, err
	}
	_, err = tx.LinkSubject(ctx, org, m.ID, said.Subject)
	return m, err
}

func oidcFailed(message string, cause error) error {
	return &wa.Error{Code: wa.Unauthorized, Reason: "sign_in_failed", Message: message, Err: cause}
}

// provider describes the org's provider and how its word is checked.
func (s *Service) provider(ctx context.Context, org wa.OrgID) (oauth2.Config, *oidc.IDTokenVerifier, error) {
	none := wa.Errorf(wa.NotFound, "this organisation has no sign-in of its own")
	if org.IsZero() || s.opt.Out == nil || s.opt.PublicURL == "" {
		return oauth2.Config{}, nil, none
	}
	p, err := s.policy(ctx, org)
	if err != nil {
		return oauth2.Config{}, nil, err
	}
	if p.OIDCIssuer == "" {
		return oauth2.Config{}, nil, none
	}
	secret, err := s.providerSecret(ctx, org, p)
	if err != nil {
		return oauth2.Config{}, nil, err
	}
	known, err := s.discover(ctx, p.OIDCIssuer)
	if err != nil {
		return oauth2.Config{}, nil, err
	}
	config := oauth2.Config{
		ClientID: p.OIDCClientID, ClientSecret: secret, Endpoint: known.Endpoint(), Scopes: []string{oidc.ScopeOpenID, "email"},
		RedirectURL: trimSlash(s.opt.PublicURL) + strings.Replace(OIDCCallback, "%s", org.String(), 1),
	}
	return config, known.Verifier(&oidc.Config{ClientID: p.OIDCClientID, SupportedSigningAlgs: []string{oidc.RS256, oidc.ES256, oidc.EdDSA}, Now: s.now}), nil
}

// discover asks a provider what it is, at most once an hour.
func (s *Service) discover(ctx context.Context, issuer string) (*oidc.Provider, error) {
	s.issuers.mu.Lock()
	known, ok := s.issuers.seen[issuer]
	s.issuers.mu.Unlock()
	if ok && s.now().Before(known.until) {
		return known.provider, nil
	}
	ctx, cancel := context.WithTimeout(s.throughGuard(ctx), providerWithin)
	defer cancel()
	p, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return nil, &wa.Error{Code: wa.Unavailable, Message: "your organisation's provider does not answer", Err: err}
	}
	s.issuers.mu.Lock()
	defer s.issuers.mu.Unlock()
	if s.issuers.seen == nil || len(s.issuers.seen) > 1000 {
		s.issuers.seen = map[string]knownIssuer{}
	}
	s.issuers.seen[issuer] = knownIssuer{p, s.now().Add(providerLife)}
	return p, nil
}

// throughGuard has the libraries reach only what customers' addresses may lead
// to, with answers of a reasonable size.
func (s *Service) throughGuard(ctx context.Context) context.Context {
	client := s.opt.Out.Client()
	client.Transport = bounded{client.Transport}
	return oidc.ClientContext(ctx, client)
}

// bounded cuts answers that are longer than any provider's.
type bounded struct{ http.RoundTripper }

// maxProviderAnswer is longer than any provider's description or set of keys.
const maxProviderAnswer = 1 << 20

// RoundTrip asks, and bounds the body.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		res.Body = http.MaxBytesReader(nil, res.Body, maxProviderAnswer)
	}
	return res, err
}
