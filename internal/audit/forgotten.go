package audit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// leastKept is for how long every line is kept, whatever an org or an
// installation sets; the database refuses to let go of younger ones, too.
const leastKept = wa.MinRetentionAudit * 24 * time.Hour

// skip steps over what was forgotten of a log, where its next line is missing. A
// log begins behind a record that is ours, of lines that were old enough. Of those
// that a record speaks of some may be there yet: they are being deleted from the
// first one on, and read meanwhile like all others, from their own word for the
// line before them to the anchor that the record was made of.
func (w *walk) skip(ctx context.Context, lines []wa.AuditEntry) error {
	f, err := w.record(ctx)
	if err != nil || w.broken != nil || f.Seq <= w.seq {
		return err
	}
	w.seq, w.prev, w.before = f.Seq, f.Hash, nil
	if len(lines) > 0 && lines[0].Sequence <= f.Seq {
		w.seq, w.prev = lines[0].Sequence-1, lines[0].Prev
	}
	w.forgotten, w.anchoredTo = w.seq, max(w.anchoredTo, w.seq)
	return nil
}

// record is up to where the log was forgotten, if it was; one that is not as it
// should be breaks the log, whether lines are missing or not.
func (w *walk) record(ctx context.Context) (f store.AuditForgotten, err error) {
	err = w.s.db.InTx(ctx, func(tx *store.Tx) error {
		f, err = tx.LastForgotten(ctx, w.org)
		return err
	})
	if wa.CodeOf(err) == wa.NotFound {
		return store.AuditForgotten{}, nil
	}
	if err != nil {
		return f, err
	}
	key, err := w.s.opt.Key(ctx)
	if err != nil {
		return f, fmt.Errorf("get the key of anchors: %w", err)
	}
	w.broken = judgeForgotten(key, f, w.s.opt.Now())
	return f, nil
}

// judgeForgotten tells what is wrong with a record. Nothing of what it speaks of
// is younger than its anchor, and both times are under the signature: so it
// proves, too, that only what was old enough was forgotten.
func judgeForgotten(key []byte, f store.AuditForgotten, now time.Time) *Finding {
	kept := f.At.Sub(f.AnchoredAt)
	switch {
	case !hmac.Equal(f.Mac, signForgotten(key, f)):
		return &Finding{f.Seq, Forged, "what says that lines up to this one were forgotten is not signed by us"}
	case kept < leastKept || kept < time.Duration(f.Days)*24*time.Hour || f.At.After(now.Add(clockSlack)):
		return &Finding{f.Seq, TooSoon, fmt.Sprintf("lines of before %s were forgotten at %s", f.AnchoredAt.UTC().Format(time.RFC3339), f.At.UTC().Format(time.RFC3339))}
	}
	return nil
}

// clockSlack is how far the clocks of two processes may be apart.
const clockSlack = time.Hour

// forgottenVersion goes into every signature.
const forgottenVersion = "chasqui audit forgotten 1"

// signForgotten makes the signature of a record, as sign does of an anchor.
func signForgotten(key []byte, f store.AuditForgotten) []byte {
	org := f.Org.Bytes()
	mac := hmac.New(sha256.New, key)
	for _, part := range [][]byte{
		[]byte(forgottenVersion), org[:], number(f.Seq), f.Hash, number(f.AnchoredAt.UnixMicro()), number(int64(f.Days)), number(f.At.UnixMicro()), []byte(f.Key),
	} {
		_, _ = mac.Write(number(int64(len(part)))) // a hash takes everything
		_, _ = mac.Write(part)
	}
	return mac.Sum(nil)
}
