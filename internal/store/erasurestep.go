package store

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// ErasedChats lists the conversations with a contact.
func (tx *Tx) ErasedChats(ctx context.Context, e Erasing) ([]wa.ChatID, error) {
	return collect(ctx, tx, "list chats to erase", pgx.RowTo[wa.ChatID], `
		SELECT id FROM chats WHERE org_id = $1 AND contact_id = $2 ORDER BY id`, e.OrgID, e.ContactID)
}

// theirs are the ids of messages from and to contact $2 of org $1, so many at
// most, that satisfy a condition on m.
func theirs(condition string) string {
	return `SELECT id FROM (
			(SELECT m.id FROM messages m WHERE m.org_id = $1 AND m.contact_id = $2 AND ` + condition + ` LIMIT $3)
			UNION
			(SELECT m.id FROM chats h JOIN messages m ON m.chat_id = h.id WHERE h.org_id = $1 AND h.contact_id = $2 AND ` + condition + ` LIMIT $3)) x LIMIT $3`
}

// CancelErased withdraws messages to an erased contact that have not left, at
// most limit, and gives them as they are then.
func (tx *Tx) CancelErased(ctx context.Context, e Erasing, limit int) ([]wa.Message, error) {
	return collect(ctx, tx, "cancel messages to erased contact", scanMessage, `
		WITH moved AS (
			UPDATE messages SET status = 'cancelled', updated_at = now()
			WHERE org_id = $1 AND id = ANY (ARRAY(`+theirs(`m.status IN (`+statusList(wa.Cancel.Move().From)+`)`)+`))
			  AND status IN (`+statusList(wa.Cancel.Move().From)+`)
			RETURNING *)
		SELECT `+messageColumns+` FROM moved`+messageTables, e.OrgID, e.ContactID, limit)
}

// settled is a message m that nobody works on. What is under way is waited for,
// but not for ever: a sending takes half a minute, and one whose outcome is not
// known may stay so while its number is offline.
const settled = `(m.status NOT IN ('scheduled', 'queued', 'sending', 'retry_wait') OR m.status = 'sending' AND m.claimed_at < now() - interval '5 minutes')`

// DeleteErased deletes messages from and to an erased contact that nobody works
// on, at most limit, with their timelines. What they count for is kept. They are
// held first: a step of one may be written until then.
func (tx *Tx) DeleteErased(ctx context.Context, e Erasing, limit int) (int64, error) {
	held, err := collect(ctx, tx, "hold messages of erased contact", pgx.RowTo[wa.MessageID], `
		SELECT m.id FROM messages m WHERE m.org_id = $1 AND m.id = ANY (ARRAY(`+theirs(settled)+`)) AND `+settled+` FOR UPDATE`,
		e.OrgID, e.ContactID, limit)
	if err != nil || len(held) == 0 {
		return 0, err
	}
	return tx.moved(ctx, "delete messages of erased contact", `
		WITH gone AS MATERIALIZED (
			SELECT * FROM messages WHERE org_id = $1 AND id = ANY ($2::uuid[])
		), steps AS (
			DELETE FROM message_events s USING gone WHERE s.org_id = $1 AND s.message_id = gone.id
		), sends AS (
			INSERT INTO erased_sends (org_id, client_id, sent_at)
			SELECT $1, client_id, coalesce(sent_at, claimed_at) FROM gone
			WHERE direction = 'outbound' AND origin <> 'phone' AND (sent_at > now() - interval '1 day' OR status = 'sending')
		), counts AS (
			INSERT INTO erased_figures AS f (client_id, at, org_id, accepted, sent, delivered, read, failed, received)
			SELECT m.client_id, date_bin('15 minutes', m.created_at, 'epoch'), $1, `+counted+` FROM gone m GROUP BY 1, 2
			ON CONFLICT (client_id, at) DO UPDATE SET accepted = f.accepted + excluded.accepted, sent = f.sent + excluded.sent,
				delivered = f.delivered + excluded.delivered, read = f.read + excluded.read, failed = f.failed + excluded.failed,
				received = f.received + excluded.received
		), due AS (
			INSERT INTO message_figures_due AS d (client_id, at, org_id)
			SELECT DISTINCT client_id, date_bin('15 minutes', created_at, 'epoch'), $1::uuid FROM gone
			ON CONFLICT (client_id, at) DO UPDATE SET since = d.since
		)
		DELETE FROM messages m USING gone WHERE m.org_id = $1 AND m.id = gone.id`, e.OrgID, uuidTexts(held))
}

// AnyErased reports whether there still are messages from or to an erased
// contact.
func (tx *Tx) AnyErased(ctx context.Context, e Erasing) (bool, error) {
	left, err := collect(ctx, tx, "look for messages of erased contact", pgx.RowTo[wa.MessageID], theirs(`true`), e.OrgID, e.ContactID, 1)
	return len(left) > 0, err
}

// shortest is how many digits an address must have to be looked for in texts:
// fewer are found in numbers of all kinds.
const shortest = 8

// needles are the addresses of an erased person as they stand in texts.
func (e Erasing) needles() []string {
	var all []string
	for _, n := range []string{e.Phone, e.LID} {
		if len(n) >= shortest {
			all = append(all, n)
		}
	}
	return all
}

// without is SQL for a text from which the needles at a place are taken.
func without(text string, e Erasing) string {
	for _, n := range e.needles() { // digits: nothing that would have to be quoted
		text = `replace(` + text + `, '` + digitsOf(n) + `', 'erased')`
	}
	return text
}

// holding is SQL for whether a text holds one of the needles.
func holding(text string, e Erasing) string {
	any := []string{"false"}
	for _, n := range e.needles() {
		any = append(any, `position('`+digitsOf(n)+`' in `+text+`) > 0`)
	}
	return "(" + strings.Join(any, " OR ") + ")"
}

// What is left of a message and of a contact that somebody was told of.
const (
	leftOfMessage = `'{id,client_id,chat_id,direction,origin,type,status,lane,provider,attempts,reply_to,send_at,expires_at,next_try_at,sent_at,delivered_at,read_at,created_at,updated_at,queue}'::text[]`
	leftOfContact = `'{id,created_at,updated_at}'::text[]`
)

// pick is SQL for an object with some of its keys.
func pick(object, keys string) string {
	return `(SELECT coalesce(jsonb_object_agg(k.key, k.value), '{}') FROM jsonb_each(` + object + `) k WHERE k.key = ANY (` + keys + `))`
}

// Walked is how far a walk through a table came: how many rows it looked at, and
// what it changed.
type Walked struct {
	Rows, Changed, Answers int
	Mark                   string
}

// ForgetErasedEvents walks on through an org's feed: of what tells of an erased
// person ids and states are left, and nothing of what endpoints answered to it.
func (tx *Tx) ForgetErasedEvents(ctx context.Context, e Erasing, chats []wa.ChatID, limit int) (w Walked, err error) {
	from, position, _ := strings.Cut(e.Mark, " ")
	if from == "" {
		from, position = "0", "0"
	}
	at, err := strconv.ParseInt(position, 10, 64)
	if err != nil {
		return w, err
	}
	var changed []string
	w, err = one(ctx, tx, "forget events of erased contact", func(r pgx.CollectableRow) (w Walked, err error) {
		err = r.Scan(&w.Rows, &w.Mark, &changed)
		return w, err
	}, `
		WITH page AS MATERIALIZED (
			SELECT id, tx, position, type, chat_id, data FROM events
			WHERE org_id = $1 AND (tx, position) > ($2::text::xid8, $3) ORDER BY tx, position LIMIT $4
		), told AS MATERIALIZED (
			SELECT p.id, p.type, p.chat_id, p.data::jsonb AS data FROM page p
			WHERE (p.type LIKE 'message.%' OR p.type LIKE 'contact.%') AND p.type <> 'contact.erased'
			  AND (p.chat_id = ANY ($5::uuid[]) OR position($6 in p.data::text) > 0 OR `+holding(`p.data::text`, e)+`)
		), about AS (
			SELECT t.*, coalesce(t.chat_id = ANY ($5::uuid[]), false) OR position($6 in w.who) > 0 OR `+holding(`w.who`, e)+` AS theirs
			FROM told t, LATERAL (SELECT concat(t.data -> 'message' -> 'to', t.data -> 'message' -> 'from', t.data -> 'contact')) w(who)
		), changed AS (
			UPDATE events v SET data = CASE
				WHEN NOT a.theirs THEN `+without(`a.data::text`, e)+`::json
				WHEN a.type LIKE 'message.%' THEN jsonb_build_object('message', `+pick(`a.data -> 'message'`, leftOfMessage)+` ||
					CASE WHEN a.data -> 'message' ? 'error' THEN jsonb_build_object('error', (a.data #> '{message,error}') - '{detail,provider}'::text[]) ELSE '{}' END)::json
				ELSE jsonb_build_object('contact', `+pick(`a.data -> 'contact'`, leftOfContact)+`)::json END
			FROM about a WHERE v.org_id = $1 AND v.id = a.id RETURNING v.id
		)
		SELECT (SELECT count(*) FROM page), coalesce((SELECT tx::text || ' ' || position FROM page ORDER BY page.tx DESC, page.position DESC LIMIT 1), $7),
		       ARRAY(SELECT id::text FROM changed)`,
		e.OrgID, from, at, limit, uuidTexts(chats), e.ContactID.String(), e.Mark)
	if err != nil || len(changed) == 0 {
		return w, err
	}
	w.Changed = len(changed)
	w.Answers, err = tx.forgetAnswers(ctx, e.OrgID, changed)
	return w, err
}

// forgetAnswers forgets what endpoints answered to requests with some events.
// Several events of an ordered endpoint may have gone in one request, whose
// answer stands with each.
func (tx *Tx) forgetAnswers(ctx context.Context, org wa.OrgID, events []string) (int, error) {
	n, err := tx.moved(ctx, "forget answers about erased contact", `
		WITH made AS MATERIALIZED (
			SELECT md5(w.id::text || u.event)::uuid AS delivery, w.ordered FROM webhook_endpoints w, unnest($2::text[]) AS u(event) WHERE w.org_id = $1
		), own AS MATERIALIZED (
			SELECT a.id, a.at, a.signature, made.ordered FROM made JOIN webhook_attempts a ON a.org_id = $1 AND a.delivery_id = made.delivery
		), together AS MATERIALIZED (
			SELECT a.id FROM webhook_attempts a
			WHERE a.org_id = $1 AND a.at >= (SELECT min(at) FROM own WHERE ordered) AND a.at <= (SELECT max(at) FROM own WHERE ordered)
			  AND (a.at, a.signature) IN (SELECT at, signature FROM own WHERE ordered AND signature <> '')
		)
		UPDATE webhook_attempts a SET body = NULL, headers = NULL, detail = ''
		WHERE a.org_id = $1 AND a.id IN (SELECT id FROM own UNION SELECT id FROM together)
		  AND (a.body IS NOT NULL OR a.headers IS NOT NULL OR a.detail <> '')`, org, events)
	return int(n), err
}

// ForgetErasedReplies walks on through what requests of an org were answered:
// where that is about an erased person ids and states are left. Where the
// caller's own name for a request holds the number it goes altogether. The walk
// goes by age: row-level security lets no index be entered by a text.
func (tx *Tx) ForgetErasedReplies(ctx context.Context, e Erasing, chats []wa.ChatID, limit int) (Walked, error) {
	after := cmp.Or(e.Mark, "-infinity")
	ids := make([]string, len(chats))
	for i, c := range chats {
		ids[i] = c.String()
	}
	return one(ctx, tx, "forget replies about erased contact", func(r pgx.CollectableRow) (w Walked, err error) {
		err = r.Scan(&w.Rows, &w.Mark, &w.Changed)
		return w, err
	}, `
		WITH page AS MATERIALIZED (
			SELECT key, route, created_at, convert_from(response, 'UTF8') AS body FROM idempotency_keys
			WHERE org_id = $1 AND created_at > $2::text::timestamptz ORDER BY created_at FETCH FIRST ($3) ROWS WITH TIES
		), told AS MATERIALIZED (
			SELECT p.key, p.route, p.body::jsonb AS body FROM page p
			WHERE position($5 in p.body) > 0 OR position('"chat_' in p.body) > 0 OR `+holding(`p.body`, e)+`
		), about AS MATERIALIZED (
			SELECT t.key, t.route, t.body, coalesce(t.body ->> 'chat_id' = ANY ($4), false) OR position($5 in w.who) > 0 OR `+holding(`w.who`, e)+` AS theirs
			FROM told t, LATERAL (SELECT concat(t.body -> 'to', t.body -> 'from')) w(who)
		), changed AS (
			UPDATE idempotency_keys i SET response = convert_to(CASE WHEN a.theirs THEN `+pick(`a.body`, leftOfMessage)+`::text ELSE `+without(`a.body::text`, e)+` END, 'UTF8')
			FROM about a WHERE i.org_id = $1 AND i.key = a.key AND i.route = a.route AND NOT `+holding(`i.key`, e)+`
			  AND (a.theirs OR `+holding(`a.body::text`, e)+`) RETURNING 1
		), named AS (
			DELETE FROM idempotency_keys i USING page p WHERE i.org_id = $1 AND i.key = p.key AND i.route = p.route AND `+holding(`i.key`, e)+` RETURNING 1
		)
		SELECT (SELECT count(*) FROM page), coalesce((SELECT max(created_at)::text FROM page), $6),
		       (SELECT count(*) FROM changed) + (SELECT count(*) FROM named)`,
		e.OrgID, after, limit, ids, e.ContactID.String(), e.Mark)
}

// personal are the kinds of device values whose keys begin with a person's
// address.
const personal = `'{identity,session,sender_key,contact,chat,secret,token,outbound}'::text[]`

// ForgetErasedKeys forgets what the linked devices of an org know of an erased
// person, unless it is the device's own number. A worker that has the device open
// may remember some of it; it writes it again only when there is something new
// between the two.
func (tx *Tx) ForgetErasedKeys(ctx context.Context, e Erasing) (n int64, err error) {
	own := "^" + cmp.Or(e.Phone, e.LID) + "[^0-9]" // the person's number, as the address of a device
	for _, who := range []string{e.Phone, e.LID} {
		if who == "" {
			continue
		}
		begun, err := tx.moved(ctx, "forget keys of erased contact", `
			DELETE FROM device_values v USING devices d, unnest(`+personal+`) AS k(kind)
			WHERE d.org_id = $1 AND v.org_id = $1 AND v.device_id = d.id AND v.kind = k.kind AND d.jid !~ $3
			  AND v.key > convert_to($2::text, 'UTF8') AND v.key < convert_to($2::text, 'UTF8') || '\xff'::bytea
			  AND NOT substring(v.key FROM length($2::text) + 1 FOR 1) BETWEEN '0'::bytea AND '9'::bytea`, e.OrgID, who, own)
		if err != nil {
			return n, err
		}
		within, err := tx.moved(ctx, "forget secrets of erased contact", `
			DELETE FROM device_values v USING devices d
			WHERE d.org_id = $1 AND v.org_id = $1 AND v.device_id = d.id AND v.kind = 'secret' AND d.jid !~ $3
			  AND position('\x00'::bytea || convert_to($2::text || '@', 'UTF8') in v.key) > 0`, e.OrgID, who, own)
		if n += begun + within; err != nil {
			return n, err
		}
	}
	return n, nil
}

// EraseContact takes away the last of an erased person: the pair of addresses,
// the conversations, the contact. It tells how many conversations there were.
func (tx *Tx) EraseContact(ctx context.Context, e Erasing) (chats int64, err error) {
	if _, err = tx.moved(ctx, "forget hidden address", `
		DELETE FROM lids l WHERE l.org_id = $1 AND (l.lid = nullif($2, '') OR l.phone = nullif($3, ''))
		  AND NOT EXISTS (SELECT FROM devices d WHERE d.org_id = $1 AND d.jid ~ ('^' || l.phone || '[^0-9]'))`, e.OrgID, e.LID, e.Phone); err != nil {
		return 0, err
	}
	if chats, err = tx.moved(ctx, "erase chats", `DELETE FROM chats WHERE org_id = $1 AND contact_id = $2`, e.OrgID, e.ContactID); err != nil {
		return 0, err
	}
	_, err = tx.moved(ctx, "erase contact", `DELETE FROM contacts WHERE org_id = $1 AND id = $2 AND erased_at IS NOT NULL`, e.OrgID, e.ContactID)
	return chats, err
}
