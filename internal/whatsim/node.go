package whatsim

import (
	"fmt"
	"strconv"
	"time"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
)

type (
	node  = waBinary.Node
	attrs = waBinary.Attrs
)

// el builds a node with children; without any, the content stays nil as it would after decoding.
func el(tag string, a attrs, children ...node) node {
	n := node{Tag: tag, Attrs: a}
	if len(children) > 0 {
		n.Content = children
	}
	return n
}

// leaf builds a node that holds bytes. Never a string: one that is in the token dictionary would decode as text.
func leaf(tag string, a attrs, data []byte) node {
	return node{Tag: tag, Attrs: a, Content: data}
}

// str reads an attribute as text, whatever type it was decoded to.
func str(n *node, key string) string {
	switch v := n.Attrs[key].(type) {
	case nil:
		return ""
	case string:
		return v
	case types.JID:
		return v.String()
	default:
		return fmt.Sprint(v)
	}
}

func num(n *node, key string) int {
	v, _ := strconv.Atoi(str(n, key))
	return v
}

// jid reads an attribute as an address; the empty JID when it is absent or something else.
func jid(n *node, key string) types.JID {
	switch v := n.Attrs[key].(type) {
	case types.JID:
		return v
	case string:
		parsed, err := types.ParseJID(v)
		if err == nil {
			return parsed
		}
	}
	return types.EmptyJID
}

// data reads the content of a node as bytes; short dictionary words arrive as text.
func data(n *node) []byte {
	switch v := n.Content.(type) {
	case []byte:
		return v
	case string:
		return []byte(v)
	default:
		return nil
	}
}

// child returns the first child with the tag, or nil.
func child(n *node, tag string) *node {
	for _, c := range n.GetChildren() {
		if c.Tag == tag {
			return &c
		}
	}
	return nil
}

// childData returns the bytes of the first child with the tag.
func childData(n *node, tag string) []byte {
	if c := child(n, tag); c != nil {
		return data(c)
	}
	return nil
}

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
