package account

import (
	"context"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// seatMemory is how long a session is taken as it was before Postgres is asked
// again: a changed role, a new password or an end is felt within it, in every
// process.
const seatMemory = 3 * time.Second

// freshFor is how long a password or second factor counts as just given.
const freshFor = 10 * time.Minute

// seat is who sits in a session, remembered.
type seat struct {
	store.Seat
	clients  []wa.ClientID
	ownChats bool
	until    time.Time
}

// byToken finds the actor behind an access token.
func (s *Service) byToken(ctx context.Context, text wa.Secret) (wa.Actor, error) {
	c, err := s.tokens.read(accessToken, text)
	if err != nil {
		return wa.Actor{}, err
	}
	v, err := s.seat(ctx, c.Org, c.Session)
	if wa.CodeOf(err) == wa.NotFound || (err == nil && (v.Session.UserID != c.User || !s.live(v.Seat))) {
		return wa.Actor{}, signedOut()
	}
	if err != nil {
		return wa.Actor{}, err
	}
	proved := v.Session.FreshAt
	if at := time.Unix(c.Proved, 0); at.After(proved) {
		proved = at
	}
	return wa.Actor{
		Org: c.Org, Name: v.Email, User: c.User, Role: v.Role, Session: c.Session, Fresh: s.now().Sub(proved) < freshFor,
		FactorDue: v.Due && !v.Factor && !v.Session.SecondFactor, Clients: v.clients, OwnChats: v.ownChats, KnownOnly: v.Known, Leaving: v.Leaving,
	}, nil
}

func signedOut() error {
	return &wa.Error{Code: wa.Unauthorized, Reason: "signed_out", Message: "this session is over: sign in again"}
}

// live reports whether a session is good for anything.
func (s *Service) live(v store.Seat) bool {
	return v.Session.EndedAt == nil && v.Status == wa.UserActive && v.Version == v.Session.Version && s.now().Before(v.Session.ExpiresAt)
}

func (s *Service) seat(ctx context.Context, org wa.OrgID, id wa.SessionID) (seat, error) {
	if v, ok := s.recallSeat(id); ok && v.Session.OrgID == org {
		return v, nil
	}
	var v seat
	err := s.db.InOrg(ctx, org, func(tx *store.Tx) (err error) {
		if v.Seat, err = tx.Seat(ctx, org, id); err != nil {
			return err
		}
		v.clients, v.ownChats, err = tx.Assignments(ctx, org, v.Session.UserID)
		v.ownChats = v.ownChats || v.Own
		return err
	})
	if err == nil {
		s.rememberSeat(id, v)
	}
	return v, err
}

func (s *Service) recallSeat(id wa.SessionID) (seat, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.seats[id]
	return v, ok && s.now().Before(v.until)
}

func (s *Service) rememberSeat(id wa.SessionID, v seat) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seats) > 10_000 { // forgetting costs one look-up each
		clear(s.seats)
	}
	v.until = s.now().Add(seatMemory)
	s.seats[id] = v
}

// forgetSeats has this process look again at once; others do within seatMemory.
func (s *Service) forgetSeats() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.seats)
}

// asNow is an actor as they are at this moment, with what they look after, in a
// transaction that holds the org's lock. A seat is remembered for seconds; what
// gives others power or sight must not rest on what somebody was then, who is
// demoted or signed out meanwhile. It is Forbidden when they may not do any more
// what they came for.
func (s *Service) asNow(ctx context.Context, tx *store.Tx, by wa.Actor, need wa.Permission) (wa.Actor, error) {
	if by.User.IsZero() {
		return by, nil
	}
	if err := tx.LockOrg(ctx, by.Org); err != nil {
		return by, err
	}
	v, err := tx.Seat(ctx, by.Org, by.Session)
	if wa.CodeOf(err) == wa.NotFound || (err == nil && (v.Session.UserID != by.User || !s.live(v))) {
		return by, signedOut()
	}
	if err != nil {
		return by, err
	}
	by.Role, by.FactorDue = v.Role, v.Due && !v.Factor && !v.Session.SecondFactor
	if by.Leaving = v.Leaving; v.Leaving && need != wa.DeleteOrg {
		return by, wa.OrgLeaving()
	}
	if by.Clients, by.OwnChats, err = tx.Assignments(ctx, by.Org, by.User); err != nil {
		return by, err
	}
	by.OwnChats, by.KnownOnly = by.OwnChats || v.Own, v.Known
	if !by.May(need) {
		return by, wa.Errorf(wa.Forbidden, "this needs the permission %s", need)
	}
	return by, nil
}
