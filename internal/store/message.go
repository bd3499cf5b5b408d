package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

const messageColumns = `m.id, m.org_id, m.client_id, m.chat_id, m.direction, m.origin, m.type, m.content, m.status, m.lane,
	m.recipient, m.contact_id, coalesce(p.phone, ''), coalesce(p.lid, ''), c.provider, m.wire_id, m.reply_to, m.mentions, m.typing,
	coalesce(m.client_ref, ''), m.metadata, m.attempts, m.error, m.send_at, m.expires_at, m.not_before, m.sent_at,
	m.delivered_at, m.read_at, m.created_at, m.updated_at, m.callback_id, coalesce(m.callback_url, ''), coalesce(m.trace, '')`

const messageTables = ` m JOIN clients c ON c.id = m.client_id LEFT JOIN contacts p ON p.id = m.contact_id `

// Message reads one message.
func (tx *Tx) Message(ctx context.Context, org wa.OrgID, id wa.MessageID) (wa.Message, error) {
	return one(ctx, tx, "find message", scanMessage, `
		SELECT `+messageColumns+` FROM messages`+messageTables+`WHERE m.org_id = $1 AND m.id = $2`, org, id)
}

// Timeline lists what happened to a message, oldest first. Its acceptance is
// told by its own row.
func (tx *Tx) Timeline(ctx context.Context, org wa.OrgID, id wa.MessageID) ([]wa.Step, error) {
	return collect(ctx, tx, "read timeline", func(r pgx.CollectableRow) (s wa.Step, err error) {
		err = r.Scan(&s.At, &s.Status, &s.Note, &s.Data)
		return s, err
	}, `
		SELECT at, status, note, data FROM (
			SELECT 0 AS id, created_at AS at, CASE WHEN send_at IS NULL THEN 'queued' ELSE 'scheduled' END AS status,
			       'accepted' AS note, NULL::jsonb AS data
			FROM messages WHERE org_id = $1 AND id = $2 AND direction = 'outbound' AND origin <> 'phone'
			UNION ALL
			SELECT id, at, status, note, data FROM message_events WHERE org_id = $1 AND message_id = $2) s
		ORDER BY id LIMIT 500`, org, id)
}

// InsertOutbound keeps accepted messages, in the order given: that is the order
// of their line. Their events are written with them.
func (tx *Tx) InsertOutbound(org wa.OrgID, messages []wa.Message) error {
	if len(messages) == 0 {
		return nil
	}
	var rows columns
	for _, m := range messages {
		if err := rows.add(m); err != nil {
			return err
		}
	}
	tx.late.Queue(`
		INSERT INTO messages (id, org_id, client_id, chat_id, contact_id, direction, origin, type, content, status, lane, seq,
			wire_id, recipient, reply_to, mentions, typing, client_ref, metadata, not_before, send_at, expires_at, created_at, updated_at,
			callback_id, callback_url, trace)
		SELECT u.id, $1, u.client, u.chat, u.contact, 'outbound', u.origin, u.type, u.content, u.status, u.lane,
			CASE WHEN u.status = 'queued' THEN nextval('message_seq') END, u.wire, u.recipient, u.reply_to,
			(SELECT array_agg(j.v) FROM jsonb_array_elements_text(u.mentions) AS j(v)), u.typing, nullif(u.ref, ''), u.metadata,
			CASE WHEN u.status = 'scheduled' THEN u.send_at END, u.send_at, u.expires_at, u.created, u.created,
			u.callback, u.callback_url, u.trace
		FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::jsonb[], $9::text[], $10::smallint[],
			$11::text[], $12::text[], $13::uuid[], $14::jsonb[], $15::boolean[], $16::text[], $17::jsonb[], $18::timestamptz[],
			$19::timestamptz[], $20::timestamptz[], $21::uuid[], $22::text[], $23::text[])
			AS u(id, client, chat, contact, origin, type, content, status, lane, wire, recipient, reply_to, mentions, typing, ref,
			metadata, send_at, expires_at, created, callback, callback_url, trace)`,
		org, rows.id, rows.client, rows.chat, rows.contact, rows.origin, rows.kind, rows.content, rows.status, rows.lane, rows.wire,
		rows.recipient, rows.replyTo, rows.mentions, rows.typing, rows.ref, rows.metadata, rows.sendAt, rows.expiresAt, rows.created,
		rows.callback, rows.callbackURL, rows.trace)
	tx.late.Queue(emitAccepted, org, rows.event, rows.client, rows.eventType, rows.data, rows.chat,
		wa.Patterns(wa.MessageQueued), wa.Patterns(wa.MessageScheduled), rows.trace).Query(tx.ringEndpoints)
	return nil
}

// columns are messages turned by a quarter: one array a column.
type columns struct {
	id, client, chat, origin, kind, status, wire, recipient, ref, event, eventType []string
	contact, replyTo, callback, callbackURL, trace                                 []*string
	content, mentions, metadata, data                                              []*string
	lane                                                                           []int16
	typing                                                                         []*bool
	sendAt, expiresAt                                                              []*time.Time
	created                                                                        []time.Time
}

func (c *columns) add(m wa.Message) error {
	content, err := jsonText(m.Content())
	if err != nil {
		return err
	}
	mentions, err := jsonText(m.Mentions)
	if err != nil {
		return err
	}
	metadata, err := jsonText(m.Metadata)
	if err != nil {
		return err
	}
	data, err := jsonText(wa.EventMessage{Message: m})
	if err != nil {
		return err
	}
	kind := wa.MessageQueued
	if m.Status == wa.Scheduled {
		kind = wa.MessageScheduled
	}
	c.id, c.client, c.chat = append(c.id, m.ID.UUID()), append(c.client, m.ClientID.UUID()), append(c.chat, m.ChatID.UUID())
	c.origin, c.kind, c.status = append(c.origin, string(m.Origin)), append(c.kind, m.Type), append(c.status, string(m.Status))
	c.wire, c.recipient, c.ref = append(c.wire, m.WireID), append(c.recipient, m.To.Input), append(c.ref, m.ClientRef)
	c.event, c.eventType = append(c.event, wa.NewEventID().UUID()), append(c.eventType, string(kind))
	c.contact, c.replyTo = append(c.contact, optionalUUID(m.To.ContactID)), append(c.replyTo, pointedUUID(m.ReplyTo))
	c.content, c.mentions = append(c.content, content), append(c.mentions, mentions)
	c.metadata, c.data = append(c.metadata, metadata), append(c.data, data)
	c.lane, c.typing = append(c.lane, int16(m.Lane)), append(c.typing, m.Typing)
	c.sendAt, c.expiresAt = append(c.sendAt, m.SendAt), append(c.expiresAt, m.ExpiresAt)
	c.created = append(c.created, m.CreatedAt)
	c.callback, c.callbackURL = append(c.callback, optionalUUID(m.CallbackID)), append(c.callbackURL, optionalText(m.CallbackURL))
	c.trace = append(c.trace, optionalText(m.Trace))
	return nil
}

func optionalText(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func optionalUUID[ID interface {
	IsZero() bool
	UUID() string
}](id ID) *string {
	if id.IsZero() {
		return nil
	}
	text := id.UUID()
	return &text
}

func pointedUUID(id *wa.MessageID) *string {
	if id == nil {
		return nil
	}
	text := id.UUID()
	return &text
}

// jsonText encodes v, or gives nil for what has nothing in it.
func jsonText(v any) (*string, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	if text := string(raw); text != "null" {
		return &text, nil
	}
	return nil, nil
}

func uuidTexts[ID interface{ UUID() string }](ids []ID) []string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.UUID()
	}
	return texts
}

func statusTexts(ss []wa.Status) []string {
	texts := make([]string, len(ss))
	for i, s := range ss {
		texts[i] = string(s)
	}
	return texts
}

// statusList spells statuses out; one that is not of the state machine is left
// out.
func statusList(ss []wa.Status) string {
	var list []string
	for _, s := range append(wa.Statuses(), wa.Received) {
		if slices.Contains(ss, s) {
			list = append(list, "'"+string(s)+"'")
		}
	}
	if len(list) == 0 {
		return "NULL"
	}
	return strings.Join(list, ", ")
}

func scanMessage(r pgx.CollectableRow) (wa.Message, error) {
	var s messageScan
	if err := r.Scan(s.targets()...); err != nil {
		return wa.Message{}, err
	}
	m, err := s.message()
	return m.Shown(), err
}

// messageScan receives messageColumns.
type messageScan struct {
	m                        wa.Message
	content, metadata, error []byte
	notBefore                *time.Time
}

func (s *messageScan) targets() []any {
	m := &s.m
	return []any{
		&m.ID, &m.OrgID, &m.ClientID, &m.ChatID, &m.Direction, &m.Origin, &m.Type, &s.content, &m.Status, &m.Lane,
		&m.To.Input, &m.To.ContactID, &m.To.Phone, &m.To.LID, &m.Provider, &m.WireID, &m.ReplyTo, &m.Mentions, &m.Typing,
		&m.ClientRef, &s.metadata, &m.Attempts, &s.error, &m.SendAt, &m.ExpiresAt, &s.notBefore, &m.SentAt,
		&m.DeliveredAt, &m.ReadAt, &m.CreatedAt, &m.UpdatedAt, &m.CallbackID, &m.CallbackURL, &m.Trace,
	}
}

func (s *messageScan) message() (wa.Message, error) {
	m := s.m
	if m.Direction == wa.Inbound {
		m.From, m.To = m.To, wa.Recipient{}
	}
	if m.Status == wa.RetryWait {
		m.NextTryAt = s.notBefore
	}
	if len(s.metadata) > 0 {
		if err := json.Unmarshal(s.metadata, &m.Metadata); err != nil {
			return m, err
		}
	}
	if len(s.error) > 0 {
		if err := json.Unmarshal(s.error, &m.Error); err != nil {
			return m, err
		}
	}
	if len(s.content) > 0 && m.Type != wa.KindUnknown {
		c, err := wa.DecodeContent(m.Type, s.content)
		switch {
		case wa.CodeOf(err) == wa.Unsupported:
			return m, nil // written by a later release: one such row must not hide a whole page
		case err != nil:
			return m, err
		}
		m.SetContent(c)
	}
	return m, nil
}
