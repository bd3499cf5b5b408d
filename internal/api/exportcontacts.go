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

// contactColumns are the columns of an export of contacts.
func contactColumns() []string {
	return []string{"id", "phone", "hidden_address", "name", "own_name", "created_at", "chats", "last_message_at", "last_inbound_at"}
}

// exportContacts streams all contacts as CSV, newest first. Who may export must
// be somebody who may see them, too. The export is in the audit log.
func (a *api) exportContacts(ctx context.Context, by wa.Actor, _ *nothing) (*exportOut, error) {
	if !by.May(wa.ReadContacts) {
		return nil, wa.Errorf(wa.Forbidden, "exporting contacts needs the permission %s, too", wa.ReadContacts)
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
			return tx.Audit(by, wa.AuditExported, "contacts", nil, exportedContacts{Of: "contacts"})
		})
	})
	if err != nil {
		end()
		return nil, err
	}
	return a.table(ctx, "contacts.csv", func(w io.Writer, progress func() error) error {
		defer end()
		return a.writeContacts(ctx, by, w, progress)
	}), nil
}

// exportedContacts is what the audit log keeps of an export.
type exportedContacts struct {
	Of string `json:"of"`
}

// writeContacts reads a page at a time, each in a transaction of its own.
func (a *api) writeContacts(ctx context.Context, by wa.Actor, w io.Writer, progress func() error) error {
	out, err := newSheet(w, contactColumns())
	if err != nil {
		return err
	}
	p, err := store.ParsePage("", store.MaxPage)
	for more := true; more && err == nil; {
		select {
		case <-a.Closing:
			return errClosing
		default:
		}
		var rows []store.ContactLine
		err = a.inTurn(ctx, by.Org, func() error {
			return a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) (err error) {
				rows, err = tx.ContactLines(ctx, by.View(wa.ExportContacts), p)
				return err
			})
		})
		if err != nil {
			return err
		}
		err = errors.Join(progress(), writeRows(out, rows, contactLine))
		if more = len(rows) == p.Limit; more {
			last := rows[len(rows)-1]
			p.Before, p.BeforeID = last.CreatedAt, last.ID.UUID()
		}
	}
	return err
}

// contactLine is a contact's line. What people call themselves is made safe for
// spreadsheets.
func contactLine(c store.ContactLine) []string {
	return []string{
		c.ID.String(), audit.Cell(string(c.Phone)), audit.Cell(c.LID), audit.Cell(c.Name), audit.Cell(c.PushName),
		c.CreatedAt.UTC().Format(time.RFC3339Nano), strconv.Itoa(c.Chats), timeCell(c.LastMessageAt), timeCell(c.LastInboundAt),
	}
}
