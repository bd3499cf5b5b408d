package api

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The cookies of browsers. They go to the operations that need them and to no
// other, and no script can read them.
const (
	refreshCookie = "chasqui_refresh"
	refreshPath   = v1 + "/auth"
	oidcCookie    = "chasqui_oidc"
	oidcPath      = v1 + "/auth/oidc"
)

// cookieSuffix tells apart two installations on one host: cookies know of no
// ports, and signing in to one would sign out of the other. Behind a scheme's
// own port there is none.
func cookieSuffix(publicURL string) string {
	u, err := url.Parse(publicURL)
	if err != nil || u.Port() == "" || u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80" {
		return ""
	}
	return "_" + u.Port()
}

// cookie makes one; a life of nothing takes it away.
func (a *api) cookie(name, path, value string, life time.Duration, site http.SameSite) string {
	c := http.Cookie{ //nolint:gosec // plain http is for development: behind https the cookie is Secure
		Name: name + a.edge.suffix, Value: value, Path: path, MaxAge: int(life.Seconds()), HttpOnly: true, SameSite: site,
		Secure: strings.HasPrefix(a.PublicURL, "https://"),
	}
	if life <= 0 {
		c.MaxAge = -1
	}
	return c.String()
}

// ownCookies leaves of a request's cookies of ours those of this installation,
// under the names by which the operations read them.
func (e *edge) ownCookies(r *http.Request) {
	if e.suffix == "" || r.Header.Get("Cookie") == "" {
		return
	}
	all := r.Cookies()
	r.Header.Del("Cookie")
	for _, c := range all {
		name, ours := strings.CutSuffix(c.Name, e.suffix)
		switch {
		case ours && isOurs(name):
			c.Name = name
		case isOurs(c.Name): // another installation's, at the port of the scheme
			continue
		}
		r.AddCookie(c)
	}
}

func isOurs(cookie string) bool { return cookie == refreshCookie || cookie == oidcCookie }
