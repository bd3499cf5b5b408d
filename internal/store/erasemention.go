package store

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// mentionMark is how far a walk through the messages of groups came: the group,
// and what of its messages, oldest first, was looked at last. It is written
// "chat message time", or "chat" alone for a group that is done.
type mentionMark struct {
	chat    string
	message string
	at      time.Time
}

func parseMentionMark(text string) (m mentionMark, err error) {
	parts := strings.Split(text, " ")
	m.chat = parts[0]
	if len(parts) != 3 {
		return m, nil
	}
	m.message = parts[1]
	if m.at, err = time.Parse(time.RFC3339Nano, parts[2]); err != nil {
		return m, fmt.Errorf("read how far an erasure is: %w", err)
	}
	return m, nil
}

func (m mentionMark) String() string {
	if m.message == "" {
		return m.chat
	}
	return m.chat + " " + m.message + " " + m.at.UTC().Format(time.RFC3339Nano)
}

// ForgetMentions walks on through the groups of an org: the number of an erased
// person is taken out of what others wrote there. It looks at limit rows, groups
// and messages together; fewer when it came to the end.
func (tx *Tx) ForgetMentions(ctx context.Context, e Erasing, limit int) (w Walked, err error) {
	w.Mark = e.Mark
	mark, err := parseMentionMark(e.Mark)
	if err != nil || len(e.needles()) == 0 {
		return w, err
	}
	groups, err := tx.groupsFrom(ctx, e.OrgID, mark, limit)
	if err != nil {
		return w, err
	}
	for _, group := range groups {
		if w.Rows == limit {
			break
		}
		if group != mark.chat {
			mark = mentionMark{chat: group}
		}
		if err = tx.forgetMentionsIn(ctx, e, &mark, &w, limit); err != nil {
			return w, err
		}
		w.Mark = mark.String()
	}
	return w, nil
}

// groupsFrom lists groups of an org by id, from where a walk is. The numbers of
// the org lead to them: it may have far more chats that are none.
func (tx *Tx) groupsFrom(ctx context.Context, org wa.OrgID, from mentionMark, limit int) ([]string, error) {
	return collect(ctx, tx, "list groups", pgx.RowTo[string], `
		SELECT h.id::text FROM clients c JOIN chats h ON h.client_id = c.id
		WHERE c.org_id = $1 AND h.org_id = $1 AND h.group_id IS NOT NULL
		  AND (h.id > coalesce(nullif($2, '')::uuid, '00000000-0000-0000-0000-000000000000') OR $3 AND h.id = nullif($2, '')::uuid)
		ORDER BY h.id LIMIT $4`, org, from.chat, from.message != "", limit)
}

// forgetMentionsIn walks on through one group, and counts it when it is done.
func (tx *Tx) forgetMentionsIn(ctx context.Context, e Erasing, mark *mentionMark, w *Walked, limit int) error {
	const none = "00000000-0000-0000-0000-000000000000"
	p, err := one(ctx, tx, "forget mentions of erased contact", pgx.RowToStructByPos[mentionPage], forgetMentions(e),
		e.OrgID, mark.chat, mark.at, cmp.Or(mark.message, none), limit-w.Rows)
	if err != nil {
		return err
	}
	w.Rows += p.Rows
	w.Changed += p.Changed
	if w.Rows == limit { // there may be more
		mark.message, mark.at = *p.Last, *p.At
		return nil
	}
	w.Rows++
	*mark = mentionMark{chat: mark.chat}
	return nil
}

// mentionPage is what became of a page of a group's messages.
type mentionPage struct {
	Rows, Changed int
	Last          *string
	At            *time.Time
}

func forgetMentions(e Erasing) string {
	payload := holdingBytes("m.payload", e)
	return `
		WITH page AS MATERIALIZED (
			SELECT id, created_at FROM messages WHERE org_id = $1 AND chat_id = $2 AND (created_at, id) > ($3, $4::uuid)
			ORDER BY created_at, id LIMIT $5
		), changed AS (
			UPDATE messages m SET content = ` + without(`m.content::text`, e) + `::jsonb, recipient = ` + without(`m.recipient`, e) + `,
			       mentions = (SELECT array_agg(` + without(`u.who`, e) + `) FROM unnest(m.mentions) AS u(who)),
			       payload = CASE WHEN ` + payload + ` THEN NULL ELSE m.payload END
			WHERE m.org_id = $1 AND m.id = ANY (ARRAY(SELECT id FROM page))
			  AND (` + holding(`m.content::text`, e) + ` OR ` + holding(`m.mentions::text`, e) + ` OR ` + payload + `) RETURNING 1
		)
		SELECT (SELECT count(*) FROM page), (SELECT count(*) FROM changed), l.id::text, l.created_at
		FROM (SELECT) AS one LEFT JOIN (SELECT id, created_at FROM page ORDER BY page.created_at DESC, page.id DESC LIMIT 1) l ON true`
}

// holdingBytes is holding for bytes, which are looked at as they are.
func holdingBytes(bytes string, e Erasing) string {
	any := []string{"false"}
	for _, n := range e.needles() {
		any = append(any, `position('`+digitsOf(n)+`'::bytea in `+bytes+`) > 0`)
	}
	return "(" + strings.Join(any, " OR ") + ")"
}
