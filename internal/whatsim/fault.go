package whatsim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Action is what a rule does when it applies.
type Action string

// The actions, by the place where they apply.
const (
	AckError       Action = "ack_error"       // message: refused with Code (463), not delivered
	AckDelay       Action = "ack_delay"       // message: delivered, acknowledged after the delay
	NoAck          Action = "no_ack"          // message: delivered, never acknowledged
	DropSilent     Action = "drop_silent"     // message: neither
	AckThenDrop    Action = "ack_then_drop"   // message: acknowledged, never delivered
	NoReceipts     Action = "no_receipts"     // message: delivered without receipts
	DisconnectPre  Action = "disconnect_pre"  // message: the connection is cut before delivery
	DisconnectPost Action = "disconnect_post" // message: delivered, the connection is cut instead of the ack
	RequestRetry   Action = "request_retry"   // message: the recipient asks for it again
	RefusePreKeys  Action = "refuse_prekeys"  // prekeys: the recipient's bundle is an error with Code (503)
	IQError        Action = "iq_error"        // iq: an error with Code (500) and Text
	IQDelay        Action = "iq_delay"        // iq: answered after the delay
	DropIQ         Action = "drop"            // iq: never answered
	Disconnect     Action = "disconnect"      // iq: the connection is cut
	Failure        Action = "failure"         // login: a failure with Code (503), BanCode and Expire
	LoginDelay     Action = "login_delay"     // login: answered after the delay
	ConnectDelay   Action = "connect_delay"   // connect: the upgrade waits for the delay
	HTTPError      Action = "http_error"      // connect: the upgrade fails with status Code (503)
)

type hook string

const (
	hookMessage hook = "message"
	hookPreKeys hook = "prekeys"
	hookIQ      hook = "iq"
	hookLogin   hook = "login"
	hookConnect hook = "connect"
)

var hookOf = map[Action]hook{
	AckError: hookMessage, AckDelay: hookMessage, NoAck: hookMessage, DropSilent: hookMessage, AckThenDrop: hookMessage,
	NoReceipts: hookMessage, DisconnectPre: hookMessage, DisconnectPost: hookMessage, RequestRetry: hookMessage,
	RefusePreKeys: hookPreKeys, IQError: hookIQ, IQDelay: hookIQ, DropIQ: hookIQ, Disconnect: hookIQ,
	Failure: hookLogin, LoginDelay: hookLogin, ConnectDelay: hookConnect, HTTPError: hookConnect,
}

// ErrRule is returned for a rule that makes no sense.
var ErrRule = errors.New("whatsim: invalid rule")

// Rule makes something go wrong. Empty conditions match everything; the first rule that matches is the one that acts.
type Rule struct {
	ID          int     `json:"id"`
	Action      Action  `json:"action"`
	Sender      string  `json:"sender,omitempty"`      // the account's number
	Recipient   string  `json:"recipient,omitempty"`   // the number addressed (message, prekeys)
	Namespace   string  `json:"namespace,omitempty"`   // xmlns (iq)
	Skip        int     `json:"skip,omitempty"`        // matches to let pass first
	Times       int     `json:"times,omitempty"`       // matches to act on; 0 means without end
	Probability float64 `json:"probability,omitempty"` // of acting on a match; 0 means always
	DelayMS     int     `json:"delay_ms,omitempty"`
	Code        int     `json:"code,omitempty"`
	BanCode     int     `json:"ban_code,omitempty"` // the code attribute of a failure with Code 402
	Expire      int     `json:"expire,omitempty"`   // seconds, for a failure with Code 402
	Text        string  `json:"text,omitempty"`
	Matched     int     `json:"matched"` // how often the conditions held
	Fired       int     `json:"fired"`   // how often it acted
}

func (r *Rule) delay() time.Duration { return time.Duration(r.DelayMS) * time.Millisecond }

func (r *Rule) codeOr(fallback int) int {
	if r.Code != 0 {
		return r.Code
	}
	return fallback
}

// match is what a place knows about what is going on.
type match struct{ sender, recipient, namespace string }

func (r *Rule) matches(m match) bool {
	return (r.Sender == "" || r.Sender == m.sender) && (r.Recipient == "" || r.Recipient == m.recipient) &&
		(r.Namespace == "" || r.Namespace == m.namespace)
}

// rules are the faults in force.
type rules struct {
	mu   sync.Mutex
	list []*Rule
	last int
}

func newRules() *rules { return &rules{} }

// take returns a copy of the rule that acts here and now, or nil.
func (rs *rules) take(at hook, m match) *Rule {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for _, r := range rs.list {
		if hookOf[r.Action] != at || !r.matches(m) || r.Times > 0 && r.Fired >= r.Times {
			continue
		}
		r.Matched++
		if r.Matched <= r.Skip || r.Probability > 0 && rand.Float64() >= r.Probability {
			continue
		}
		r.Fired++
		out := *r
		return &out
	}
	return nil
}

// AddRule puts a rule in force and returns it with its id.
func (s *Server) AddRule(r Rule) (Rule, error) {
	if hookOf[r.Action] == "" {
		return Rule{}, fmt.Errorf("%w: unknown action %q", ErrRule, r.Action)
	}
	if r.Probability < 0 || r.Probability > 1 || r.Skip < 0 || r.Times < 0 || r.DelayMS < 0 {
		return Rule{}, fmt.Errorf("%w: a number is out of range", ErrRule)
	}
	defer s.ledger.stir()
	s.rules.mu.Lock()
	defer s.rules.mu.Unlock()
	s.rules.last++
	r.ID, r.Matched, r.Fired = s.rules.last, 0, 0
	s.rules.list = append(s.rules.list, &r)
	return r, nil
}

// Rules lists the rules in force, with their counters.
func (s *Server) Rules() []Rule {
	s.rules.mu.Lock()
	defer s.rules.mu.Unlock()
	out := make([]Rule, 0, len(s.rules.list))
	for _, r := range s.rules.list {
		out = append(out, *r)
	}
	return out
}

// RemoveRule takes a rule out of force and tells whether it was there.
func (s *Server) RemoveRule(id int) bool {
	defer s.ledger.stir()
	s.rules.mu.Lock()
	defer s.rules.mu.Unlock()
	n := len(s.rules.list)
	s.rules.list = slices.DeleteFunc(s.rules.list, func(r *Rule) bool { return r.ID == id })
	return len(s.rules.list) < n
}

// ClearRules takes every rule out of force.
func (s *Server) ClearRules() {
	defer s.ledger.stir()
	s.rules.mu.Lock()
	defer s.rules.mu.Unlock()
	s.rules.list = nil
}

// fired records that a rule acted.
func (s *Server) fired(r Rule, socket int64, number string) {
	s.event(Event{Kind: EventRule, Number: number, Socket: socket, Code: r.ID, Detail: string(r.Action)})
}

// sleep waits, or returns early when the context ends.
func sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
