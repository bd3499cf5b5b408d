package whatsim

import (
	"embed"
	"io/fs"
	"net/http"
)

// pageFiles are the pocket phone's page: plain files, because what people wrote must never become markup on the way. The
// page asks for JSON and shows it as text.
//
//go:embed page
var pageFiles embed.FS

// pagePolicy lets the page run its own script and ask its own server, nothing else.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// servePage serves the page at / and its files under /page/.
func (s *Server) servePage(mux *http.ServeMux) error {
	files, err := fs.Sub(pageFiles, "page")
	if err != nil {
		return err
	}
	guarded := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("Content-Security-Policy", pagePolicy)
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Referrer-Policy", "no-referrer")
			h.Set("Cache-Control", "no-cache")
			next.ServeHTTP(w, r)
		})
	}
	mux.Handle("GET /page/", guarded(http.StripPrefix("/page/", http.FileServerFS(files))))
	mux.Handle("GET /{$}", guarded(http.FileServerFS(files)))
	return nil
}
