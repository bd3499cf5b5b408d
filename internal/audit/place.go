package audit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// place is how far the round over all logs is. It is kept with a signature, or
// who owns the database could move it past what they changed.
type place struct {
	Round int64     `json:"round"` // under way, or over last
	Under bool      `json:"under"` // a round is under way
	First time.Time `json:"first"` // when the first round began
	Began time.Time `json:"began"` // when the last one began
	Ended time.Time `json:"ended"` // when the last one ended; zero while none has

	// Within a round: first the anchors, then the installation's log, then one
	// org's after the other.
	Anchor   *anchorPlace `json:"anchor,omitempty"` // the last good one
	Anchored bool         `json:"anchored"`         // all of them are read
	Org      wa.OrgID     `json:"org,omitzero"`     // whose log is read
	Walk     *walkPlace   `json:"walk,omitempty"`   // how far; nil before its first line
}

// anchorPlace is what judging the next anchor takes.
type anchorPlace struct {
	Number int64  `json:"n"`
	Mac    []byte `json:"mac"`
}

func (a *anchorPlace) anchor() store.AuditAnchor {
	if a == nil {
		return store.AuditAnchor{}
	}
	return store.AuditAnchor{Number: a.Number, Mac: a.Mac}
}

// walkPlace is a walk along one log, and where that log ended when it began.
type walkPlace struct {
	Seq        int64  `json:"seq"`
	Prev       []byte `json:"prev"`
	Before     []byte `json:"before,omitempty"`
	AnchoredTo int64  `json:"anchored_to"`

	EndSeq  int64  `json:"end_seq"`
	EndHash []byte `json:"end_hash"`
	First   int64  `json:"first"`
	Last    int64  `json:"last"`
}

func (p place) end() store.AuditHead {
	return store.AuditHead{Org: p.Org, Seq: p.Walk.EndSeq, Hash: p.Walk.EndHash, First: p.Walk.First, Last: p.Walk.Last}
}

// walk goes on where the place is.
func (p place) walk(s *Service) *walk {
	w := s.walkTo(p.end())
	w.seq, w.prev, w.before, w.anchoredTo = p.Walk.Seq, p.Walk.Prev, p.Walk.Before, p.Walk.AnchoredTo
	return w
}

// placeOf is where a walk is that goes to an end.
func placeOf(w *walk, end store.AuditHead) *walkPlace {
	return &walkPlace{
		Seq: w.seq, Prev: w.prev, Before: w.before, AnchoredTo: w.anchoredTo,
		EndSeq: end.Seq, EndHash: end.Hash, First: end.First, Last: end.Last,
	}
}

// placeVersion goes into every signature.
const placeVersion = "chasqui audit round 1"

// write makes the row that keeps a place.
func (p place) write(key []byte, version int64) (store.AuditPlace, error) {
	raw, err := json.Marshal(p)
	if err != nil {
		return store.AuditPlace{}, fmt.Errorf("write the place in the audit logs: %w", err)
	}
	return store.AuditPlace{Version: version, Place: raw, Mac: signPlace(key, raw)}, nil
}

// readPlace reads a row; false when it is not as it was written.
func readPlace(key []byte, row store.AuditPlace) (p place, ours bool) {
	ours = hmac.Equal(row.Mac, signPlace(key, row.Place)) && json.Unmarshal(row.Place, &p) == nil
	return p, ours
}

func signPlace(key, raw []byte) []byte {
	mac := hmac.New(sha256.New, key)
	for _, part := range [][]byte{[]byte(placeVersion), raw} {
		_, _ = mac.Write(number(int64(len(part)))) // a hash takes everything
		_, _ = mac.Write(part)
	}
	return mac.Sum(nil)
}
