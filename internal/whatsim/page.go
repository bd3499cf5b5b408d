package whatsim

import (
	_ "embed"
	"html/template"
	"net/http"
	"slices"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// pageMessages is how many of a phone's latest messages the page shows.
const pageMessages = 100

type pageData struct {
	Endpoint string
	Waiting  []WaitingCompanion
	Phones   []PhoneInfo
	Phone    string    // the phone that is open, "" for none
	Messages []Message // its messages, latest first
}

// page shows the pocket phone: who waits to be paired, the phones, and the messages of one of them with a box to answer.
func (s *Server) page(w http.ResponseWriter, r *http.Request) {
	d := pageData{Endpoint: s.Endpoint(), Waiting: s.Waiting(), Phones: s.Phones(), Phone: r.FormValue("phone")}
	if d.Phone != "" {
		for _, m := range s.Messages(Query{All: true}) {
			if (m.To == d.Phone || m.From == d.Phone) && !m.Copy && !m.Peer && !m.Duplicate {
				d.Messages = append(d.Messages, m)
			}
		}
		slices.Reverse(d.Messages)
		d.Messages = d.Messages[:min(len(d.Messages), pageMessages)]
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'self' 'unsafe-inline'")
	if err := pageTemplate.Execute(w, d); err != nil {
		s.log.Debug("page not written", "err", err)
	}
}
