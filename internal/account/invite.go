package account

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"strings"
	"time"
	"unicode/utf8"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// InvitationLife is how long an invitation may be accepted.
const InvitationLife = 7 * 24 * time.Hour

// Invited is an invitation and, where no mail can be sent, the link that its
// maker hands on. The link is shown once.
type Invited struct {
	wa.Invitation
	Link   wa.Secret // zero when it was mailed
	Mailed bool
}

// Invite asks somebody to join the actor's org in a role. An open invitation to
// the same address is replaced. Managers may not invite managers and admins.
func (s *Service) Invite(ctx context.Context, by wa.Actor, email string, role wa.Role) (Invited, error) {
	email, err := wa.ParseEmail(email)
	if err != nil {
		return Invited{}, err
	}
	if err := mayGive(by, role); err != nil {
		return Invited{}, err
	}
	now := s.now()
	token, hash := newLinkToken()
	i := wa.Invitation{
		ID: wa.NewInvitationID(), OrgID: by.Org, Email: email, Role: role, InvitedBy: by.Name, ExpiresAt: now.Add(InvitationLife), CreatedAt: now,
	}
	box, err := s.mailBox(ctx, by.Org)
	if err != nil {
		return Invited{}, err
	}
	link := s.link("invitation", token)
	err = s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		by, err := s.asNow(ctx, tx, by, wa.WriteUsers)
		if err == nil {
			err = mayGive(by, role)
		}
		if err != nil {
			return err
		}
		replaced, err := mayInvite(ctx, tx, by, email)
		if err != nil {
			return err
		}
		if err := tx.InsertInvitation(ctx, i, hash); err != nil {
			return err
		}
		if !replaced.ID.IsZero() {
			was := map[string]any{"email": hinted(email), "role": replaced.Role}
			if err := tx.Audit(by, wa.AuditInvitationRevoked, replaced.ID.String(), was, map[string]any{"replaced_by": i.ID}); err != nil {
				return err
			}
		}
		if err := s.mailInvitation(ctx, tx, box, by, i, link); err != nil {
			return err
		}
		return tx.Audit(by, wa.AuditInvited, i.ID.String(), nil, map[string]any{"email": hinted(email), "role": role})
	})
	if err != nil {
		return Invited{}, err
	}
	if box == nil {
		return Invited{Invitation: i, Link: link}, nil
	}
	s.nudge()
	return Invited{Invitation: i, Mailed: true}, nil
}

// mailInvitation has the link sent, where mails are sent.
func (s *Service) mailInvitation(ctx context.Context, tx *store.Tx, box Box, by wa.Actor, i wa.Invitation, link wa.Secret) error {
	if box == nil {
		return nil
	}
	org, err := tx.Org(ctx, by.Org)
	if err != nil {
		return err
	}
	m, err := s.letter(box, by.Org, inviteLetter(i.Email, org.Name, by.Name, link), i.ExpiresAt)
	if err != nil {
		return err
	}
	return tx.InsertMail(ctx, m, s.now())
}

// mayInvite refuses an address of the team's, and one that somebody invited to
// more than the actor may give: their invitation would be replaced. It gives the
// one that will be; the zero invitation when there is none.
func mayInvite(ctx context.Context, tx *store.Tx, by wa.Actor, email string) (open wa.Invitation, err error) {
	// Whether another org has the address is told to nobody but its holder.
	m, err := tx.MemberByEmail(ctx, email)
	if err == nil && m.OrgID == by.Org {
		return open, &wa.Error{Code: wa.Conflict, Field: "email", Message: "is one of the team already"}
	}
	if err != nil && wa.CodeOf(err) != wa.NotFound {
		return open, err
	}
	open, err = tx.OpenInvitation(ctx, by.Org, email)
	if err == nil {
		err = mayGive(by, open.Role)
	}
	if wa.CodeOf(err) == wa.NotFound {
		return wa.Invitation{}, nil
	}
	return open, err
}

// hinted is as much of an address as the audit log keeps: enough to tell two
// apart, and not an address any more when its owner wants to be forgotten.
func hinted(email string) string {
	name, domain, _ := strings.Cut(email, "@")
	return initial(name) + "@" + domain
}

// initial is as much of a name as the audit log keeps.
func initial(name string) string {
	first, n := utf8.DecodeRuneInString(name)
	if n == 0 {
		return ""
	}
	return string(first) + "…"
}

// mayGive reports whether an actor may make somebody a role, or take it from
// them. For a role that leads they must have proved just now who they are: else
// a stolen session would make itself an admin of its own, who is fresh.
func mayGive(by wa.Actor, role wa.Role) error {
	need := wa.WriteUsers
	switch {
	case !role.Valid():
		return wa.InvalidField("role", "is not a role")
	case role.Leads():
		need = wa.WriteLeaders
	}
	if !by.May(need) {
		return wa.Errorf(wa.Forbidden, "your role may not make somebody %s", role)
	}
	if wa.NeedsStepUp(need) {
		return needsFresh(by)
	}
	return nil
}

// Invitations pages through the org's invitations, newest first.
func (s *Service) Invitations(ctx context.Context, by wa.Actor, p store.Page) (rows []wa.Invitation, err error) {
	err = s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		rows, err = tx.Invitations(ctx, by.Org, p)
		return err
	})
	return rows, err
}

// RevokeInvitation ends an open invitation.
func (s *Service) RevokeInvitation(ctx context.Context, by wa.Actor, id wa.InvitationID) error {
	return s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		by, err := s.asNow(ctx, tx, by, wa.WriteUsers)
		if err != nil {
			return err
		}
		i, err := tx.Invitation(ctx, by.Org, id)
		if err != nil {
			return err
		}
		if err := mayGive(by, i.Role); err != nil {
			return err
		}
		ended, err := tx.RevokeInvitation(ctx, by.Org, id, s.now())
		if err != nil || !ended {
			return orConflict(err, "this invitation is over already")
		}
		return tx.Audit(by, wa.AuditInvitationRevoked, id.String(), map[string]any{"email": hinted(i.Email), "role": i.Role}, nil)
	})
}

// ReadInvitation tells who holds an invitation's token what it is to.
func (s *Service) ReadInvitation(ctx context.Context, token wa.Secret) (i wa.Invitation, org wa.Org, err error) {
	err = s.db.InTx(ctx, func(tx *store.Tx) error {
		if i, err = tx.InvitationByToken(ctx, linkHash(token), s.now()); err != nil {
			return overLink(err)
		}
		org, err = tx.Org(ctx, i.OrgID)
		return err
	})
	return i, org, err
}

// Accept makes a person of an invitation and lets them in.
func (s *Service) Accept(ctx context.Context, token wa.Secret, name string, password wa.Secret, from wa.Caller) (Granted, error) {
	name, err := wa.CleanName("name", name)
	if err != nil {
		return Granted{}, err
	}
	i, _, err := s.ReadInvitation(ctx, token)
	if err != nil {
		return Granted{}, err
	}
	if err := checkPassword(password.Reveal(), i.Email); err != nil {
		return Granted{}, err
	}
	hash, err := s.hash(ctx, password)
	if err != nil {
		return Granted{}, err
	}
	var g Granted
	err = s.db.InOrg(ctx, i.OrgID, func(tx *store.Tx) error {
		if used, err := tx.UseInvitation(ctx, i.OrgID, i.ID, s.now()); err != nil || !used {
			return overLink(orNotFound(err))
		}
		m, err := s.join(ctx, tx, wa.User{OrgID: i.OrgID, Email: i.Email, Name: name, Role: i.Role}, hash)
		if err != nil {
			return err
		}
		if err := tx.Audit(actorOf(m, from), wa.AuditInvitationUsed, i.ID.String(), nil, map[string]any{"email": hinted(i.Email), "role": i.Role}); err != nil {
			return err
		}
		g, err = s.begin(ctx, tx, m, proof{wa.ByInvitation, false, s.now()}, from)
		return err
	})
	return g, err
}

// join makes a person.
func (s *Service) join(ctx context.Context, tx *store.Tx, u wa.User, hash string) (store.Member, error) {
	u.ID = wa.NewUserID()
	err := tx.InsertUser(ctx, u, hash)
	if wa.CodeOf(err) == wa.Conflict {
		return store.Member{}, &wa.Error{Code: wa.Conflict, Field: "email", Message: "this e-mail address is in use", Err: err}
	}
	if err != nil {
		return store.Member{}, err
	}
	return tx.Member(ctx, u.OrgID, u.ID)
}

func orNotFound(err error) error {
	if err != nil {
		return err
	}
	return wa.Errorf(wa.NotFound, "there is no such thing")
}

// overLink is the one answer to links that do not work.
func overLink(err error) error {
	if wa.CodeOf(err) != wa.NotFound {
		return err
	}
	return &wa.Error{Code: wa.Invalid, Reason: "link_over", Field: "token", Message: "has run out, was used, or never was: ask for a new one"}
}

// newLinkToken makes 256 random bits for a link, and what is kept of them.
func newLinkToken() (wa.Secret, []byte) {
	raw := make([]byte, 32)
	rand.Read(raw)
	token := wa.NewSecret(base64.RawURLEncoding.EncodeToString(raw))
	return token, linkHash(token)
}

func linkHash(token wa.Secret) []byte { return digest([]byte(token.Reveal())) }

// link is where a token is used: after the #, so that it is in no server's log.
func (s *Service) link(page string, token wa.Secret) wa.Secret {
	if s.opt.PublicURL == "" {
		return token
	}
	return wa.NewSecret(trimSlash(s.opt.PublicURL) + "/" + page + "#token=" + token.Reveal())
}
