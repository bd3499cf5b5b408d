package fleet_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"chasqui/internal/fleet"
	"chasqui/internal/provider"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

func (w *world) pairing(id wa.ClientID) wa.Pairing {
	w.t.Helper()
	p, err := w.Pairing(w.t.Context(), w.by, id)
	w.must(err)
	return p
}

func (w *world) awaitCode(id wa.ClientID) (code string) {
	w.t.Helper()
	testkit.Eventually(w.t, patience, "a code", func() bool {
		code = w.pairing(id).Code
		return code != ""
	})
	return code
}

func (w *world) pair(id wa.ClientID, method wa.PairMethod, phone wa.Phone) error {
	_, err := w.Pair(w.t.Context(), w.by, id, method, phone)
	return err
}

func TestPairing(t *testing.T) {
	t.Parallel()
	for _, method := range []wa.PairMethod{wa.PairQR, wa.PairCode} {
		t.Run(string(method), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := w.unpaired()
			r := w.worker(w.url)
			w.must(w.pair(id, method, "+51900000002"))
			if code := w.awaitCode(id); code != "code-"+string(method) {
				t.Errorf("the code is %q", code)
			}
			w.await(id, wa.ClientPairing)
			s := r.net.last(t, id)
			w.must(s.sink.Take(t.Context(), provider.Paired{JID: "jid", Phone: "+51900000002", LID: "77", Platform: "android"}))
			s.comeOnline()
			row := w.await(id, wa.ClientConnected)
			if row.JID != "jid" || row.Phone != "+51900000002" || row.LID != "77" || row.Desire != wa.WantConnected {
				t.Errorf("linked as %q, %q, %q, wanted %s", row.JID, row.Phone, row.LID, row.Desire)
			}
			if _, err := w.Pairing(t.Context(), w.by, id); wa.CodeOf(err) != wa.NotFound {
				t.Errorf("the attempt is still there: %v", err)
			}
			w.awaitOpen(r, id)
			if len(s.dials()) != 0 {
				t.Error("the session was connected although it came online by itself")
			}
			if n := w.told(id, wa.ClientPaired); n != 1 {
				t.Errorf("client.paired told %d times", n)
			}
			if err := w.pair(id, method, "+51900000002"); wa.CodeOf(err) != wa.Conflict {
				t.Errorf("pairing a linked client: %v", err)
			}
		})
	}
}

func TestPairingRefusesNonsense(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.unpaired()
	for name, err := range map[string]error{
		"method": w.pair(id, "carrier pigeon", ""), "phone": w.pair(id, wa.PairCode, ""),
		"response": w.AnswerPasskey(t.Context(), w.by, id, []byte("{")),
	} {
		var e *wa.Error
		if !errors.As(err, &e) || e.Code != wa.Invalid || e.Field != name {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := w.ConfirmPasskey(t.Context(), w.by, id); wa.CodeOf(err) != wa.Conflict {
		t.Errorf("confirming what is not asked: %v", err)
	}
	if w.row(id).Desire != wa.WantNothing {
		t.Error("a refused request changed the client")
	}
}

// After the keys did not come to anything the client is as it was before.
func TestPairingFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fresh, former := w.unpaired(), w.unpaired()
	w.sql(`UPDATE clients SET phone = '+51900000003', status = 'logged_out' WHERE id = $1`, former.UUID())
	r := w.worker(w.url)
	for id, back := range map[wa.ClientID]wa.ClientStatus{fresh: wa.ClientNew, former: wa.ClientLoggedOut} {
		w.must(w.pair(id, wa.PairQR, ""))
		w.await(id, wa.ClientPairing)
		w.awaitCode(id)
		r.net.last(t, id).say(provider.StateChanged{Signal: provider.PairFailed, Reason: "nobody scanned"})
		w.await(id, back)
		w.freed(id)
		if p := w.pairing(id); p.Error == "" || p.Code != "" {
			t.Errorf("the attempt says %q and shows %q", p.Error, p.Code)
		}
		if n := w.told(id, wa.ClientPairingFailed); n != 1 {
			t.Errorf("client.pairing_failed told %d times", n)
		}
		w.must(w.pair(id, wa.PairQR, ""))
		w.await(id, wa.ClientPairing)
	}
}

func TestPairingThatCannotStartFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.unpaired()
	w.worker(w.url, func(_ *fleet.WorkerOptions, n *network) {
		n.onPair = func(context.Context, *session, wa.PairMethod) error { return errors.New("no route") }
	})
	w.must(w.pair(id, wa.PairQR, ""))
	testkit.Eventually(t, patience, "the reason", func() bool { return w.pairing(id).Error != "" })
	w.freed(id)
}

// A new attempt takes the place of the old, whose end is nobody's concern.
func TestANewAttemptReplacesTheOld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.unpaired()
	var pairs atomic.Int32
	r := w.worker(w.url, func(_ *fleet.WorkerOptions, n *network) {
		n.onPair = func(_ context.Context, s *session, m wa.PairMethod) error {
			if pairs.Add(1) == 1 {
				s.say(provider.PairingCode{Method: m, Code: "first", ExpiresAt: time.Now().Add(time.Minute)})
				return nil
			}
			s.say(provider.PairingCode{Method: m, Code: "second", ExpiresAt: time.Now().Add(time.Minute)})
			return nil
		}
	})
	w.must(w.pair(id, wa.PairQR, ""))
	testkit.Eventually(t, patience, "the first code", func() bool { return w.pairing(id).Code == "first" })
	w.must(w.pair(id, wa.PairQR, ""))
	r.net.last(t, id).say(provider.StateChanged{Signal: provider.PairFailed, Reason: "the first attempt ran out"})
	testkit.Eventually(t, patience, "the second code", func() bool { return w.pairing(id).Code == "second" })
	if p := w.pairing(id); p.Error != "" || w.row(id).Desire != wa.WantPairing {
		t.Errorf("the second attempt ended with the first: %q", p.Error)
	}
}

func TestPairingIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.unpaired()
	r := w.worker(w.url)
	w.must(w.pair(id, wa.PairQR, ""))
	w.awaitCode(id)
	w.twice(w.disconnectClient(id))
	w.await(id, wa.ClientNew)
	w.freed(id)
	if !r.net.last(t, id).isClosed() {
		t.Error("the attempt goes on")
	}
}

// Another worker cannot go on with the codes of the first: it shows new ones.
func TestPairingMovesToAnotherWorker(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.unpaired()
	first := w.worker(w.url)
	w.must(w.pair(id, wa.PairQR, ""))
	w.awaitCode(id)
	first.stop()
	next := w.worker(w.url)
	testkit.Eventually(t, patience, "another attempt", func() (paired bool) {
		for _, s := range next.net.of(id) {
			s.read(func(s *session) { paired = len(s.pairs) == 1 })
		}
		return paired
	})
}

func TestPasskeyAnswersArePassedOnOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.unpaired()
	r := w.worker(w.url)
	w.must(w.pair(id, wa.PairQR, ""))
	w.awaitCode(id)
	s := r.net.last(t, id)
	w.must(s.sink.Take(t.Context(), passkeyWanted("Q0hBTExFTkdF")))
	if p := w.pairing(id); string(p.Passkey) != `{"challenge":"Q0hBTExFTkdF","rpId":"web.whatsapp.com"}` || p.Code != "" || p.ExpiresAt == nil {
		t.Errorf("the pairing reads %+v", p)
	}
	if err := w.ConfirmPasskey(t.Context(), w.by, id); wa.CodeOf(err) != wa.Conflict {
		t.Errorf("confirming before there is a code: %v", err)
	}
	want := assertion("Q0hBTExFTkdF", "https://web.whatsapp.com")
	answer := func() error { return w.AnswerPasskey(t.Context(), w.by, id, []byte(want)) }
	w.twice(answer)
	testkit.Eventually(t, patience, "the answer", func() (got bool) {
		s.read(func(s *session) { got = len(s.answers) > 0 })
		return got
	})
	w.must(answer())
	w.must(s.sink.Take(t.Context(), provider.PasskeyWanted{Confirm: "1234", ExpiresAt: time.Now().Add(time.Minute)}))
	if p := w.pairing(id); p.Confirm != "1234" {
		t.Errorf("the code to compare reads %q", p.Confirm)
	}
	confirm := func() error { return w.ConfirmPasskey(t.Context(), w.by, id) }
	w.twice(confirm)
	testkit.Eventually(t, patience, "the confirmation", func() (got bool) {
		s.read(func(s *session) { got = s.confirms > 0 })
		return got
	})
	w.must(confirm())
	time.Sleep(300 * time.Millisecond)
	s.read(func(s *session) {
		if len(s.answers) != 1 || s.answers[0] != want || s.confirms != 1 || len(s.pairs) != 1 {
			t.Errorf("answers %q, %d confirmations, %d attempts", s.answers, s.confirms, len(s.pairs))
		}
	})
}

func TestARefusedPasskeyEndsTheAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.unpaired()
	r := w.worker(w.url, func(_ *fleet.WorkerOptions, n *network) {
		n.onAnswer = func(*session, []byte) error { return errors.New("refused") }
	})
	w.must(w.pair(id, wa.PairQR, ""))
	w.awaitCode(id)
	w.must(r.net.last(t, id).sink.Take(t.Context(), passkeyWanted("QQ")))
	w.must(w.AnswerPasskey(t.Context(), w.by, id, []byte(assertion("QQ", "https://web.whatsapp.com"))))
	testkit.Eventually(t, patience, "the reason", func() bool { return w.pairing(id).Error != "" })
	w.await(id, wa.ClientNew)
}

// A number that WhatsApp banned is not paired again before a day has passed.
func TestABannedNumberIsNotPaired(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.linked()
	r := w.worker(w.url)
	w.await(id, wa.ClientConnected)
	r.net.last(t, id).say(provider.StateChanged{Signal: provider.Banned, Code: "406"})
	w.await(id, wa.ClientBanned)
	w.freed(id)
	if err := w.pair(id, wa.PairQR, ""); wa.CodeOf(err) != wa.Conflict {
		t.Errorf("pairing a banned number: %v", err)
	}
	w.sql(`UPDATE clients SET until = now() - interval '1 second' WHERE id = $1`, id.UUID())
	w.must(w.pair(id, wa.PairQR, ""))
	w.awaitCode(id)
}
