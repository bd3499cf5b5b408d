package account_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/account"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// postman is a mail server that may be away, or take a letter and not say so.
type postman struct {
	away  atomic.Bool
	mute  atomic.Bool
	tried atomic.Int64
	took  chan wa.Letter
}

func (p *postman) Mail(_ context.Context, l wa.Letter) error {
	p.tried.Add(1)
	if p.away.Load() {
		return errors.New("no answer")
	}
	p.took <- l
	if p.mute.Load() {
		return errors.New("the connection broke")
	}
	return nil
}

// withPostman is a desk whose mails go there.
func withPostman(t *testing.T) (*desk, *postman) {
	t.Helper()
	p := &postman{took: make(chan wa.Letter, 20)}
	return newDesk(t, func(o *account.Options) { o.Mail = p }), p
}

// waiting are the mails that wait, as they stand in the database.
func (d *desk) waiting() (sealed []string) {
	d.t.Helper()
	c, err := pgx.Connect(d.t.Context(), d.url)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = c.Close(d.t.Context()) }()
	if _, err := c.Exec(d.t.Context(), `SET app.system = 'on'`); err != nil {
		d.t.Fatal(err)
	}
	rows, err := c.Query(d.t.Context(), `SELECT convert_from(sealed, 'UTF8') FROM mails`)
	if err == nil {
		sealed, err = pgx.CollectRows(rows, pgx.RowTo[string])
	}
	if err != nil {
		d.t.Fatal(err)
	}
	return sealed
}

func (d *desk) awaitMails(n int) {
	d.t.Helper()
	testkit.Eventually(d.t, 20*time.Second, "mails that wait", func() bool { return len(d.waiting()) == n })
}

// The server is away when somebody is invited, and the process ends. Another one
// sends the mail when the server is back, once, and keeps nothing of it.
func TestMailsOutliveAProcess(t *testing.T) {
	t.Parallel()
	d, p := withPostman(t)
	p.away.Store(true)
	if _, err := d.s.Invite(t.Context(), d.admin, "bob@example.com", wa.Agent); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, 20*time.Second, "an attempt", func() bool { return p.tried.Load() > 0 })
	all := d.waiting()
	if len(all) != 1 || !strings.HasPrefix(all[0], "mails|sealed|") || !strings.Contains(all[0], d.org.UUID()) {
		t.Fatalf("what waits is not sealed for its place: %q", all)
	}
	p.away.Store(false)
	d.process()
	d.process()
	d.clock.move(2 * time.Hour) // the rest after what failed is over
	select {
	case l := <-p.took:
		if l.To != "bob@example.com" || !strings.Contains(l.Body, "#token=") {
			t.Errorf("%+v", l)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("it was never sent")
	}
	d.awaitMails(0)
	if len(p.took) != 0 {
		t.Error("it was sent twice")
	}
}

// What is not worth sending any more is forgotten, not sent.
func TestMailsEnd(t *testing.T) {
	t.Parallel()
	d, p := withPostman(t)
	p.away.Store(true)
	if err := d.s.Forgot(t.Context(), "ana@example.com", from); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, 20*time.Second, "an attempt", func() bool { return p.tried.Load() > 0 })
	d.awaitMails(1)
	p.away.Store(false)
	d.clock.move(3 * time.Hour) // the link is over
	d.awaitMails(0)
	if len(p.took) != 0 {
		t.Error("a dead link was mailed")
	}
}

// An invitation that is not kept is not mailed either.
func TestNoMailWithoutItsReason(t *testing.T) {
	t.Parallel()
	d, p := withPostman(t)
	_, err := d.s.Invite(t.Context(), d.admin, "ana@example.com", wa.Agent)
	d.refused("one of the team", err, wa.Conflict)
	if n := len(d.waiting()); n != 0 || len(p.took) != 0 {
		t.Errorf("%d mails wait", n)
	}
}

// A letter of which nobody knows whether it was taken is sent again, under the
// same id, so that whoever gets both can drop one.
func TestALetterIsSentAgainUnderItsID(t *testing.T) {
	t.Parallel()
	d, p := withPostman(t)
	p.mute.Store(true)
	if _, err := d.s.Invite(t.Context(), d.admin, "bob@example.com", wa.Agent); err != nil {
		t.Fatal(err)
	}
	first := p.next(t)
	p.mute.Store(false)
	d.process() // another one, as after the first has died
	var second wa.Letter
	testkit.Eventually(t, 30*time.Second, "it is sent again", func() bool {
		d.clock.move(time.Minute) // it rests before, however late the first attempt is written down
		select {
		case second = <-p.took:
			return true
		default:
			return false
		}
	})
	if first.ID == "" || first.ID != second.ID || first.Body != second.Body {
		t.Errorf("it came as %q and as %q", first.ID, second.ID)
	}
	d.awaitMails(0)
	if _, err := d.s.Invite(t.Context(), d.admin, "eve@example.com", wa.Agent); err != nil {
		t.Fatal(err)
	}
	if other := p.next(t); other.ID == first.ID {
		t.Error("two letters have the same id")
	}
}

// next is the next letter that the postman took.
func (p *postman) next(t *testing.T) wa.Letter {
	t.Helper()
	select {
	case l := <-p.took:
		return l
	case <-time.After(30 * time.Second):
		t.Fatal("no letter came")
		return wa.Letter{}
	}
}
