package api

import (
	"context"
	"errors"
	"io"
	"strconv"
	"time"

	"chasqui/internal/audit"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// exportColumns are the columns of an export of messages.
func exportColumns() []string {
	return []string{
		"id", "created_at", "client_id", "chat_id", "contact_id", "phone", "direction", "origin", "type", "text", "status", "lane", "error_code", "error",
		"attempts", "reply_to", "client_ref", "provider_message_id", "send_at", "expires_at", "sent_at", "delivered_at", "read_at",
	}
}

// exportedMessages is what the audit log keeps of an export. What was searched
// for is part of what somebody said, and is left out.
type exportedMessages struct {
	Of       string      `json:"of"`
	Client   wa.ClientID `json:"client,omitzero"`
	Chat     wa.ChatID   `json:"chat,omitzero"`
	Since    *time.Time  `json:"since,omitempty"`
	Until    *time.Time  `json:"until,omitempty"`
	Searched bool        `json:"searched,omitempty"`
}

// exportMessages streams messages as CSV, newest first. Who may export must be
// somebody who may read them, too. The export is in the audit log.
func (a *api) exportMessages(ctx context.Context, by wa.Actor, in *struct{ MessageNarrow }) (*exportOut, error) {
	if !by.May(wa.ReadMessages) {
		return nil, wa.Errorf(wa.Forbidden, "exporting messages needs the permission %s, too", wa.ReadMessages)
	}
	f, err := in.filter()
	if err != nil {
		return nil, err
	}
	if err := holds(ctx); err != nil {
		return nil, err
	}
	end, err := a.Audit.Exporting(by.Org)
	if err != nil {
		return nil, err
	}
	err = a.inTurn(ctx, by.Org, func() error {
		return a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) error {
			return tx.Audit(by, wa.AuditExported, "messages", nil, exportedMessages{
				Of: "messages", Client: f.Client, Chat: f.Chat, Since: f.Since, Until: f.Until, Searched: len(f.Words) > 0,
			})
		})
	})
	if err != nil {
		end()
		return nil, err
	}
	return a.table(ctx, "messages.csv", func(w io.Writer, progress func() error) error {
		defer end()
		return a.writeMessages(ctx, by, f, w, progress)
	}), nil
}

var errClosing = errors.New("the server is shutting down")

// writeMessages reads a page at a time, each in a transaction of its own: an
// export may take minutes.
func (a *api) writeMessages(ctx context.Context, by wa.Actor, f store.MessageFilter, w io.Writer, progress func() error) error {
	out, err := newSheet(w, exportColumns())
	if err != nil {
		return err
	}
	for cursor, more := "", true; more; {
		select {
		case <-a.Closing:
			return errClosing
		default:
		}
		var page listMessage
		err := a.inTurn(ctx, by.Org, func() (err error) { page, err = a.pageOf(ctx, by, f, cursor); return err })
		if err != nil {
			return err
		}
		if err := errors.Join(progress(), writeRows(out, page.Data, exportRow)); err != nil {
			return err
		}
		if more = page.Next != nil; more {
			cursor = *page.Next
		}
	}
	return nil
}

func (a *api) pageOf(ctx context.Context, by wa.Actor, f store.MessageFilter, cursor string) (out listMessage, err error) {
	p, err := store.ParseEitherPage(cursor, store.MaxPage)
	if err != nil {
		return out, err
	}
	err = a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		w := walk{tx: tx, view: by.View(wa.ReadMessages), filter: f, until: a.now().Add(searchFor), now: a.now}
		out, err = w.list(ctx, p, cursor == "")
		return err
	})
	return out, err
}

// exportRow is a message's line. What people wrote is made safe for spreadsheets.
func exportRow(m wa.Message) []string {
	peer, text, replyTo := m.To, "", ""
	if m.Direction == wa.Inbound {
		peer = m.From
	}
	if said := m.Content(); said != nil {
		text = said.Plain()
	}
	if m.ReplyTo != nil {
		replyTo = m.ReplyTo.String()
	}
	var failed wa.Failure
	if m.Error != nil {
		failed = *m.Error
	}
	return []string{
		m.ID.String(), m.CreatedAt.UTC().Format(time.RFC3339Nano), m.ClientID.String(), m.ChatID.String(), peer.ContactID.String(), audit.Cell(string(peer.Phone)),
		string(m.Direction), string(m.Origin), audit.Cell(m.Type), audit.Cell(text), string(m.Status), m.Lane.String(), string(failed.Code),
		audit.Cell(failed.Title), strconv.Itoa(m.Attempts), replyTo, audit.Cell(m.ClientRef), audit.Cell(m.WireID), timeCell(m.SendAt),
		timeCell(m.ExpiresAt), timeCell(m.SentAt), timeCell(m.DeliveredAt), timeCell(m.ReadAt),
	}
}

func timeCell(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
