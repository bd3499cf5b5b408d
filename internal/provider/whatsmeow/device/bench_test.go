package device_test

import (
	"bytes"
	"context"
	"testing"

	wmstore "go.mau.fi/whatsmeow/store"
)

// BenchmarkSend does what the library does with its stores for a text to
// somebody with one device, and a copy for the own phone.
func BenchmarkSend(b *testing.B) {
	for name, open := range map[string]func(*bed) *wmstore.Device{
		"own": func(bed *bed) *wmstore.Device { return bed.linked() },
		"library": func(bed *bed) *wmstore.Device {
			c, _ := stock(b, bed.url)
			d := c.NewDevice()
			link(b, d)
			return d
		},
	} {
		b.Run(name, func(b *testing.B) {
			d := open(newBed(b))
			if err := d.LIDs.PutLIDMapping(b.Context(), lid("501"), pn("1")); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if err := sendOnce(b.Context(), d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// sendOnce touches the stores in the library's order.
func sendOnce(ctx context.Context, d *wmstore.Device) error {
	addresses := []string{"501_1:0", "100001000_1:0"}
	if _, err := d.LIDs.GetLIDForPN(ctx, pn("1")); err != nil {
		return err
	}
	if _, err := d.Sessions.GetManySessions(ctx, addresses); err != nil {
		return err
	}
	changed := map[string][]byte{}
	for _, a := range addresses {
		if _, err := d.Identities.IsTrustedIdentity(ctx, a, [32]byte{1}); err != nil {
			return err
		}
		if err := d.Identities.PutIdentity(ctx, a, [32]byte{1}); err != nil {
			return err
		}
		changed[a] = bytes.Repeat([]byte(a), 60)
	}
	if err := d.Sessions.PutManySessions(ctx, changed); err != nil {
		return err
	}
	if _, err := d.PrivacyTokens.GetPrivacyToken(ctx, lid("501")); err != nil {
		return err
	}
	_, err := d.NCTSalt.GetNCTSalt(ctx)
	return err
}
