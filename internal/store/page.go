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

	// Newer turns a page of messages round: the rows next to the place that are
	// newer than it, still newest first. With At the row at the place is one of
	// them.
	Newer, At bool
}

// MaxPage is the longest page.
const MaxPage = 200

type cursor struct {
	Time  time.Time `json:"t"`
	ID    string    `json:"i"`
	Newer bool      `json:"n,omitempty"`
}

// lastUUID sorts after every id.
const lastUUID = "ffffffff-ffff-ffff-ffff-ffffffffffff"

// ParsePage reads a cursor that Next made; an empty one is the first page. A
// limit outside 1…200 falls back to 50.
func ParsePage(text string, limit int) (Page, error) {
	p, err := ParseEitherPage(text, limit)
	if err == nil && p.Newer {
		p.Newer, err = false, notOurs()
	}
	return p, err
}

func notOurs() error { return wa.InvalidField("cursor", "is not a cursor of this list") }

// ParseEitherPage is ParsePage for lists that can be walked both ways.
func ParseEitherPage(text string, limit int) (Page, error) {
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
		return p, notOurs()
	}
	p.Before, p.BeforeID, p.Newer = c.Time, c.ID, c.Newer
	return p, nil
}

// Next is the cursor of the page after one that ended with this row, or "" when
// got fewer rows than asked for.
func (p Page) Next(got int, last time.Time, lastID string) string {
	if got < p.Limit {
		return ""
	}
	return cursor{Time: last, ID: lastID}.text()
}

// Older is the cursor of what is older than a row.
func Older(at time.Time, id string) string { return cursor{Time: at, ID: id}.text() }

// Newer is the cursor of what is newer than a row.
func Newer(at time.Time, id string) string { return cursor{Time: at, ID: id, Newer: true}.text() }

func (c cursor) text() string {
	raw, err := json.Marshal(c)
	if err != nil { // a time beyond year 9999: no such row exists
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}
