package audit

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// What can be wrong with a log.
const (
	Altered   = "altered"   // the line does not say what it said when it was written
	Moved     = "moved"     // the line stands elsewhere, or at another time, than when it was written
	Missing   = "missing"   // a line was taken away
	Inserted  = "inserted"  // the line does not follow from the one before it
	Cut       = "cut"       // the end was taken away
	Rewritten = "rewritten" // the lines fit together, but not with what was anchored
	Forged    = "forged"    // an anchor, or what says what was forgotten, was not made by us, or was taken away
	TooSoon   = "too soon"  // lines were forgotten that were to be kept
)

// Finding is the first thing that is wrong with a log.
type Finding struct {
	Sequence int64 // of the line, or of the first that is missing
	What     string
	Detail   string
}

func (f Finding) String() string { return fmt.Sprintf("line %d: %s: %s", f.Sequence, f.What, f.Detail) }

// Report is what became of verifying one log.
type Report struct {
	Org        wa.OrgID // zero is the installation's own
	Lines      int64    // that are there
	Forgotten  int64    // before them, by retention
	Anchors    int
	Unanchored int64 // lines after the last anchor
	Broken     *Finding
}

// chainChunk is how many lines are read at a time.
const chainChunk = 2000

// Verify reads a whole log and gives the first thing that is wrong with it. Lines
// that are written meanwhile are left for the next time.
func (s *Service) Verify(ctx context.Context, org wa.OrgID) (Report, error) {
	end, err := s.end(ctx, org)
	if err != nil {
		return Report{}, err
	}
	w := s.walkTo(end)
	if err := w.run(ctx); err != nil {
		return Report{}, err
	}
	if err := w.finish(ctx, end); err != nil {
		return Report{}, err
	}
	if err := w.count(ctx); err != nil {
		return Report{}, err
	}
	return Report{
		Org: org, Lines: w.seq - w.forgotten, Forgotten: w.forgotten, Anchors: w.anchors, Unanchored: max(0, w.seq-w.anchoredTo), Broken: w.broken,
	}, nil
}

// walkTo begins at the first line of a log, to go to its end.
func (s *Service) walkTo(end store.AuditHead) *walk {
	return &walk{s: s, org: end.Org, prev: wa.AuditGenesis(), upTo: max(end.Seq, end.Last)}
}

// finish judges how a log ends, after a walk along all of it.
func (w *walk) finish(ctx context.Context, end store.AuditHead) (err error) {
	if w.broken == nil {
		w.broken = ending(end, w)
	}
	if w.broken == nil {
		w.broken, err = w.beyond(ctx)
	}
	if err == nil && w.broken == nil {
		_, err = w.record(ctx)
	}
	return err
}

// ending compares where the lines end with where the head says that they do.
func ending(end store.AuditHead, w *walk) *Finding {
	switch {
	case end.First < 1:
		return &Finding{end.First, Inserted, "logs begin with line 1"}
	case w.seq < end.Seq:
		return &Finding{w.seq + 1, Cut, fmt.Sprintf("the log once had %d lines", end.Seq)}
	case w.seq > end.Seq:
		return &Finding{end.Seq + 1, Inserted, fmt.Sprintf("the log ends at line %d by its head", end.Seq)}
	case w.seq > 0 && !bytes.Equal(w.prev, end.Hash):
		return &Finding{w.seq, Rewritten, "the log's head knows another last line"}
	}
	return nil
}

// count finds lines that a walk does not meet: a second one of the same number.
func (w *walk) count(ctx context.Context) error {
	return w.s.db.InTx(ctx, func(tx *store.Tx) error {
		n, first, err := tx.AuditLines(ctx, w.org, w.seq)
		if places := w.seq - first + 1; err == nil && n != places && w.broken == nil {
			w.broken = &Finding{first, Inserted, fmt.Sprintf("there are %d lines for %d places", n, places)}
		}
		return err
	})
}

func (s *Service) end(ctx context.Context, org wa.OrgID) (h store.AuditHead, err error) {
	err = s.db.InTx(ctx, func(tx *store.Tx) error {
		h, err = tx.AuditEnd(ctx, org)
		return err
	})
	return h, err
}

// walk goes along a chain.
type walk struct {
	s    *Service
	org  wa.OrgID
	seq  int64  // of the last good line
	prev []byte // its hash

	before []byte // the hash of the line before it
	upTo   int64

	anchors    int
	anchoredTo int64
	forgotten  int64 // lines before the first
	broken     *Finding
	ended      bool // there are no more lines
}

// under reports whether there is more of the log to read.
func (w *walk) under() bool { return w.broken == nil && !w.ended && w.seq < w.upTo }

func (w *walk) run(ctx context.Context) error {
	for w.under() {
		if err := w.step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// step reads and judges the next lines.
func (w *walk) step(ctx context.Context) error {
	var lines []wa.AuditEntry
	var anchors []store.AuditAnchor
	err := w.s.db.InTx(ctx, func(tx *store.Tx) (err error) {
		if lines, err = tx.AuditChain(ctx, w.org, w.seq, chainChunk); err != nil || len(lines) == 0 {
			return err
		}
		anchors, err = tx.OrgAnchors(ctx, w.org, w.seq, lines[len(lines)-1].Sequence)
		return err
	})
	if err != nil {
		return err
	}
	if len(lines) == 0 || lines[0].Sequence > w.seq+1 {
		if err := w.skip(ctx, lines); err != nil || w.broken != nil {
			return err
		}
		anchors = slices.DeleteFunc(anchors, func(a store.AuditAnchor) bool { return a.Seq <= w.seq })
	}
	w.ended = len(lines) == 0
	w.lines(lines, anchors)
	return nil
}

func (w *walk) lines(lines []wa.AuditEntry, anchors []store.AuditAnchor) {
	for _, e := range lines {
		if e.Sequence > w.upTo {
			w.ended = true
			return
		}
		if w.broken = w.line(e); w.broken != nil {
			return
		}
		w.seq, w.prev, w.before = e.Sequence, e.Hash, w.prev
		for len(anchors) > 0 && anchors[0].Seq <= w.seq {
			if w.broken = w.anchor(anchors[0]); w.broken != nil {
				return
			}
			anchors = anchors[1:]
		}
	}
}

// line judges one line after the good ones before it.
func (w *walk) line(e wa.AuditEntry) *Finding {
	fits, follows := bytes.Equal(e.Hash, e.Link()), bytes.Equal(e.Prev, w.prev)
	switch {
	case e.Sequence > w.seq+1:
		return &Finding{w.seq + 1, Missing, fmt.Sprintf("after line %d comes line %d", w.seq, e.Sequence)}
	case e.Sequence <= w.seq:
		return &Finding{e.Sequence, Inserted, "there are two lines of this number"}
	case fits && follows:
		return nil
	case fits && w.seq > w.anchoredTo:
		return &Finding{w.seq, Altered, "the line after it was written after another one"}
	case fits:
		return &Finding{e.Sequence, Inserted, "it does not follow from the line before it"}
	case follows:
		return &Finding{e.Sequence, Altered, "it does not say what it said when it was written"}
	case w.shifted(e):
		return &Finding{w.seq, Inserted, "the line after it was once at its place"}
	}
	return &Finding{e.Sequence, Moved, "this line stood elsewhere; the one that was here was moved or taken away"}
}

// shifted reports whether a line was written right after the line before the
// last good one.
func (w *walk) shifted(e wa.AuditEntry) bool {
	e.Sequence--
	return w.before != nil && bytes.Equal(e.Prev, w.before) && bytes.Equal(e.Hash, e.Link())
}

// anchor compares the chain with what was anchored. Everything up to the anchor
// before it is known to be good.
func (w *walk) anchor(a store.AuditAnchor) *Finding {
	w.anchors++
	if !bytes.Equal(a.Hash, w.prev) {
		return &Finding{w.anchoredTo + 1, Rewritten, fmt.Sprintf("lines %d to %d are not those that anchor %d was made of at %s",
			w.anchoredTo+1, a.Seq, a.Number, a.At.UTC().Format(time.RFC3339))}
	}
	w.anchoredTo = a.Seq
	return nil
}

// beyond finds anchors of lines that are no more.
func (w *walk) beyond(ctx context.Context) (f *Finding, err error) {
	err = w.s.db.InTx(ctx, func(tx *store.Tx) error {
		last, err := tx.OrgAnchor(ctx, w.org)
		if err == nil && last.Seq > w.seq && last.Seq > w.upTo {
			now, err := tx.AuditEnd(ctx, w.org) // the log may have grown since
			if err != nil || now.Last >= last.Seq {
				return err
			}
			f = &Finding{w.seq + 1, Cut, fmt.Sprintf("anchor %d is of line %d", last.Number, last.Seq)}
		}
		if wa.CodeOf(err) == wa.NotFound {
			return nil
		}
		return err
	})
	return f, err
}
