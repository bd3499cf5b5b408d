package api

import (
	"encoding/json"
	"fmt"
	"mime"
	"slices"
	"strconv"
	"strings"

	qrcode "github.com/skip2/go-qrcode"

	"chasqui/internal/wa"
)

// The forms that a pairing code can take.
const (
	mediaJSON   = "application/json"
	mediaPNG    = "image/png"
	mediaText   = "text/plain"
	mediaStream = "text/event-stream"
)

func contentType(media string) string {
	if media == mediaText {
		return media + "; charset=utf-8"
	}
	return media
}

// show draws a pairing.
func (t attempt) show(media string, raw bool, size int) ([]byte, error) {
	if media == mediaJSON {
		body, err := json.Marshal(t.view())
		return append(body, '\n'), err
	}
	p := t.Pairing
	switch {
	case p.Code == "":
		return nil, wa.Errorf(wa.Conflict, "WhatsApp asks for a passkey: ask for application/json")
	case media == mediaText && (raw || p.Method == wa.PairCode):
		return []byte(p.Code + "\n"), nil
	case p.Method == wa.PairCode:
		return nil, wa.Errorf(wa.Conflict, "a code to enter has no picture: ask for application/json or text/plain")
	}
	return draw(p.Code, media, size)
}

// draw makes a picture of a QR code, or a drawing for terminals, two rows of
// the code in each line.
func draw(text, media string, size int) ([]byte, error) {
	code, err := qrcode.New(text, qrcode.Low)
	if err != nil {
		return nil, fmt.Errorf("draw pairing code: %w", err)
	}
	if media == mediaText {
		return []byte(code.ToSmallString(false)), nil
	}
	return code.PNG(size)
}

// preferred picks the offer that an Accept header likes best; the first one
// when it likes none of them or says nothing.
func preferred(accept string, offers ...string) string {
	best, bestQ, bestFit := offers[0], 0.0, 0
	for part := range strings.SplitSeq(accept, ",") {
		media, params, err := mime.ParseMediaType(strings.TrimSpace(part))
		if err != nil {
			continue
		}
		q := 1.0
		if text, ok := params["q"]; ok {
			if q, err = strconv.ParseFloat(text, 64); err != nil {
				q = 0
			}
		}
		at := slices.IndexFunc(offers, func(o string) bool { return fit(media, o) > 0 })
		if at < 0 || q <= 0 {
			continue
		}
		if f := fit(media, offers[at]); q > bestQ || (q == bestQ && f > bestFit) {
			best, bestQ, bestFit = offers[at], q, f
		}
	}
	return best
}

// fit tells how exactly a media range names a media type: 3 by name, 2 by its
// family, 1 as anything, 0 not at all.
func fit(media, offer string) int {
	family, isFamily := strings.CutSuffix(media, "/*")
	switch {
	case media == offer:
		return 3
	case media == "*/*":
		return 1
	case isFamily && strings.HasPrefix(offer, family+"/"):
		return 2
	}
	return 0
}
