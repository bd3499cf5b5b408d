package api

import (
	"context"
	"net/http"
	"strings"

	"chasqui/internal/account"
	"chasqui/internal/wa"
)

type startOIDCIn struct {
	Org ref[wa.OrgID] `path:"org"`
}

type redirectOut struct {
	Status    int
	Location  string   `header:"Location"`
	SetCookie []string `header:"Set-Cookie"`
}

// startOIDC sends a browser to the org's provider.
func (a *api) startOIDC(ctx context.Context, _ wa.Actor, in *startOIDCIn) (*redirectOut, error) {
	d, err := a.Accounts.StartOIDC(ctx, in.Org.ID)
	if err != nil {
		return nil, err
	}
	// Lax: the provider sends the browser back from another site.
	cookie := a.cookie(oidcCookie, oidcPath, d.Cookie.Reveal(), d.Life, http.SameSiteLaxMode)
	return &redirectOut{http.StatusFound, d.URL, []string{cookie}}, nil
}

type finishOIDCIn struct {
	From
	Org    ref[wa.OrgID] `path:"org"`
	Cookie string        `cookie:"chasqui_oidc"`
	Accept string        `header:"Accept" doc:"Browsers, which ask for a page, are shown the dashboard when they are refused, too"`
	State  string        `query:"state" maxLength:"200"`
	Code   string        `query:"code" maxLength:"4000"`
	Error  string        `query:"error" maxLength:"200"`

	// Providers add these; nothing is read of them.
	ErrorDescription string `query:"error_description" maxLength:"2000"`
	ErrorURI         string `query:"error_uri" maxLength:"2000"`
	Issuer           string `query:"iss" maxLength:"500"`
	SessionState     string `query:"session_state" maxLength:"500"`
	Scope            string `query:"scope" maxLength:"500"`
	AuthUser         string `query:"authuser" maxLength:"100"`
	HostedDomain     string `query:"hd" maxLength:"300"`
	Prompt           string `query:"prompt" maxLength:"100"`
}

// finishOIDC lets in whom the provider sends back, and shows them the
// dashboard. It gets its access token with the cookie.
func (a *api) finishOIDC(ctx context.Context, _ wa.Actor, in *finishOIDCIn) (*redirectOut, error) {
	g, err := a.Accounts.FinishOIDC(ctx, in.Org.ID, account.Return{
		State: wa.NewSecret(in.State), Code: wa.NewSecret(in.Code), Error: in.Error, Cookie: wa.NewSecret(in.Cookie),
	}, in.caller)
	gone, home := a.cookie(oidcCookie, oidcPath, "", 0, http.SameSiteLaxMode), strings.TrimRight(a.PublicURL, "/")+"/"
	if code := wa.CodeOf(err); err != nil && code != wa.Internal && strings.Contains(in.Accept, "text/html") {
		return &redirectOut{http.StatusFound, home + "sign-in#error=" + reasonOf(err), []string{gone}}, nil
	}
	if err != nil {
		return nil, err
	}
	out := a.signedIn(g, "cookie")
	return &redirectOut{http.StatusFound, home, append(out.SetCookie, gone)}, nil
}

// reasonOf is the code by which a problem names an error.
func reasonOf(err error) string { return problemFrom(err, "query").Code }
