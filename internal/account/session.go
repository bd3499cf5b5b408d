package account

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// How long sessions live: at most so long in all, and so long without use.
const (
	SessionLife = 90 * 24 * time.Hour
	SessionIdle = 14 * 24 * time.Hour
)

// graceFor is how long the token right before the current one is answered like
// the current one: two tabs, or an answer that was lost on its way.
const graceFor = 10 * time.Second

// Granted is what somebody gets who came in.
type Granted struct {
	Access    wa.Secret
	ExpiresIn time.Duration
	Refresh   wa.Secret
	Until     time.Time // of the session, if nothing happens
	User      wa.User
	FactorDue bool // a second factor must be set up before anything else
}

// A refresh token reads sr_chq_<22 characters>_<43 characters>: which family it
// is of, which only holders of its tokens know, and 256 bits.
const (
	refreshPrefix = "sr_chq_"
	familyLen     = 16
	refreshLen    = 32
)

// refreshToken is one, taken apart.
type refreshToken struct{ family, secret []byte }

func newRefreshToken() refreshToken {
	t := refreshToken{make([]byte, familyLen), make([]byte, refreshLen)}
	rand.Read(t.family)
	rand.Read(t.secret)
	return t
}

func (t refreshToken) text() wa.Secret {
	return wa.NewSecret(refreshPrefix + base64.RawURLEncoding.EncodeToString(t.family) + "." + base64.RawURLEncoding.EncodeToString(t.secret))
}

func readRefreshToken(text wa.Secret) (refreshToken, bool) {
	raw, ours := strings.CutPrefix(text.Reveal(), refreshPrefix)
	family, secret, two := strings.Cut(raw, ".")
	strict := base64.RawURLEncoding.Strict()
	f, err1 := strict.DecodeString(family)
	x, err2 := strict.DecodeString(secret)
	ok := ours && two && err1 == nil && err2 == nil && len(f) == familyLen && len(x) == refreshLen
	return refreshToken{f, x}, ok
}

// next is the token after one. It follows from it and a key of ours, so that
// the answer to a repeated request is the same and no token need be kept.
func (s *Service) next(t refreshToken) refreshToken {
	mac := hmac.New(sha256.New, derive(s.pepper, "chasqui refresh tokens"))
	mac.Write(t.family)
	mac.Write(t.secret)
	return refreshToken{t.family, mac.Sum(nil)}
}

func digest(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}

// proof is what somebody came in by. The zero time proves nothing anew: they
// have to step up before they do what asks for a recent proof.
type proof struct {
	how    wa.SignedIn
	factor bool      // a second factor was given, or the org's provider answers for it
	at     time.Time // when they proved who they are
}

// begin starts a session for a person in a transaction, and gives the tokens.
func (s *Service) begin(ctx context.Context, tx *store.Tx, m store.Member, by proof, from wa.Caller) (Granted, error) {
	now, token := s.now(), newRefreshToken()
	org, err := tx.OrgSettings(ctx, m.OrgID)
	if err != nil {
		return Granted{}, err
	}
	row := store.SessionRow{
		Session: wa.Session{
			ID: wa.NewSessionID(), UserID: m.ID, How: by.how, IP: from.IP, Agent: from.Agent, CreatedAt: now, UsedAt: now,
			ExpiresAt: now.Add(min(SessionLife, time.Duration(org.SessionHours)*time.Hour)),
		},
		OrgID: m.OrgID, Family: digest(token.family), Refresh: digest(token.secret), RotatedAt: now, Version: m.SessionVersion,
		SecondFactor: by.factor, FreshAt: by.at,
	}
	if err := tx.InsertSession(ctx, row); err != nil {
		return Granted{}, err
	}
	if err := tx.NoteSignIn(ctx, m.OrgID, m.ID, now); err != nil {
		return Granted{}, err
	}
	policy, err := tx.SignInPolicy(ctx, m.OrgID)
	if err != nil {
		return Granted{}, err
	}
	who := actorOf(m, from)
	who.Session = row.ID
	if err := tx.Audit(who, wa.AuditSignedIn, row.ID.String(), nil, map[string]any{"how": by.how, "second_factor": by.factor}); err != nil {
		return Granted{}, err
	}
	g, err := s.grant(row, token)
	g.User, g.FactorDue = m.User, policy.AsksSecondFactor(m.Role) && !m.SecondFactor && !by.factor
	return g, err
}

// actorOf is a person who acts.
func actorOf(m store.Member, from wa.Caller) wa.Actor {
	return wa.Actor{Org: m.OrgID, Name: m.Email, User: m.ID, Role: m.Role, From: from}
}

// grant makes the tokens of a session.
func (s *Service) grant(row store.SessionRow, token refreshToken) (Granted, error) {
	access, err := s.tokens.sign(accessToken, claims{Org: row.OrgID, User: row.UserID, Session: row.ID, Proved: row.FreshAt.Unix()}, AccessLife)
	until := s.now().Add(SessionIdle)
	if row.ExpiresAt.Before(until) {
		until = row.ExpiresAt
	}
	return Granted{Access: access, ExpiresIn: AccessLife, Refresh: token.text(), Until: until}, err
}

// Refresh takes a refresh token and gives the next, with a new access token.
// Each is good once; right after, it is answered the same once more. Any older
// one of the family ends the session: somebody has it who should not.
func (s *Service) Refresh(ctx context.Context, text wa.Secret, from wa.Caller) (Granted, error) {
	token, ok := readRefreshToken(text)
	if !ok {
		return Granted{}, signedOut()
	}
	var g Granted
	var refused error // beside what is written: the end of a family must be kept
	err := s.db.InTx(ctx, func(tx *store.Tx) error {
		row, err := tx.LockFamily(ctx, digest(token.family))
		if wa.CodeOf(err) == wa.NotFound {
			refused = signedOut()
			return nil
		}
		if err != nil {
			return err
		}
		v, err := tx.Seat(ctx, row.OrgID, row.ID)
		if err != nil {
			return err
		}
		if !s.live(v) || s.now().Sub(row.UsedAt) > SessionIdle {
			refused = signedOut()
			return nil
		}
		g, refused, err = s.turn(ctx, tx, v, token, from)
		return err
	})
	if err == nil {
		err = refused
	}
	return g, err
}

// turn answers a token of a live session.
func (s *Service) turn(ctx context.Context, tx *store.Tx, v store.Seat, token refreshToken, from wa.Caller) (g Granted, refused, err error) {
	row, shown, after := v.Session, digest(token.secret), s.next(token)
	switch {
	case hmac.Equal(shown, row.Refresh):
		if _, err := tx.RotateSession(ctx, row.OrgID, row.ID, shown, digest(after.secret), s.now()); err != nil {
			return g, nil, err
		}
	case hmac.Equal(shown, row.Previous) && s.now().Sub(row.RotatedAt) <= graceFor:
	default:
		return g, signedOut(), s.stolen(ctx, tx, v, from)
	}
	m, err := tx.Member(ctx, row.OrgID, row.UserID)
	if err != nil {
		return g, nil, err
	}
	g, err = s.grant(row, after)
	g.User, g.FactorDue = m.User, v.Due && !v.Factor && !row.SecondFactor
	return g, nil, err
}

// stolen ends a session whose old token was shown.
func (s *Service) stolen(ctx context.Context, tx *store.Tx, v store.Seat, from wa.Caller) error {
	row := v.Session
	if _, err := tx.EndSession(ctx, row.OrgID, row.UserID, row.ID, "an old refresh token was used", s.now()); err != nil {
		return err
	}
	s.forgetSeats()
	by := wa.Actor{Org: row.OrgID, Name: v.Email, User: row.UserID, Role: v.Role, Session: row.ID, From: from}
	// Who watches the audit log raises an alert about the person.
	return tx.Audit(by, wa.AuditRefreshReused, row.UserID.String(), nil,
		map[string]any{"session": row.ID, "began_ip": row.IP, "began_agent": row.Agent})
}

// SignOut ends the session of a refresh token, or that of the actor. What is
// over already is no error.
func (s *Service) SignOut(ctx context.Context, by wa.Actor, text wa.Secret) error {
	if token, ok := readRefreshToken(text); ok {
		row, err := s.family(ctx, token)
		if wa.CodeOf(err) == wa.NotFound {
			return nil
		}
		if err != nil {
			return err
		}
		by.Org, by.User, by.Session = row.OrgID, row.UserID, row.ID
	}
	if by.Session.IsZero() {
		return nil
	}
	_, err := s.endSession(ctx, by, by.User, by.Session, wa.AuditSignedOut)
	return err
}

// family finds the session of a token that is or was good.
func (s *Service) family(ctx context.Context, token refreshToken) (row store.SessionRow, err error) {
	err = s.db.InTx(ctx, func(tx *store.Tx) error {
		row, err = tx.LockFamily(ctx, digest(token.family))
		return err
	})
	return row, err
}

// endSession ends one session and says so in the log.
func (s *Service) endSession(ctx context.Context, by wa.Actor, user wa.UserID, id wa.SessionID, action wa.AuditAction) (ended bool, err error) {
	err = s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		if ended, err = tx.EndSession(ctx, by.Org, user, id, string(action), s.now()); err != nil || !ended {
			return err
		}
		return tx.Audit(by, action, id.String(), nil, nil)
	})
	s.forgetSeats()
	return ended, err
}

// EndSession ends one of the actor's own sessions.
func (s *Service) EndSession(ctx context.Context, by wa.Actor, id wa.SessionID) error {
	if err := onlyPeople(by); err != nil {
		return err
	}
	ended, err := s.endSession(ctx, by, by.User, id, wa.AuditSessionEnded)
	if err == nil && !ended {
		return wa.Errorf(wa.NotFound, "there is no such session")
	}
	return err
}

// EndOtherSessions ends all of the actor's sessions but this one.
func (s *Service) EndOtherSessions(ctx context.Context, by wa.Actor) error {
	if err := onlyPeople(by); err != nil {
		return err
	}
	err := s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		n, err := tx.EndSessions(ctx, by.Org, by.User, by.Session, string(wa.AuditSessionEnded), s.now())
		if err != nil || n == 0 {
			return err
		}
		return tx.Audit(by, wa.AuditSessionEnded, by.User.String(), nil, map[string]any{"ended": n})
	})
	s.forgetSeats()
	return err
}

// Sessions pages through the actor's own sessions, newest first.
func (s *Service) Sessions(ctx context.Context, by wa.Actor, p store.Page) (rows []wa.Session, err error) {
	if err := onlyPeople(by); err != nil {
		return nil, err
	}
	err = s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		rows, err = tx.Sessions(ctx, by.Org, by.User, s.now(), p)
		return err
	})
	for i := range rows {
		rows[i].Current = rows[i].ID == by.Session
	}
	return rows, err
}

func onlyPeople(by wa.Actor) error {
	if by.User.IsZero() {
		return wa.Errorf(wa.Forbidden, "only people who are signed in can do this, no API key")
	}
	return nil
}
