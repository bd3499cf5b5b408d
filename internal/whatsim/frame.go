package whatsim

import (
	"context"
	"errors"
	"fmt"

	"github.com/coder/websocket"
	waBinary "go.mau.fi/whatsmeow/binary"
)

const (
	prologueSize = 4
	lengthSize   = 3
	maxFrame     = 1<<24 - 1
)

var errPrologue = errors.New("whatsim: connection does not start with the WhatsApp prologue")

// frames cuts the byte stream of a websocket into frames.
type frames struct {
	ws  *websocket.Conn
	buf []byte
}

// need reads until at least n bytes are buffered.
func (f *frames) need(ctx context.Context, n int) error {
	for len(f.buf) < n {
		kind, msg, err := f.ws.Read(ctx)
		if err != nil {
			return err
		}
		if kind == websocket.MessageBinary {
			f.buf = append(f.buf, msg...)
		}
	}
	return nil
}

// prologue reads the bytes in front of the first frame: 'W', 'A', 6 and the version of the token dictionary.
func (f *frames) prologue(ctx context.Context) ([]byte, error) {
	if err := f.need(ctx, prologueSize); err != nil {
		return nil, err
	}
	head := f.buf[:prologueSize]
	f.buf = f.buf[prologueSize:]
	if head[0] != 'W' || head[1] != 'A' {
		return nil, errPrologue
	}
	return head, nil
}

// next returns the next frame's payload; it stays valid because the buffer is never written again.
func (f *frames) next(ctx context.Context) ([]byte, error) {
	if err := f.need(ctx, lengthSize); err != nil {
		return nil, err
	}
	size := int(f.buf[0])<<16 | int(f.buf[1])<<8 | int(f.buf[2])
	if err := f.need(ctx, lengthSize+size); err != nil {
		return nil, err
	}
	frame := f.buf[lengthSize : lengthSize+size : lengthSize+size]
	f.buf = f.buf[lengthSize+size:]
	if len(f.buf) == 0 {
		f.buf = nil
	}
	return frame, nil
}

// appendFrameHead appends the length of a payload.
func appendFrameHead(dst []byte, size int) []byte {
	return append(dst, byte(size>>16), byte(size>>8), byte(size))
}

// encode turns a node into the bytes of a frame before sealing.
func encode(n node) ([]byte, error) {
	raw, err := waBinary.Marshal(n)
	if err != nil {
		return nil, fmt.Errorf("whatsim: encode %s: %w", n.Tag, err)
	}
	return raw, nil
}

// decode is the opposite of encode.
func decode(raw []byte) (*node, error) {
	if len(raw) == 0 {
		return nil, errors.New("whatsim: empty frame")
	}
	plain, err := waBinary.Unpack(raw)
	if err != nil {
		return nil, fmt.Errorf("whatsim: unpack frame: %w", err)
	}
	n, err := waBinary.Unmarshal(plain)
	if err != nil {
		return nil, fmt.Errorf("whatsim: decode frame: %w", err)
	}
	return n, nil
}
