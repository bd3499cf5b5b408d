package bench_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	wm "go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"

	"chasqui/internal/wa"
)

// The bare part of everything that reaches WhatsApp is the library alone, with
// the store that comes with it, in the same database. It links devices of its
// own. The platform's worker is stopped meanwhile.

// bareJob is what the bare program does.
type bareJob struct {
	Kind     string   `json:"kind"` // send, or idle
	Numbers  []string `json:"numbers"`
	To       []string `json:"to"`
	Count    int      `json:"count"`
	Prefix   string   `json:"prefix"` // of the texts
	Endpoint string   `json:"endpoint"`
	RootKey  string   `json:"root_key"`
	CAFile   string   `json:"ca_file"`
	Control  string   `json:"control"` // where phones can be told to scan

	// Client, when set, is whose keys are kept in the platform's own store.
	Org    wa.OrgID    `json:"org"`
	Client wa.ClientID `json:"client"`
}

// bareNumber is a phone that the bare program is linked with.
func bareNumber(i int) string { return fmt.Sprintf("55117%08d", i) }

// bareReport is a line of what it says. The first line says that all numbers
// are online.
type bareReport struct {
	Ready bool `json:"ready"`
	// Statements were run for the messages.
	Statements float64 `json:"statements"`
	Bytes      float64 `json:"bytes"` // in use after a collection
	RSS        float64 `json:"rss"`
	Error      string  `json:"error,omitempty"`
}

const bareJobVariable = "BARE_JOB"

// startBareWA runs the bare program and waits until its numbers are online.
func (p *platform) startBareWA(job bareJob) (*process, error) {
	job.Endpoint, job.RootKey, job.CAFile, job.Control = p.sim.Endpoint, p.sim.RootKey, p.sim.CAFile, p.sim.Control
	raw, err := json.Marshal(job)
	if err != nil {
		return nil, err
	}
	proc, err := p.launch("barewa", true, bareJobVariable+"="+string(raw), "DATABASE_URL="+p.url)
	if err != nil {
		return nil, err
	}
	_, err = proc.hear()
	return proc, err
}

// hear reads the bare program's next line.
func (proc *process) hear() (bareReport, error) {
	var r bareReport
	line, err := proc.out.ReadBytes('\n')
	if err != nil {
		return r, fmt.Errorf("%s ended early: %w", proc.name, err)
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return r, err
	}
	if r.Error != "" {
		return r, errors.New(r.Error)
	}
	return r, nil
}

func bareWhatsApp(ctx context.Context) error {
	var job bareJob
	if err := json.Unmarshal([]byte(os.Getenv(bareJobVariable)), &job); err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	kept, err := job.store(ctx)
	if err != nil {
		return errors.Join(err, out.Encode(bareReport{Error: err.Error()}))
	}
	clients, err := job.connect(ctx, kept)
	if err != nil {
		return errors.Join(err, out.Encode(bareReport{Error: err.Error()}))
	}
	if err := out.Encode(bareReport{Ready: true}); err != nil {
		return err
	}
	if job.Kind == "idle" {
		// One line in gives one line out, whenever the asker thinks it has settled.
		for s := bufio.NewScanner(os.Stdin); s.Scan(); {
			if err := out.Encode(weigh()); err != nil {
				return err
			}
		}
		return nil
	}
	counting := kept.counted(ctx)
	for i := range job.Count {
		to := types.NewJID(job.To[i%len(job.To)], types.DefaultUserServer)
		text := fmt.Sprintf("%s %d", job.Prefix, i)
		if _, err := clients[0].SendMessage(counting, to, &waE2E.Message{Conversation: proto.String(text)}); err != nil {
			return errors.Join(err, out.Encode(bareReport{Error: err.Error()}))
		}
	}
	if err := out.Encode(bareReport{Statements: float64(kept.statements())}); err != nil {
		return err
	}
	<-ctx.Done() // late receipts and retries are still answered
	for _, c := range clients {
		c.Disconnect()
	}
	return nil
}

// weigh gives what is in use after a collection.
func weigh() bareReport {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return bareReport{Bytes: float64(m.HeapAlloc + m.StackInuse), RSS: rss(os.Getpid())}
}

func (job bareJob) connect(ctx context.Context, kept bareStore) ([]*wm.Client, error) {
	key, err := hex.DecodeString(job.RootKey)
	if err != nil {
		return nil, err
	}
	wm.WACertPubKey = [32]byte(key)
	hc, err := job.httpClient()
	if err != nil {
		return nil, err
	}
	var all []*wm.Client
	for _, number := range job.Numbers {
		d, err := kept.find(ctx, number)
		if err != nil {
			return nil, err
		}
		linked := d != nil
		if !linked {
			d = kept.fresh()
		}
		cli := wm.NewClient(d, nil)
		cli.SetPreLoginHTTPClient(hc)
		cli.SetWebsocketHTTPClient(hc)
		cli.SetMediaHTTPClient(hc)
		cli.SynchronousAck = true
		cli.EnableDecryptedEventBuffer = true
		cli.AutoTrustIdentity = true
		cli.SetMaxParallelRetryReceiptHandling(1)
		all = append(all, cli)
		if linked {
			err = online(ctx, cli)
		} else {
			err = job.link(ctx, cli, number)
		}
		if err != nil {
			return nil, fmt.Errorf("connect number %d: %w", len(all), err)
		}
	}
	return all, nil
}

func online(ctx context.Context, cli *wm.Client) error {
	up := make(chan struct{}, 1)
	id := cli.AddEventHandler(func(evt any) {
		if _, ok := evt.(*events.Connected); ok {
			up <- struct{}{}
		}
	})
	defer cli.RemoveEventHandler(id)
	if err := cli.ConnectContext(ctx); err != nil {
		return err
	}
	select {
	case <-up:
		return nil
	case <-time.After(upWithin):
		return errTime
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (job bareJob) httpClient() (*http.Client, error) {
	pem, err := os.ReadFile(job.CAFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in the simulator's file")
	}
	var d net.Dialer
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return d.DialContext(ctx, "tcp", job.Endpoint)
		},
	}}, nil
}

// rss is a process's resident memory in bytes.
func rss(pid int) float64 {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	var size, resident float64
	if _, err := fmt.Sscan(string(raw), &size, &resident); err != nil {
		return 0
	}
	return resident * float64(os.Getpagesize())
}

// without stops the worker, runs fn, and starts another worker.
func (p *platform) without(ctx context.Context, worker *process, fn func() error, settings ...string) (*process, error) {
	if err := worker.stop(); err != nil {
		return nil, err
	}
	if err := fn(); err != nil {
		return nil, err
	}
	return p.start(ctx, "worker", settings...)
}

// settled waits until no message waits or is in flight.
func (p *platform) settled(ctx context.Context) error {
	return eventually(ctx, upWithin, "all messages have left", func() (bool, error) {
		waiting := 0
		err := p.sql(ctx, func(c *pgx.Conn) error {
			return c.QueryRow(ctx, "SELECT count(*) FROM messages WHERE status IN ('queued', 'sending')").Scan(&waiting)
		})
		return waiting == 0, err
	})
}

// sentRate is messages a second between the first and the last frame whose
// text begins in a certain way.
func sentRate(times []time.Time) float64 {
	if len(times) < 2 {
		return 0
	}
	return float64(len(times)-1) / times[len(times)-1].Sub(times[0]).Seconds()
}

// timesOf gives when texts with a prefix arrived at the simulator, in order.
func (p *platform) timesOf(ctx context.Context, number, prefix string) (times []time.Time, err error) {
	frames, err := p.frames(ctx, number)
	for _, f := range frames {
		if strings.HasPrefix(f.Text, prefix) && !f.Resend {
			times = append(times, f.Time)
		}
	}
	return times, err
}
