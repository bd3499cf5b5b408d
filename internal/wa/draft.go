package wa

import (
	"errors"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of a draft's fields.
const (
	MaxClientRef     = 255
	MaxMetadataKeys  = 50
	MaxMetadataValue = 1000
	MaxMentions      = 256
	MinSchedule      = 60 * time.Second
	MaxSchedule      = 35 * 24 * time.Hour
	MinValidity      = 30 * time.Second
	// A message that nobody dated is kept as long as a full line takes to
	// drain at the default limits: 1,000 urgent and normal ones at 100 an
	// hour, 20,000 bulk ones at 80 an hour.
	DefaultValidity     = 10 * time.Hour
	DefaultBulkValidity = 14 * 24 * time.Hour
	MaxBatch            = 1000
)

// Draft is a message as a caller hands it in.
type Draft struct {
	To        string
	Type      string
	Text      *Text
	ReplyTo   *MessageID
	Mentions  []string
	SendAt    *time.Time
	ExpiresAt *time.Time
	Lane      Lane
	Typing    *bool
	ClientRef string
	Metadata  map[string]string
	Origin    Origin
	Callback  Callback

	// Unreadable is why the caller's words could not be made into the fields
	// above: the draft is refused with it, as one of a batch may be.
	Unreadable error
}

// Content is the one content object that Type names.
func (d Draft) Content() (Content, error) {
	if _, known := contents[d.Type]; !known {
		_, err := DecodeContent(d.Type, nil)
		return nil, err
	}
	if d.Type == KindText && d.Text != nil {
		return *d.Text, nil
	}
	return nil, InvalidField(d.Type, "is required when type is %q", d.Type)
}

// Validate checks everything that can be known without looking anything up,
// and reports every bad field at once (joined Errors).
func (d Draft) Validate(now time.Time) error {
	_, err := d.Read(now)
	return err
}

// Read is Validate for those who go on to use the address: to read a phone
// number is the dear part.
func (d Draft) Read(now time.Time) (Address, error) {
	if d.Unreadable != nil {
		return Address{}, d.Unreadable
	}
	to, addressErr := ParseAddress(d.To)
	return to, errors.Join(addressErr, d.validateContent(), d.validateTimes(now), d.validateExtras())
}

func (d Draft) validateContent() error {
	c, err := d.Content()
	if err != nil {
		return err
	}
	return Under(d.Type, c.Validate())
}

func (d Draft) validateTimes(now time.Time) error {
	start := now
	if d.SendAt != nil {
		start = *d.SendAt
		switch lead := d.SendAt.Sub(now); {
		case lead < MinSchedule:
			return InvalidField("send_at", "must be at least %d seconds ahead", int(MinSchedule.Seconds()))
		case lead > MaxSchedule:
			return InvalidField("send_at", "must be at most 35 days ahead")
		}
	}
	if d.ExpiresAt != nil && d.ExpiresAt.Sub(start) < MinValidity {
		return InvalidField("expires_at", "must be at least %d seconds after the message is due", int(MinValidity.Seconds()))
	}
	if d.ExpiresAt != nil && d.ExpiresAt.Sub(now) > 2*MaxSchedule {
		return InvalidField("expires_at", "must be at most 70 days ahead")
	}
	return nil
}

func (d Draft) validateExtras() error {
	var errs []error
	if utf8.RuneCountInString(d.ClientRef) > MaxClientRef {
		errs = append(errs, InvalidField("client_ref", "is longer than %d characters", MaxClientRef))
	}
	if !storable(d.ClientRef) {
		errs = append(errs, InvalidField("client_ref", "is not valid UTF-8 or holds the NUL character"))
	}
	if len(d.Metadata) > MaxMetadataKeys {
		errs = append(errs, InvalidField("metadata", "has more than %d keys", MaxMetadataKeys))
	}
	for k, v := range d.Metadata {
		if k == "" || len(k) > MaxClientRef || len(v) > MaxMetadataValue {
			errs = append(errs, InvalidField("metadata", "has an empty or too long key, or a value over %d bytes", MaxMetadataValue))
			break
		}
		if !storable(k) || !storable(v) {
			errs = append(errs, InvalidField("metadata", "is not valid UTF-8 or holds the NUL character"))
			break
		}
	}
	if len(d.Mentions) > MaxMentions {
		errs = append(errs, InvalidField("mentions", "names more than %d people", MaxMentions))
	}
	for _, m := range d.Mentions {
		if _, err := ParsePhone(m); err != nil {
			errs = append(errs, InvalidField("mentions", "must hold phone numbers with country code"))
			break
		}
	}
	return errors.Join(errs...)
}

// storable reports whether Postgres takes s as text.
func storable(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// Expiry is when the message stops being worth sending: as the caller said, or
// the default validity after it is due.
func (d Draft) Expiry(now time.Time) time.Time {
	validity := DefaultValidity
	if d.Lane == Bulk {
		validity = DefaultBulkValidity
	}
	switch {
	case d.ExpiresAt != nil:
		return *d.ExpiresAt
	case d.SendAt != nil:
		return d.SendAt.Add(validity)
	}
	return now.Add(validity)
}
