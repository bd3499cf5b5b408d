package wa

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// Content is what a message says. The set is closed: a type is in contents or
// it does not exist.
type Content interface {
	Kind() string
	Validate() error
	// Plain is the text a person would read in a list of chats.
	Plain() string
}

var contents = map[string]func([]byte) (Content, error){
	KindText: decode[Text],
}

// The kinds of content.
const (
	KindText = "text"
	// KindUnknown marks an inbound message of a type we do not read yet.
	KindUnknown = "unknown"
)

// MaxTextLength is WhatsApp's limit for a text, in characters.
const MaxTextLength = 65536

// Kinds lists the kinds of content we can accept, sorted.
func Kinds() []string {
	kinds := make([]string, 0, len(contents))
	for k := range contents {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	return kinds
}

// DecodeContent reads a stored content of a kind. An unknown kind is an
// Unsupported error.
func DecodeContent(kind string, raw []byte) (Content, error) {
	read, ok := contents[kind]
	if !ok {
		return nil, &Error{Code: Unsupported, Field: "type", Message: "is none of the message types there are: " + strings.Join(Kinds(), ", ")}
	}
	return read(raw)
}

func decode[C Content](raw []byte) (Content, error) {
	var c C
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, &Error{Code: Invalid, Message: "content cannot be read", Err: err}
	}
	return c, nil
}

// Text is plain words. PreviewURL asks for a card below the first link.
type Text struct {
	Body       string `json:"body" doc:"The words, 1 to 65,536 characters"`
	PreviewURL bool   `json:"preview_url,omitempty" doc:"Show a card for the first link"`
}

// Kind is "text".
func (Text) Kind() string { return KindText }

// Plain is the body.
func (t Text) Plain() string { return t.Body }

// Validate refuses what WhatsApp would refuse, or show as an empty bubble.
func (t Text) Validate() error {
	switch {
	case strings.TrimSpace(t.Body) == "":
		return InvalidField("body", "must not be empty")
	case !utf8.ValidString(t.Body):
		return InvalidField("body", "is not valid UTF-8")
	case strings.ContainsRune(t.Body, 0):
		return InvalidField("body", "must not contain the NUL character")
	case utf8.RuneCountInString(t.Body) > MaxTextLength:
		return InvalidField("body", "is longer than %d characters", MaxTextLength)
	}
	return nil
}
