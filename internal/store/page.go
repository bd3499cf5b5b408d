package store

import (
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"chasqui/internal/wa"
)

// Page is one page of a list, newest first: rows older than (Before,
// BeforeID), at most Limit.
type Page struct {
	Before   time.Time
	BeforeID string // uuid
	Limit    int
}

// MaxPage is the longest page.
const MaxPage = 200

type cursor struct {
	Time time.Time `json:"t"`
	ID   string    `json:"i"`
}

// lastUUID sorts after every id.
const lastUUID = "ffffffff-ffff-ffff-ffff-ffffffffffff"

// ParsePage reads a cursor that Next made; an empty one is the first page. A
// limit outside 1…200 falls back to 50.
func ParsePage(text string, limit int) (Page, error) {
	if limit < 1 || limit > MaxPage {
		limit = 50
	}
	p := Page{Before: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), BeforeID: lastUUID, Limit: limit}
	if text == "" {
		return p, nil
	}
	var c cursor
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err == nil && len(c.ID) == len(lastUUID) {
		_, err = uuid.Parse(c.ID)
	}
	if err != nil || len(c.ID) != len(lastUUID) || c.Time.Year() < 1 || c.Time.IsZero() {
		return p, wa.InvalidField("cursor", "is not a cursor of this list")
	}
	p.Before, p.BeforeID = c.Time, c.ID
	return p, nil
}

// Next is the cursor of the page after one that ended with this row, or "" when
// got fewer rows than asked for.
func (p Page) Next(got int, last time.Time, lastID string) string {
	if got < p.Limit {
		return ""
	}
	raw, err := json.Marshal(cursor{Time: last, ID: lastID})
	if err != nil { // a time beyond year 9999: no such row exists
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}
