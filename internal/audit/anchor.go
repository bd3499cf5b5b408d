package audit

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

const (
	// beat is how long there is no anchor at the most: the installation's own log
	// is anchored even where nothing happens, so that anchors which were cut off
	// leave a hole in time.
	beat = time.Hour
	// anchorBatch is how many logs are anchored in one transaction.
	anchorBatch = 100
)

// errBroken tells that a log must not be anchored as it is.
type errBroken struct {
	org wa.OrgID
	Finding
}

func (e *errBroken) Error() string {
	return fmt.Sprintf("the audit log of %s is broken: %s", LogName(e.org), e.Finding)
}

// LogName is how people read whose log it is.
func LogName(org wa.OrgID) string {
	if org.IsZero() {
		return "the installation"
	}
	return org.String()
}

// Anchor signs where every log that grew ends now. What was written since the
// last anchor is verified first: a log that is broken is not anchored, counted in
// chasqui_audit_broken_logs and told of in the log. One process at a time should
// do it; of two, one fails without harm.
func (s *Service) Anchor(ctx context.Context) error {
	key, err := s.opt.Key(ctx)
	if err != nil {
		return fmt.Errorf("get the key of anchors: %w", err)
	}
	last, err := s.lastAnchor(ctx, key)
	if err != nil {
		return err
	}
	var moved []wa.OrgID
	err = s.db.InTx(ctx, func(tx *store.Tx) error {
		moved, err = tx.AuditMoved(ctx, anchorBatch)
		return err
	})
	if err != nil {
		return err
	}
	if len(moved) == 0 && s.opt.Now().Sub(last.At) >= beat {
		moved = []wa.OrgID{{}}
	}
	broken := 0
	for _, org := range moved {
		next, found, err := s.anchorOne(ctx, key, last, org)
		if err != nil {
			return err
		}
		if found != nil {
			broken++
			s.opt.Log.ErrorContext(ctx, "an audit log is broken and is not anchored: run chasqui verify-audit", "log", LogName(org), "line", found.Sequence, "what", found.What)
			continue
		}
		last = next
		s.remember(last)
	}
	brokenLogs.Set(float64(broken))
	lastAnchored.Set(float64(last.At.Unix()))
	return nil
}

func (s *Service) remember(a store.AuditAnchor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.anchored = a
}

// lastAnchor finds the newest anchor and holds it against its signature and
// against what this process remembers: the last anchors of all could be taken
// away without a trace in the database.
func (s *Service) lastAnchor(ctx context.Context, key []byte) (last store.AuditAnchor, err error) {
	var before []byte
	err = s.db.InTx(ctx, func(tx *store.Tx) error {
		if last, err = tx.LastAnchor(ctx); wa.CodeOf(err) == wa.NotFound && err != nil {
			return nil
		} else if err != nil {
			return err
		}
		previous, err := tx.Anchors(ctx, last.Number-2, 1)
		if err == nil && len(previous) == 1 && previous[0].Number == last.Number-1 {
			before = previous[0].Mac
		}
		return err
	})
	if err != nil {
		return last, err
	}
	if last.Number > 0 && !hmac.Equal(last.Mac, sign(key, before, last)) {
		brokenLogs.Set(1)
		return last, &errBroken{last.Org, Finding{last.Seq, Forged, fmt.Sprintf("anchor %d is not signed by us", last.Number)}}
	}
	s.mu.Lock()
	remembered := s.anchored
	s.mu.Unlock()
	if last.Number < remembered.Number {
		brokenLogs.Set(1)
		return last, &errBroken{remembered.Org, Finding{remembered.Seq, Forged, fmt.Sprintf("anchors from %d on were taken away", last.Number+1)}}
	}
	return last, nil
}

// anchorOne verifies what a log grew by and signs its end.
func (s *Service) anchorOne(ctx context.Context, key []byte, last store.AuditAnchor, org wa.OrgID) (store.AuditAnchor, *Finding, error) {
	end, err := s.end(ctx, org)
	if err != nil {
		return last, nil, err
	}
	w, err := s.since(ctx, org, end)
	if err != nil || w.broken != nil {
		return last, w.broken, err
	}
	next := store.AuditAnchor{
		Number: last.Number + 1, Org: org, Seq: w.seq, Hash: w.prev, At: s.opt.Now().UTC().Truncate(time.Microsecond), Key: keyName(key),
	}
	next.Mac = sign(key, last.Mac, next)
	err = s.db.InTx(ctx, func(tx *store.Tx) error { return tx.InsertAnchor(ctx, next) })
	return next, nil, err
}

// since walks along a log from its last anchor to its end.
func (s *Service) since(ctx context.Context, org wa.OrgID, end store.AuditHead) (*walk, error) {
	w := &walk{s: s, org: org, prev: wa.AuditGenesis(), upTo: end.Seq}
	var from store.AuditAnchor
	err := s.db.InTx(ctx, func(tx *store.Tx) (err error) {
		if from, err = tx.OrgAnchor(ctx, org); wa.CodeOf(err) == wa.NotFound {
			return nil
		}
		return err
	})
	if err != nil {
		return w, err
	}
	if from.Seq > 0 {
		w.seq, w.anchoredTo = from.Seq-1, from.Seq-1
		if err := w.stand(ctx); err != nil || w.broken != nil {
			return w, err
		}
	}
	if err := w.run(ctx); err != nil || w.broken != nil {
		return w, err
	}
	switch {
	case w.seq < end.Seq:
		w.broken = &Finding{w.seq + 1, Cut, fmt.Sprintf("the log once had %d lines", end.Seq)}
	case w.seq > 0 && !bytes.Equal(w.prev, end.Hash):
		w.broken = &Finding{w.seq, Rewritten, "the log's head knows another last line"}
	}
	return w, nil
}

// stand takes the anchored line's own word for the line before it; the anchor,
// which comes next, tells whether it is the line that was anchored.
func (w *walk) stand(ctx context.Context) error {
	anchored := w.seq + 1
	var lines []wa.AuditEntry
	err := w.s.db.InTx(ctx, func(tx *store.Tx) (err error) {
		lines, err = tx.AuditChain(ctx, w.org, w.seq, 1)
		return err
	})
	if err != nil {
		return err
	}
	if len(lines) > 0 && lines[0].Sequence == anchored {
		w.prev = lines[0].Prev
		return nil
	}
	if err := w.skip(ctx, lines); err != nil || w.broken != nil {
		return err
	}
	if w.seq < anchored {
		w.broken = &Finding{anchored, Cut, "the line that was anchored last is gone"}
	}
	return nil
}

// anchorVersion goes into every signature.
const anchorVersion = "chasqui audit anchor 1"

// sign makes the signature of an anchor: HMAC-SHA-256 over everything in it and
// over the signature of the anchor before it, each part preceded by its length.
func sign(key, before []byte, a store.AuditAnchor) []byte {
	org := a.Org.Bytes()
	mac := hmac.New(sha256.New, key)
	for _, part := range [][]byte{
		[]byte(anchorVersion), before, number(a.Number), org[:], number(a.Seq), a.Hash, number(a.At.UnixMicro()), []byte(a.Key),
	} {
		_, _ = mac.Write(number(int64(len(part)))) // a hash takes everything
		_, _ = mac.Write(part)
	}
	return mac.Sum(nil)
}

func number(n int64) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(n))
}

// keyName tells keys apart and says nothing about them.
func keyName(key []byte) string {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte("name")) // a hash takes everything
	return hex.EncodeToString(mac.Sum(nil)[:8])
}
