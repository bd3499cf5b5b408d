package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"chasqui/internal/wa"
)

// The bare server's settings.
const (
	bareRecording = "BARE_RECORDING" // file
	bareAddr      = "BARE_ADDR"
	bareConns     = 16 // as many as the api keeps
)

// bareServer accepts messages as plainly as can be.
type bareServer struct {
	pool      *pgxpool.Pool
	templates []replay
	n         atomic.Int64
}

// replay is a template with the places that are new each time.
type replay struct {
	template
	ids [][][]marks // by exchange, call and parameter
}

// marks are the places in one parameter, by what stands there.
type marks struct{ messageRaw, messageUUID, messageText, wire, eventRaw, eventUUID []int }

func serveBare(ctx context.Context) error {
	var rec recording
	raw, err := os.ReadFile(os.Getenv(bareRecording))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, &rec); err != nil {
		return err
	}
	s := &bareServer{}
	for _, t := range rec.Templates {
		s.templates = append(s.templates, newReplay(t))
	}
	cfg, err := pgxpool.ParseConfig(os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	cfg.MaxConns, cfg.MinConns = bareConns, bareConns
	cfg.ConnConfig.RuntimeParams["plan_cache_mode"] = "force_generic_plan" // as ours
	cfg.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
		for _, st := range rec.Statements {
			if _, err := c.PgConn().Prepare(ctx, st.Name, st.SQL, st.OIDs); err != nil {
				return fmt.Errorf("prepare: %w", err)
			}
		}
		return nil
	}
	if s.pool, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
		return err
	}
	defer s.pool.Close()
	return s.serve(ctx)
}

func (s *bareServer) serve(ctx context.Context) error {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.POST("/same/:template", s.same)
	e.POST("/insert", s.insert)
	e.GET("/readyz", func(c *gin.Context) {
		if err := s.pool.Ping(c); err != nil {
			c.Status(http.StatusServiceUnavailable)
		}
	})
	srv := &http.Server{Addr: os.Getenv(bareAddr), Handler: e, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = srv.Close() })
	if err := srv.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// same runs the recorded statements with ids of their own.
func (s *bareServer) same(c *gin.Context) {
	var m draft
	n, err := strconv.Atoi(c.Param("template"))
	if err == nil {
		err = c.ShouldBindJSON(&m)
	}
	if err != nil {
		c.String(http.StatusBadRequest, err.Error())
		return
	}
	id, err := s.run(c.Request.Context(), s.templates[n%len(s.templates)])
	if err != nil {
		c.String(http.StatusInternalServerError, err.Error())
		return
	}
	c.JSON(http.StatusAccepted, gin.H{"id": id, "status": "queued", "to": m.To})
}

func (s *bareServer) run(ctx context.Context, r replay) (wa.MessageID, error) {
	id := wa.NewMessageID()
	fresh := fresh{message: id.Bytes(), text: id.String(), uuid: id.UUID(), wire: wa.WireID(r.Client, id), event: uuid.Must(uuid.NewV7())}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return id, err
	}
	defer conn.Release()
	c := conn.Conn().PgConn()
	for i, x := range r.Exchanges {
		if x.Query != "" {
			_, err = c.Exec(ctx, x.Query).ReadAll()
		} else {
			err = r.calls(ctx, c, i, fresh)
		}
		if err != nil {
			return id, err
		}
	}
	return id, nil
}

// calls runs one round trip of prepared statements.
func (r replay) calls(ctx context.Context, c *pgconn.PgConn, i int, f fresh) error {
	calls := r.Exchanges[i].Calls
	if len(calls) == 1 {
		x := calls[0]
		_, err := drain(c.ExecPrepared(ctx, x.Statement, f.params(x.Params, r.ids[i][0]), x.Formats, x.Results))
		return err
	}
	p := c.StartPipeline(ctx)
	for k, x := range calls {
		p.SendQueryPrepared(x.Statement, f.params(x.Params, r.ids[i][k]), x.Formats, x.Results)
	}
	if err := p.Sync(); err != nil {
		return errors.Join(err, p.Close())
	}
	for range calls {
		res, err := p.GetResults()
		if rr, ok := res.(*pgconn.ResultReader); ok && err == nil {
			_, err = drain(rr)
		}
		if err != nil {
			return errors.Join(err, p.Close())
		}
	}
	return p.Close()
}

func drain(r *pgconn.ResultReader) (int, error) {
	n := 0
	for r.NextRow() {
		n += len(r.Values())
	}
	_, err := r.Close()
	return n, err
}

// fresh is what belongs to one message alone.
type fresh struct {
	message    [16]byte
	event      uuid.UUID
	text, uuid string
	wire       string
}

func (f fresh) params(params [][]byte, at []marks) [][]byte {
	out := make([][]byte, len(params))
	for i, p := range params {
		out[i] = p
		m := at[i]
		if m.none() {
			continue
		}
		b := bytes.Clone(p)
		write(b, m.messageRaw, f.message[:])
		write(b, m.messageUUID, []byte(f.uuid))
		write(b, m.messageText, []byte(f.text))
		write(b, m.wire, []byte(f.wire))
		write(b, m.eventRaw, f.event[:])
		write(b, m.eventUUID, []byte(f.event.String()))
		out[i] = b
	}
	return out
}

func (m marks) none() bool {
	return len(m.messageRaw)+len(m.messageUUID)+len(m.messageText)+len(m.wire)+len(m.eventRaw)+len(m.eventUUID) == 0
}

func write(b []byte, at []int, with []byte) {
	for _, i := range at {
		copy(b[i:], with)
	}
}

func newReplay(t template) replay {
	r := replay{template: t}
	message, event := t.Message.Bytes(), uuid.MustParse(t.Event)
	for _, x := range t.Exchanges {
		var calls [][]marks
		for _, c := range x.Calls {
			var params []marks
			for _, p := range c.Params {
				params = append(params, marks{
					places(p, message[:]), places(p, []byte(t.Message.UUID())), places(p, []byte(t.Message.String())), places(p, []byte(t.Wire)),
					places(p, event[:]), places(p, []byte(t.Event)),
				})
			}
			calls = append(calls, params)
		}
		r.ids = append(r.ids, calls)
	}
	return r
}

func places(in, what []byte) (at []int) {
	for from := 0; ; {
		i := bytes.Index(in[from:], what)
		if i < 0 {
			return at
		}
		at = append(at, from+i)
		from += i + len(what)
	}
}

// insert writes one row with one statement.
func (s *bareServer) insert(c *gin.Context) {
	var m draft
	if err := c.ShouldBindJSON(&m); err != nil {
		c.String(http.StatusBadRequest, err.Error())
		return
	}
	content, err := json.Marshal(m.Text)
	if err == nil {
		_, err = s.pool.Exec(c.Request.Context(), `
			INSERT INTO bare_messages (id, recipient, type, content, status, lane, created_at) VALUES ($1, $2, $3, $4, 'queued', 1, $5)`,
			uuid.Must(uuid.NewV7()), m.To, m.Type, content, time.Now())
	}
	if err != nil {
		c.String(http.StatusInternalServerError, err.Error())
		return
	}
	c.JSON(http.StatusAccepted, gin.H{"id": s.n.Add(1), "status": "queued", "to": m.To})
}

// bareTable is what insert writes to.
const bareTable = `CREATE TABLE IF NOT EXISTS bare_messages (id uuid PRIMARY KEY, recipient text NOT NULL, type text NOT NULL,
	content jsonb NOT NULL, status text NOT NULL, lane smallint NOT NULL, created_at timestamptz NOT NULL)`

// startBare runs the bare server and waits until it answers.
func (p *platform) startBare(ctx context.Context, rec recording) (*process, error) {
	raw, err := json.Marshal(rec)
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(p.b.logs, "recording-")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if _, err := file.Write(raw); err != nil {
		return nil, err
	}
	addr, _, err := twoPorts()
	if err != nil {
		return nil, err
	}
	proc, err := p.launch("barehttp", false, "DATABASE_URL="+p.url, bareRecording+"="+file.Name(), bareAddr+"="+addr)
	if err != nil {
		return nil, err
	}
	proc.metrics = "http://" + addr
	return proc, p.await(ctx, proc)
}
