package app

import (
	"bytes"
	"html"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"chasqui/internal/api"
	"chasqui/web"
)

// The dashboard's page, and what is shown where none was built.
const (
	frontPage   = "index.html"
	placeholder = "placeholder.html"
)

// notPages are the addresses below which nothing is a page of the dashboard.
var notPages = []string{"api", "admin", "docs", "assets", "health", "livez", "readyz", "metrics", ".well-known"} //nolint:gochecknoglobals // a table

// withDashboard serves the dashboard where it has a file or a page, and leaves
// everything else to the API. publicURL is the address under which browsers
// come; "" when it is not known.
func withDashboard(next http.Handler, c Config) (http.Handler, error) {
	dist, err := web.Dist()
	if err != nil {
		return nil, err
	}
	return serveDashboard(dist, next, c.PublicURL, c.PhonesURL)
}

func serveDashboard(dist fs.FS, next http.Handler, publicURL, phonesURL string) (http.Handler, error) {
	front := frontPage
	if !isFile(dist, front) {
		front = placeholder
	}
	page, err := pageWithPhones(dist, front, phonesURL)
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := fileFor(dist, r, front)
		if name == "" {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		api.Secure(h, publicURL)
		h.Set("Content-Security-Policy", api.PagePolicy)
		h.Set("Cache-Control", keepFor(name))
		if name == front {
			http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(page))
			return
		}
		// ServeFileFS sends /index.html elsewhere, which would be another address
		// for the same page.
		http.ServeFileFS(w, withPath(r, "/"), dist, name) //nolint:gosec // the files are embedded: there is nothing to climb to
	}), nil
}

// pageWithPhones is the front page. Where there are simulated phones it says so,
// in a place that the dashboard reads and nobody else does.
func pageWithPhones(dist fs.FS, front, phonesURL string) ([]byte, error) {
	page, err := fs.ReadFile(dist, front)
	if err != nil || phonesURL == "" {
		return page, err
	}
	note := `<meta name="pocket-phone" content="` + html.EscapeString(phonesURL) + `">`
	return bytes.Replace(page, []byte("</head>"), []byte(note+"</head>"), 1), nil
}

// fileFor names the file that answers a request; "" when none does.
func fileFor(dist fs.FS, r *http.Request, front string) string {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return ""
	}
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	switch {
	case name == "":
		return front
	case isFile(dist, name):
		return name
	case isPage(name) && strings.Contains(r.Header.Get("Accept"), "text/html"):
		return front
	}
	return ""
}

// isPage reports whether the dashboard's own router may know an address. A name
// with a dot asks for a file, and a file that is not there is not found.
func isPage(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return !slices.Contains(notPages, first) && !strings.Contains(path.Base(name), ".")
}

// keepFor says how long browsers may keep a file. The names of assets carry a
// hash of what is in them; everything else is asked for anew.
func keepFor(name string) string {
	if strings.HasPrefix(name, "assets/") {
		return "public, max-age=31536000, immutable"
	}
	return "no-cache"
}

func isFile(files fs.FS, name string) bool {
	info, err := fs.Stat(files, name)
	return err == nil && !info.IsDir()
}

func withPath(r *http.Request, to string) *http.Request {
	moved := r.Clone(r.Context())
	moved.URL.Path, moved.URL.RawPath = to, ""
	return moved
}
