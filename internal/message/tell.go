package message

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"chasqui/internal/provider"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// Bounds of telling people that their messages were read.
const (
	tellMost    = 50                     // messages in one receipt
	tellWithin  = 10 * time.Second       // for the network's word on one receipt
	noteWithin  = 3 * time.Second        // for Postgres to take what came of it
	tellAgain   = 15 * time.Second       // before one is sent again that was not answered
	tellTries   = 5                      // receipts that are not answered
	tellGapMin  = 300 * time.Millisecond // between two receipts of one number: nobody reads faster
	tellGapMore = 600 * time.Millisecond // at random, on top
	tellAge     = 7 * 24 * time.Hour     // afterwards nobody looks for it any more
)

// What came of the wish to tell that a message was read.
const (
	readTold       = "told"
	readPutBack    = "put_back"   // the line was not up; it is tried again
	readUnanswered = "unanswered" // WhatsApp said nothing; it is tried again
	readGivenUp    = "given_up"   // it never will be told
)

// Tell tells people that what they wrote was read: what is written down for a
// client and due, one receipt for each conversation, at a person's pace, until
// nothing is left or ctx ends. It is no part of the client's line: messages
// neither wait for it nor does it count among them. It runs once at a time for
// each client.
//
// A receipt is forgotten when the network has taken it. If this process dies
// between the two, the next owner sends it again, which the recipient's phone
// does not show.
func (s *Service) Tell(ctx context.Context, h Hold) {
	log := s.opt.Log.With("client", h.Client().ID)
	defer func() {
		if p := recover(); p != nil {
			poisonTotal.Inc()
			log.ErrorContext(ctx, "telling what was read panicked", "panic", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
		}
	}()
	for s.tellOne(ctx, h, log) {
		gap := tellGapMin + rand.N(tellGapMore)
		select {
		case <-time.After(gap / time.Duration(s.opt.PaceFactor)):
		case <-ctx.Done():
		}
	}
}

// tellOne sends one receipt, and reports whether there may be more.
func (s *Service) tellOne(ctx context.Context, h Hold, log *slog.Logger) (more bool) {
	session, _, open := h.Line()
	reader, able := session.(provider.Reader)
	if !open || !able || ctx.Err() != nil {
		return false
	}
	c := h.Client()
	var r store.Read
	err := s.db.InOrgRelaxed(ctx, c.OrgID, func(tx *store.Tx) (err error) {
		r, err = tx.ClaimRead(ctx, c.OrgID, c.ID, h.Epoch(), tellMost, tellAgain)
		return err
	})
	if wa.CodeOf(err) == wa.NotFound && err != nil {
		return false
	}
	if err == nil {
		err = s.tell(ctx, c, h, reader, r)
	}
	if err != nil && ctx.Err() == nil {
		log.WarnContext(ctx, "not told that messages were read; it is tried again", "messages", len(r.Messages), "error", err)
	}
	return err == nil
}

// tell sends a receipt that was taken and writes down what came of it.
func (s *Service) tell(ctx context.Context, c wa.Client, h Hold, reader provider.Reader, r store.Read) error {
	outcome := readPutBack
	var cause error
	if _, _, open := h.Line(); open { // somebody may have stopped it meanwhile
		within, cancel := context.WithTimeout(ctx, tellWithin)
		cause = reader.MarkRead(within, provider.Peer{Phone: r.Phone, LID: r.LID}, r.WireIDs, r.At)
		cancel()
		outcome = readOutcome(cause, r.Attempts)
	}
	readReceipts.WithLabelValues(outcome).Add(float64(len(r.Messages)))
	// It is a fact, also when the hold ended meanwhile.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteWithin)
	defer cancel()
	err := s.db.InOrgRelaxed(ctx, c.OrgID, func(tx *store.Tx) error {
		switch outcome {
		case readTold, readGivenUp:
			return tx.Told(ctx, c.OrgID, r.Messages)
		case readPutBack:
			return tx.Untold(ctx, c.OrgID, r.Messages, time.Second)
		}
		return nil // it comes back by itself
	})
	return errors.Join(cause, err)
}

// readOutcome is what an attempt to tell came to.
func readOutcome(err error, attempts int) string {
	var f *provider.Failure
	switch {
	case err == nil:
		return readTold
	case errors.As(err, &f) && f.Class == provider.NotSent:
		return readPutBack
	case errors.As(err, &f) && f.Class == provider.Lasting, attempts >= tellTries:
		return readGivenUp
	}
	return readUnanswered
}
