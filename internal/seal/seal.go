// Package seal keeps secrets at rest. Every org has a data key, a tink keyset
// of AES-256-GCM keys, which is stored wrapped by a master key that is never
// stored. A sealed text opens only in the place it was sealed for.
//
//	box, err := keyring.For(ctx, org)
//	place := seal.Place("users", "totp_seed", user.UUID(), org.UUID())
//	sealed, err := box.Seal(place, plain)
//	plain, err := box.Open(place, sealed)
//
// Ask the Keyring for the box each time, it costs a look into a map; a box that
// is kept for longer than a request knows nothing of keys that came later. The
// org must have been committed. What belongs to no org (an operator's seed) is
// sealed in the box of the zero OrgID. A table with a compound key says
// seal.Row(…) for the row.
//
// Whoever adds a column of sealed texts adds it to store.SealedColumns, so that
// `chasqui rotate-keys` finds it; a test tells if it was forgotten.
//
// Which texts are secret, and where they are kept, belongs to the callers.
package seal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
)

// The first byte of everything sealed names the scheme. The first one sealed
// under the master key itself; its texts are read until a rotation has sealed
// them again.
const (
	versionMaster  = 1 // | nonce | text | tag
	versionDataKey = 2 // | 1 | id of the key, 4 bytes | nonce | text | tag
)

// prefixLen is how many bytes tell which key sealed a text.
const prefixLen = 6

// ErrBroken tells of a text that was sealed elsewhere, under another key, or
// was changed since.
var ErrBroken = errors.New("sealed text cannot be opened: it belongs elsewhere, or the master key is another")

// Place names where a sealed text is kept: it opens nowhere else. Row and org
// are bare uuids where they are ids.
func Place(table, column, row, org string) string {
	return strings.Join([]string{table, column, row, org}, "|")
}

// Row names a row by the values of a compound key, each as Postgres writes it.
func Row(key ...string) string {
	if len(key) == 1 {
		return key[0]
	}
	var b strings.Builder
	for _, k := range key {
		fmt.Fprintf(&b, "%d:%s", len(k), k) // the lengths keep ("a", "bc") from ("ab", "c")
	}
	return b.String()
}

// Random gives n random bytes.
func Random(n int) []byte {
	raw := make([]byte, n)
	rand.Read(raw)
	return raw
}
