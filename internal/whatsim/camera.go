package whatsim

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"go.mau.fi/whatsmeow/types"
)

// A QR text holds a secret that never reaches WhatsApp: a phone has to look at the screen that shows it. The camera of the
// pocket phone looks at a platform under development through its API. It knows no more than the file that `chasqui dev`
// writes for everybody on the machine.

// ErrNoCamera is returned when the simulator was not told where codes are shown, or cannot look there.
var ErrNoCamera = errors.New("whatsim: the camera sees nothing")

// Bounds of looking.
const (
	cameraTimeout = 3 * time.Second // for all of them: a client without a code yet keeps who asks waiting
	cameraPages   = 10              // of clients
	cameraCodes   = 20              // at once
	cameraBytes   = 1 << 20
)

// camera reads the codes that a platform shows now. The zero value sees nothing.
type camera struct{ file string }

// ShownCode is a code on a screen. Its text stays on this side.
type ShownCode struct {
	Client  string     `json:"client"` // id of the client that shows it
	Name    string     `json:"name"`
	Expires *time.Time `json:"expires_at,omitempty"` // when the next one takes over

	text string
}

// platform is where the camera looks, as the file says at this moment.
type platform struct {
	URL    string `json:"api_url"`
	Key    string `json:"api_key"`
	Camera string `json:"camera_key"` // when there is one, it is for nothing but this
}

func (c camera) platform() (p platform, err error) {
	if c.file == "" {
		return p, ErrNoCamera
	}
	raw, err := os.ReadFile(c.file)
	if err != nil {
		return p, fmt.Errorf("%w: %w", ErrNoCamera, err)
	}
	if err := json.Unmarshal(raw, &p); err != nil || p.URL == "" {
		return p, fmt.Errorf("%w: its file cannot be read", ErrNoCamera)
	}
	p.Key = cmp.Or(p.Camera, p.Key)
	return p, nil
}

// get asks the platform for JSON. Nothing of an answer but its status is told on: it may hold a code.
func (p platform) get(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.URL+path, nil)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoCamera, err)
	}
	req.Header.Set("X-API-Key", p.Key)
	req.Header.Set("Accept", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("%w: the platform does not answer", ErrNoCamera)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: the platform answers %d", ErrNoCamera, res.StatusCode)
	}
	return json.NewDecoder(io.LimitReader(res.Body, cameraBytes)).Decode(into)
}

type shownClient struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Status string `json:"status"`
}

// pairing lists the clients that are being linked.
func (p platform) pairing(ctx context.Context) ([]shownClient, error) {
	var all []shownClient
	next := ""
	for range cameraPages {
		var page struct {
			Data []shownClient `json:"data"`
			Next *string       `json:"next"`
		}
		if err := p.get(ctx, "/api/v1/clients?limit=200&cursor="+url.QueryEscape(next), &page); err != nil {
			return nil, err
		}
		for _, c := range page.Data {
			if c.Status == "pairing" {
				all = append(all, c)
			}
		}
		if page.Next == nil || len(all) >= cameraCodes {
			break
		}
		next = *page.Next
	}
	return all[:min(len(all), cameraCodes)], nil
}

// code reads what one client shows. A client without a QR code gives an empty text.
func (p platform) code(ctx context.Context, client string) (ShownCode, error) {
	var shown struct {
		QR      string     `json:"qr"`
		Expires *time.Time `json:"expires_at"`
	}
	err := p.get(ctx, "/api/v1/clients/"+url.PathEscape(client)+"/qr", &shown)
	return ShownCode{Client: client, Expires: shown.Expires, text: shown.QR}, err
}

// Look lists the codes on the platform's screens that somebody here waits with, by name.
func (s *Server) Look(ctx context.Context) ([]ShownCode, error) {
	p, err := s.camera.platform()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, cameraTimeout)
	defer cancel()
	clients, err := p.pairing(ctx)
	if err != nil {
		return nil, err
	}
	codes := make([]ShownCode, len(clients))
	var looking sync.WaitGroup
	for i, c := range clients {
		looking.Go(func() {
			code, err := p.code(ctx, c.ID)
			if err != nil {
				return // it has no code yet, or none any more
			}
			code.Name = c.Name
			codes[i] = code
		})
	}
	looking.Wait()
	codes = slices.DeleteFunc(codes, func(c ShownCode) bool { return !s.awaits(c.text) })
	slices.SortFunc(codes, func(a, b ShownCode) int { return strings.Compare(a.Name+a.Client, b.Name+b.Client) })
	return codes, nil
}

// awaits tells whether a companion waits with this QR text.
func (s *Server) awaits(text string) bool {
	q, err := parseQR(text)
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting[q.ref] != nil
}

// ScanShown plays a person who points the phone of a number ("" for a fresh one) at the screen of a client, and waits for
// the code to appear on it.
func (s *Server) ScanShown(ctx context.Context, client, number string) (types.JID, error) {
	p, err := s.camera.platform()
	if err != nil {
		return types.EmptyJID, err
	}
	code, err := p.code(ctx, client)
	if err != nil {
		return types.EmptyJID, err
	}
	if code.text == "" {
		return types.EmptyJID, ErrUnknownQR
	}
	return s.Scan(ctx, code.text, number)
}

func (s *Server) ctlLook(r *http.Request) (any, error) {
	codes, err := s.Look(r.Context())
	if errors.Is(err, ErrNoCamera) {
		return map[string]any{"codes": []ShownCode{}, "sees": false}, nil
	}
	return map[string]any{"codes": codes, "sees": true}, err
}

func (s *Server) ctlScanShown(r *http.Request) (any, error) {
	var in struct {
		Client string `json:"client"`
		Phone  string `json:"phone"` // "": a fresh phone
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.pairingTime(in.Phone))
	defer cancel()
	jid, err := s.ScanShown(ctx, in.Client, in.Phone)
	return map[string]string{"jid": jid.String(), "phone": jid.User}, err
}
