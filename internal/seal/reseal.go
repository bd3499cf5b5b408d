package seal

import (
	"context"
	"fmt"
	"time"

	"chasqui/internal/wa"
)

const (
	textsAtOnce = 200
	heldWait    = 200 * time.Millisecond // for rows that somebody holds
)

// reseal seals again whatever an org has that is not under the box's primary
// key, until there is nothing. It gives how many texts it sealed. One that
// cannot be opened stays as it is and is an error.
func (r Rotation) reseal(ctx context.Context, org wa.OrgID, box *Box) (n int, err error) {
	for try := range triesMost {
		if try > 0 {
			if err := sleep(ctx, heldWait*time.Duration(try)); err != nil {
				return n, err
			}
		}
		left := false
		for _, c := range r.columns(org) {
			sealed, err := r.resealColumn(ctx, org, c, box)
			n += sealed
			if err != nil {
				return n, fmt.Errorf("%s.%s: %w", c.Table, c.Column, err)
			}
			otherwise, err := r.Rows.SealedOtherwise(ctx, org, c, box.prefix())
			if err != nil {
				return n, err
			}
			left = left || otherwise
		}
		if !left {
			return n, nil
		}
	}
	return n, fmt.Errorf("some rows of %s are always held by others; run it again", name(org))
}

func (r Rotation) resealColumn(ctx context.Context, org wa.OrgID, c wa.SealedColumn, box *Box) (n int, err error) {
	batch := wa.Sealing{Org: org, Column: c, Prefix: box.prefix(), Most: textsAtOnce}
	var broken []string
	for {
		last, sealed, err := r.Rows.Reseal(ctx, batch, func(t wa.SealedText) ([]byte, error) {
			place := placeOf(t)
			plain, err := box.Open(place, t.Sealed)
			if err != nil {
				broken = append(broken, Row(t.Key...))
				return nil, nil // the others shall not wait for it
			}
			return box.Seal(place, plain)
		})
		n += sealed
		if err != nil {
			return n, err
		}
		if last == nil {
			break
		}
		batch.After = last
	}
	if len(broken) > 0 {
		return n, fmt.Errorf("%d texts cannot be opened, the first in row %s; their keys are kept: %w", len(broken), broken[0], ErrBroken)
	}
	return n, nil
}
