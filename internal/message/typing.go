package message

import (
	"context"
	"time"

	"chasqui/internal/guard"
	"chasqui/internal/provider"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// typingLimit bounds the showing of "typing…": it is a courtesy.
const typingLimit = 2 * time.Second

// typeFirst shows "typing…" before a message of a person's pace, inside the
// pause that pacing demands anyway, and gives the time to start. Urgent
// messages do not wait to be typed.
func (l *line) typeFirst(ctx context.Context, session provider.Session, lane wa.Lane, start, now time.Time) time.Time {
	typist, able := session.(provider.Typist)
	if !able || !l.limits.Enabled || !l.limits.Typing || lane == wa.Urgent {
		return start
	}
	longest := guard.TypingMost / time.Duration(l.s.opt.PaceFactor)
	if start.Sub(now) > longest {
		return start.Add(-longest) // who is next then is looked up then
	}
	c := l.h.Client()
	var head store.Claimed
	err := l.s.db.InOrg(ctx, c.OrgID, func(tx *store.Tx) (err error) {
		head, err = tx.Head(ctx, c.OrgID, c.ID, []wa.Lane{lane})
		return err
	})
	if err != nil || head.Group != "" || (head.Typing != nil && !*head.Typing) {
		return start
	}
	if head.ID == l.typed {
		return later(start, l.typing)
	}
	need := guard.TypingTime(head.Content().Plain(), seed(head.ID)) / time.Duration(l.s.opt.PaceFactor)
	if begin := start.Add(-need); begin.After(now) {
		return begin // wake up then and come here again
	}
	now = l.s.opt.Now()
	l.typed, l.typing = head.ID, now
	ctx, cancel := context.WithTimeout(ctx, typingLimit)
	defer cancel()
	if err := typist.Typing(ctx, peer(head), true); err != nil {
		return start // a courtesy: the message goes without it
	}
	l.typing = now.Add(need)
	return later(start, l.typing)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func seed(id wa.MessageID) uint64 {
	b := id.Bytes()
	var n uint64
	for _, x := range b[8:] {
		n = n<<8 | uint64(x)
	}
	return n
}

func peer(m store.Claimed) provider.Peer {
	if m.Group != "" {
		return provider.Peer{Group: m.Group}
	}
	return provider.Peer{Phone: m.To.Phone, LID: m.To.LID}
}
