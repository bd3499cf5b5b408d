package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"
)

// upWithin is how long a program may take to become ready.
const upWithin = 60 * time.Second

// startWhatsApp starts the simulated WhatsApp and tells our programs of it.
// What it knows stays between runs, so numbers stay paired.
func (r *devRun) startWhatsApp(ctx context.Context) error {
	if r.WhatsApp == "real" {
		for _, name := range []string{"WHATSAPP_ENDPOINT", "WHATSAPP_ROOT_KEY", "WHATSAPP_CA_FILE", "POCKET_PHONE_URL"} {
			delete(r.environ, name)
		}
		return nil
	}
	data, err := filepath.Abs(filepath.Join(r.dir, "whatsim"))
	if err != nil {
		return err
	}
	listen, err := r.ports.free(3810)
	if err != nil {
		return err
	}
	control, err := r.ports.free(max(3811, listen+1))
	if err != nil {
		return err
	}
	// What it shows codes by is written when the platform is up.
	camera, err := filepath.Abs(r.infoPath())
	if err != nil {
		return err
	}
	ready := &firstLine{got: make(chan []byte, 1)}
	err = r.startProgram("whatsim", r.con.environ, ready, "-data", data, "-camera", camera,
		"-listen", fmt.Sprintf("127.0.0.1:%d", listen), "-control", fmt.Sprintf("127.0.0.1:%d", control))
	if err != nil {
		return err
	}
	sim := r.running[len(r.running)-1]
	select {
	case line := <-ready.got:
		return r.learnWhatsApp(line)
	case <-sim.Done():
		return fmt.Errorf("whatsim: %w", sim.ended())
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(upWithin):
		return errors.New("whatsim does not say that it is ready")
	}
}

// learnWhatsApp reads what the simulation says of itself.
func (r *devRun) learnWhatsApp(line []byte) error {
	var said struct {
		Endpoint string `json:"endpoint"`
		Control  string `json:"control"`
		RootKey  string `json:"root_key"`
		CAFile   string `json:"ca_file"`
	}
	if err := json.Unmarshal(line, &said); err != nil {
		return fmt.Errorf("whatsim said %q: %w", line, err)
	}
	r.environ["WHATSAPP_ENDPOINT"], r.environ["WHATSAPP_ROOT_KEY"] = said.Endpoint, said.RootKey
	r.environ["WHATSAPP_CA_FILE"], r.environ["POCKET_PHONE_URL"] = said.CAFile, said.Control
	r.info.WhatsimURL = said.Control
	return nil
}

// firstLine hands over the first line written to it and drops the rest.
type firstLine struct {
	mu   sync.Mutex
	buf  []byte
	sent bool
	got  chan []byte
}

// Write collects until there is a line.
func (f *firstLine) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sent {
		return len(p), nil
	}
	f.buf = append(f.buf, p...)
	if line, _, found := bytes.Cut(f.buf, []byte("\n")); found {
		f.sent = true
		f.got <- line
	}
	return len(p), nil
}

// awaitReady waits until every address answers 200, a program ends, or time is
// up.
func (r *devRun) awaitReady(ctx context.Context, urls []string) error {
	ctx, cancel := context.WithTimeout(ctx, upWithin)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for len(urls) > 0 {
		if isReady(ctx, urls[0]) {
			urls = urls[1:]
			continue
		}
		for _, c := range r.running {
			if isDone(c.Done()) {
				return fmt.Errorf("%s: %w", c.name, c.ended())
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w", urls[0], ctx.Err())
		}
	}
	return nil
}

func isReady(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// urlOf is how people on this machine reach a listener.
func urlOf(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "http://" + addr
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}
