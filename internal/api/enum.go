package api

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"chasqui/internal/wa"
)

// What goes out as one of a few words is described so: without this the
// description would tell what those types are in Go, which for some is a number.
type (
	reachWord  string
	roleWord   string
	laneWord   string
	statusWord string

	originWord       string
	clientStatusWord string
	desireWord       string
)

// Schema lists the reaches.
func (reachWord) Schema(huma.Registry) *huma.Schema { return oneOf(wa.None, wa.Own, wa.All) }

// Schema lists the roles.
func (roleWord) Schema(huma.Registry) *huma.Schema { return oneOf(wa.Roles()...) }

// Schema lists the lanes.
func (laneWord) Schema(huma.Registry) *huma.Schema { return oneOf(wa.Lanes()...) }

// Schema lists the statuses of a message, those of an inbound one too.
func (statusWord) Schema(huma.Registry) *huma.Schema {
	return oneOf(append(wa.Statuses(), wa.Received)...)
}

// Schema lists the origins.
func (originWord) Schema(huma.Registry) *huma.Schema { return oneOf(wa.Origins()...) }

// Schema lists the statuses of a client.
func (clientStatusWord) Schema(huma.Registry) *huma.Schema { return oneOf(wa.ClientStatuses()...) }

// Schema lists what somebody can want of a client.
func (desireWord) Schema(huma.Registry) *huma.Schema { return oneOf(wa.Desires()...) }

// lastMessageWord is the newest message of a chat, or null.
type lastMessageWord struct{}

// chatMessage is wa.ChatMessage under the name that the description knows.
type chatMessage wa.ChatMessage

// Schema lets it be null: of what a field points to, huma says nothing.
func (lastMessageWord) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{AnyOf: []*huma.Schema{r.Schema(reflect.TypeFor[chatMessage](), true, ""), {Type: "null"}}}
}

// describeWords has the types of wa described as words.
func describeWords(r huma.Registry) {
	r.RegisterTypeAlias(reflect.TypeFor[wa.Reach](), reflect.TypeFor[reachWord]())
	r.RegisterTypeAlias(reflect.TypeFor[wa.Role](), reflect.TypeFor[roleWord]())
	r.RegisterTypeAlias(reflect.TypeFor[wa.Lane](), reflect.TypeFor[laneWord]())
	r.RegisterTypeAlias(reflect.TypeFor[wa.Status](), reflect.TypeFor[statusWord]())
	r.RegisterTypeAlias(reflect.TypeFor[wa.Origin](), reflect.TypeFor[originWord]())
	r.RegisterTypeAlias(reflect.TypeFor[wa.ClientStatus](), reflect.TypeFor[clientStatusWord]())
	r.RegisterTypeAlias(reflect.TypeFor[wa.Desire](), reflect.TypeFor[desireWord]())
	r.RegisterTypeAlias(reflect.TypeFor[wa.ChatMessage](), reflect.TypeFor[lastMessageWord]())
}

func oneOf[T any](values ...T) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, v := range values {
		s.Enum = append(s.Enum, wordOf(v))
	}
	return s
}

// wordOf is what goes out for a value.
func wordOf(v any) string {
	if s, ok := v.(interface{ String() string }); ok {
		return s.String()
	}
	return reflect.ValueOf(v).String()
}
