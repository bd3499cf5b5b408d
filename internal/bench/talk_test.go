package bench_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"chasqui/internal/wa"
	"chasqui/internal/whatsim"
)

// talked is what came of a conversation.
type talked struct {
	rate       float64 // of our sends, messages a second
	unreadable int     // of our sends
}

// measureTalk lets both sides of a conversation write at once, over the
// platform and over the library alone.
func measureTalk(ctx context.Context, b *bench) error {
	s, err := b.sendStage(ctx, 1, unpaced, "")
	if err != nil {
		return err
	}
	defer s.close()
	runs, n := size(1, 4, 10), size(30, 300, 300)
	var ours, bare []float64
	unreadable, lost := 0, 0
	for run := range runs {
		t, err := s.ourTalk(ctx, run, n)
		if err != nil {
			return err
		}
		ours, unreadable = append(ours, t.rate), unreadable+t.unreadable
		s.worker, err = s.without(ctx, s.worker, func() error {
			t, err = s.bareTalk(ctx, run, n)
			return err
		}, quickly...)
		if err != nil {
			return err
		}
		bare, lost = append(bare, t.rate), lost+t.unreadable
		fmt.Fprintf(os.Stderr, "bench: talk: %.0f/s, bare %.0f/s with %d of %d unreadable\n", ours[run], t.rate, t.unreadable, n)
	}
	f := figure{Name: fmt.Sprintf("%d sends while the contact writes %d, unreadable", n, n), Ours: float64(unreadable), Unit: "messages", N: runs * n}
	judged := f.within(0)
	bareLost := float64(lost)
	judged.Bare = &bareLost
	b.report(judged)
	f = figure{Name: "the same, send rate", Ours: median(ours), Unit: "messages/s", N: runs * n}
	b.report(f.beside(median(bare)).atLeast(0.8))
	return nil
}

// write lets the contact write n times, one after the other.
func (s *sendStage) write(ctx context.Context, from, to string, n int) error {
	for i := range n {
		if err := s.simCall(ctx, http.MethodPost, "/write", map[string]any{"from": from, "to": to, "text": fmt.Sprint("theirs ", i)}, nil); err != nil {
			return err
		}
	}
	return nil
}

// ourTalk begins once both sides know each other, as bareTalk does.
func (s *sendStage) ourTalk(ctx context.Context, run, n int) (talked, error) {
	contact, prefix := recipient(500+run), fmt.Sprintf("ours %d", run)
	if err := s.acquaint(ctx, contact); err != nil {
		return talked{}, err
	}
	var list []draft
	for i := range n {
		list = append(list, text(contact, fmt.Sprintf("%s %d", prefix, i), wa.Normal))
	}
	written := make(chan error, 1)
	go func() { written <- s.write(ctx, contact, own(0), n) }()
	if err := s.sendMany(ctx, s.clients[0], list); err != nil {
		return talked{}, err
	}
	if err := <-written; err != nil {
		return talked{}, err
	}
	if err := s.settled(ctx); err != nil {
		return talked{}, err
	}
	return s.judge(ctx, own(0), contact, prefix, n)
}

func (s *sendStage) acquaint(ctx context.Context, contact string) error {
	if err := s.write(ctx, contact, own(0), 1); err != nil {
		return err
	}
	if _, err := s.send(ctx, s.clients[0], text(contact, "hello", wa.Normal)); err != nil {
		return err
	}
	return s.settled(ctx)
}

func (s *sendStage) bareTalk(ctx context.Context, run, n int) (talked, error) {
	contact, prefix := recipient(700+run), fmt.Sprintf("bare %d", run)
	hello, err := s.startBareWA(bareJob{Kind: "send", Numbers: []string{bareNumber(0)}, To: []string{contact}, Count: 1, Prefix: "hello"})
	if err != nil {
		return talked{}, err
	}
	if _, err := hello.hear(); err != nil {
		return talked{}, err
	}
	if err := s.write(ctx, contact, bareNumber(0), 1); err != nil {
		return talked{}, err
	}
	if err := hello.stop(); err != nil {
		return talked{}, err
	}
	proc, err := s.startBareWA(bareJob{Kind: "send", Numbers: []string{bareNumber(0)}, To: []string{contact}, Count: n, Prefix: prefix})
	if err != nil {
		return talked{}, err
	}
	if err := s.write(ctx, contact, bareNumber(0), n); err != nil {
		return talked{}, err
	}
	if _, err := proc.hear(); err != nil {
		return talked{}, err
	}
	defer func() { _ = proc.stop() }()
	return s.judge(ctx, bareNumber(0), contact, prefix, n)
}

// judge reads the contact's phone. A text counts as unreadable when the phone
// could not read it although it may have asked for it again.
func (s *sendStage) judge(ctx context.Context, number, contact, prefix string, n int) (talked, error) {
	if err := rest(ctx, 2*time.Second); err != nil { // what is asked for again has this long to come
		return talked{}, err
	}
	frames, err := s.frames(ctx, number)
	if err != nil {
		return talked{}, err
	}
	got, err := s.messages(ctx, url.Values{"to": {contact}, "from": {number}})
	if err != nil {
		return talked{}, err
	}
	readable := map[string]bool{}
	for _, m := range got {
		if strings.HasPrefix(m.Text, prefix+" ") {
			readable[m.ID] = true
		}
	}
	return talked{rate: sentRate(toContact(frames, contact, n)), unreadable: n - len(readable)}, nil
}

// toContact gives when the last n frames to a contact arrived; what could not
// be read counts too.
func toContact(frames []whatsim.Frame, contact string, n int) (times []time.Time) {
	for _, f := range frames {
		if f.Chat == contact && !f.Resend {
			times = append(times, f.Time)
		}
	}
	return times[max(0, len(times)-n):]
}
