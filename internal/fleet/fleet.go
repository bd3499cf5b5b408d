// Package fleet is about numbers: made, linked with a phone, held by exactly
// one worker, kept online, logged out. What is sent and received over them
// belongs to message; how the network is spoken belongs to provider.
package fleet

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// Service is what people may ask of clients. It writes down what is wanted and
// rings the owner, who works until the facts agree: asking twice is the same
// as once, and nothing is lost when the owner is away.
type Service struct{ db *store.DB }

// New makes the service.
func New(db *store.DB) *Service { return &Service{db: db} }

// Draft is a client as a caller hands it in.
type Draft struct {
	Name     string
	Provider string
	Device   *wa.Device
}

const maxName = 100

// DefaultDevice is how a client shows itself on the phone unless told otherwise.
var DefaultDevice = wa.Device{OS: "Chrome (Linux)", Platform: "chrome", Version: "141.0.0"} //nolint:gochecknoglobals // a constant in all but kind

// Create makes a client that is not linked to a phone yet. It may send as fast as
// its org lets new ones.
func (s *Service) Create(ctx context.Context, by wa.Actor, d Draft, key wa.IdempotencyKey) (wa.Client, error) {
	name, err := cleanName(d.Name)
	if err != nil {
		return wa.Client{}, err
	}
	if d.Provider != wa.ProviderWhatsmeow {
		return wa.Client{}, &wa.Error{Code: wa.Invalid, Field: "provider", Message: "is not a provider we have: " + wa.ProviderWhatsmeow}
	}
	c := wa.Client{
		ID: wa.NewClientID(), OrgID: by.Org, Name: name, Provider: d.Provider, Device: DefaultDevice,
	}
	if d.Device != nil {
		if !by.May(wa.IdentifyClients) {
			return wa.Client{}, &wa.Error{Code: wa.Forbidden, Field: "device", Message: "needs the permission " + string(wa.IdentifyClients) + ": leave it out, and one is chosen"}
		}
		if err := wa.Under("device", d.Device.Validate()); err != nil {
			return wa.Client{}, err
		}
		c.Device = *d.Device
	}
	var replayed bool
	err = s.db.Once(ctx, by.Org, key, &c, &replayed, func(tx *store.Tx) (err error) {
		if c.Limits, err = tx.NewLimits(ctx, by.Org); err != nil {
			return err
		}
		if c, err = tx.InsertClient(ctx, c); err != nil {
			return err
		}
		if err := tx.Audit(by, wa.AuditClientCreated, c.ID.String(), nil, audited(c)); err != nil {
			return err
		}
		return tx.Emit(by.Org, c.ID, wa.ClientCreated, wa.EventClient{Client: c})
	})
	return c, err
}

// Rename gives a client another name.
func (s *Service) Rename(ctx context.Context, by wa.Actor, id wa.ClientID, name string) (wa.Client, error) {
	name, err := cleanName(name)
	if err != nil {
		return wa.Client{}, err
	}
	return s.change(ctx, by, id, func(tx *store.Tx, c wa.Client) error {
		if err := tx.RenameClient(ctx, by.Org, id, name); err != nil {
			return err
		}
		return tx.Audit(by, wa.AuditClientRenamed, id.String(), renamed{c.Name}, renamed{name})
	})
}

func cleanName(name string) (string, error) {
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return "", wa.InvalidField("name", "must not be empty")
	case utf8.RuneCountInString(name) > maxName || !utf8.ValidString(name):
		return "", wa.InvalidField("name", "is longer than %d characters or not valid UTF-8", maxName)
	case strings.ContainsFunc(name, unicode.IsControl), strings.ContainsFunc(name, reorders):
		return "", wa.InvalidField("name", "must not contain control characters, nor those that turn the direction of text")
	}
	return name, nil
}

// reorders reports whether a character turns the direction of the text around
// it, also of a phone number that stands beside a name.
func reorders(r rune) bool {
	return r >= '\u202A' && r <= '\u202E' || r >= '\u2066' && r <= '\u2069'
}

// Connect brings a linked client online and keeps it there.
func (s *Service) Connect(ctx context.Context, by wa.Actor, id wa.ClientID) (wa.Client, error) {
	return s.change(ctx, by, id, func(tx *store.Tx, c wa.Client) error {
		if c.JID == "" {
			return wa.Errorf(wa.Conflict, "the client is %s: pair it with a phone first", c.Status)
		}
		if c.Status == wa.ClientStopped || c.Status == wa.ClientReplaced {
			// Whoever holds it next must see that a person wants it after all.
			if _, err := tx.SetStatus(ctx, by.Org, id, c.Epoch, wa.Standing{Status: wa.ClientConnecting, Reason: "On its way to WhatsApp."}); err != nil {
				return err
			}
		}
		if err := tx.Audit(by, wa.AuditClientConnected, id.String(), nil, nil); err != nil {
			return err
		}
		return s.want(ctx, tx, c, wa.WantConnected)
	})
}

// Disconnect takes a client offline and keeps its link with the phone.
func (s *Service) Disconnect(ctx context.Context, by wa.Actor, id wa.ClientID) (wa.Client, error) {
	return s.change(ctx, by, id, func(tx *store.Tx, c wa.Client) error {
		if c.JID == "" && c.Desire != wa.WantPairing {
			return nil // it is as offline as can be
		}
		if err := tx.Audit(by, wa.AuditClientDisconnected, id.String(), nil, nil); err != nil {
			return err
		}
		if c.JID == "" {
			return s.giveUp(ctx, tx, c)
		}
		return s.want(ctx, tx, c, wa.WantOffline)
	})
}

// LogOut unlinks a client from its phone. Its waiting messages stay until they
// expire, or until it is paired again.
func (s *Service) LogOut(ctx context.Context, by wa.Actor, id wa.ClientID) (wa.Client, error) {
	return s.change(ctx, by, id, func(tx *store.Tx, c wa.Client) error {
		if c.JID == "" && c.Desire == wa.WantNothing {
			return nil
		}
		if err := tx.Audit(by, wa.AuditClientLoggedOut, id.String(), audited(c), nil); err != nil {
			return err
		}
		return s.want(ctx, tx, c, wa.WantLoggedOut)
	})
}

// Delete unlinks a client and removes it. It is gone for callers at once; its
// owner finishes the work.
func (s *Service) Delete(ctx context.Context, by wa.Actor, id wa.ClientID) error {
	return s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		c, err := tx.Client(ctx, by.Org, id)
		if err != nil {
			return err
		}
		if err := tx.Audit(by, wa.AuditClientDeleted, id.String(), audited(c), nil); err != nil {
			return err
		}
		if c.JID != "" || c.Slot != nil {
			return s.want(ctx, tx, c, wa.WantDeleted)
		}
		return remove(ctx, tx, c)
	})
}

// remove deletes a client that nobody holds and tells of it.
func remove(ctx context.Context, tx *store.Tx, c wa.Client) error {
	if err := tx.EndPairing(ctx, c.OrgID, c.ID); err != nil {
		return err
	}
	gone, err := tx.DeleteClient(ctx, c.OrgID, c.ID)
	if err != nil || !gone {
		return err
	}
	return tx.Emit(c.OrgID, c.ID, wa.ClientDeleted, wa.EventClient{Client: c})
}

// Pause stops what leaves a client; it stays online and receives.
func (s *Service) Pause(ctx context.Context, by wa.Actor, id wa.ClientID) (wa.Client, error) {
	return s.pause(ctx, by, id, true)
}

// Resume lets messages leave again.
func (s *Service) Resume(ctx context.Context, by wa.Actor, id wa.ClientID) (wa.Client, error) {
	return s.pause(ctx, by, id, false)
}

func (s *Service) pause(ctx context.Context, by wa.Actor, id wa.ClientID, paused bool) (wa.Client, error) {
	return s.change(ctx, by, id, func(tx *store.Tx, c wa.Client) error {
		ringOwner(tx, c)
		action := wa.AuditClientResumed
		if paused {
			action = wa.AuditClientPaused
		}
		if err := tx.Audit(by, action, id.String(), nil, nil); err != nil {
			return err
		}
		return tx.SetPaused(ctx, by.Org, id, paused)
	})
}

// SetSendReadReceipts sets whether people are told that what they wrote was read.
// What is still to be told when it is switched off never will be.
func (s *Service) SetSendReadReceipts(ctx context.Context, by wa.Actor, id wa.ClientID, send bool) (wa.Client, error) {
	return s.change(ctx, by, id, func(tx *store.Tx, c wa.Client) error {
		if c.SendReadReceipts == send {
			return nil
		}
		if err := tx.SetSendReadReceipts(ctx, by.Org, id, send); err != nil {
			return err
		}
		if !send {
			if _, err := tx.DropReads(ctx, by.Org, id); err != nil {
				return err
			}
		}
		return tx.Audit(by, wa.AuditClientReceipts, id.String(), receipts{c.SendReadReceipts}, receipts{send})
	})
}

// limitsAsked is what the audit log says that limits became, and why.
type limitsAsked struct {
	wa.Limits
	Reason string `json:"reason,omitempty"`
}

// SetLimits changes how fast a client may send, from its next message on. Beyond
// what a fresh number may it takes a reason.
func (s *Service) SetLimits(ctx context.Context, by wa.Actor, id wa.ClientID, l wa.Limits, reason string) (wa.Client, error) {
	reason = strings.TrimSpace(reason)
	if err := l.Validate(); err != nil {
		return wa.Client{}, err
	}
	return s.change(ctx, by, id, func(tx *store.Tx, c wa.Client) error {
		if reason == "" && l.Beyond(c.Limits) {
			return wa.InvalidField("reason", "is needed to go beyond the usual limits: say why")
		}
		if err := tx.SetLimits(ctx, by.Org, id, l); err != nil {
			return err
		}
		if err := tx.Audit(by, wa.AuditClientLimits, id.String(), c.Limits, limitsAsked{l, reason}); err != nil {
			return err
		}
		ringOwner(tx, c)
		return tx.Emit(by.Org, id, wa.LimitsChanged, wa.EventLimits{ClientID: id, Before: c.Limits, After: l, By: by.Lasting()})
	})
}

// change runs fn on a client and gives the client as it is afterwards.
func (s *Service) change(ctx context.Context, by wa.Actor, id wa.ClientID, fn func(*store.Tx, wa.Client) error) (c wa.Client, err error) {
	err = s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		before, err := tx.Client(ctx, by.Org, id)
		if err != nil {
			return err
		}
		if err := fn(tx, before); err != nil {
			return err
		}
		if c, err = tx.Client(ctx, by.Org, id); err != nil {
			return err
		}
		if c.Name == before.Name && c.Paused == before.Paused && c.Desire == before.Desire && c.SendReadReceipts == before.SendReadReceipts {
			return nil
		}
		return tx.Emit(by.Org, id, wa.ClientChanged, wa.EventClient{Client: c})
	})
	return c, err
}

// want notes a desire and rings whoever can meet it.
func (s *Service) want(ctx context.Context, tx *store.Tx, c wa.Client, d wa.Desire) error {
	if _, err := tx.Desire(ctx, c.OrgID, c.ID, d); err != nil {
		return err
	}
	ringOwner(tx, c)
	return nil
}

func ringOwner(tx *store.Tx, c wa.Client) {
	if c.Slot != nil {
		tx.Ring(wa.ControlTicket{Version: 1, Client: c.ID, Slot: *c.Slot})
		return
	}
	tx.Ring(wa.AssignTicket{Version: 1, Client: c.ID})
}
