package account

import (
	"bufio"
	"crypto/sha1" //nolint:gosec // the lists are made of it; it guards nothing
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Breached are passwords that were stolen elsewhere: who tries to get in begins
// with them, however good they look. Eight bytes are kept of each.
type Breached struct{ sums []uint64 }

// ReadBreached reads a list, a password on each line: as it is, or as the SHA-1
// in hexadecimal, with or without a colon and a count after it, as public lists
// have them. It fails with what reading fails with.
func ReadBreached(r io.Reader) (*Breached, error) {
	b := &Breached{}
	for lines := bufio.NewScanner(r); ; {
		if !lines.Scan() {
			slices.Sort(b.sums)
			b.sums = slices.Clip(slices.Compact(b.sums))
			return b, lines.Err()
		}
		if line := strings.TrimRight(lines.Text(), "\r"); line != "" {
			b.sums = append(b.sums, sumOfLine(line))
		}
	}
}

// Has reports whether a password is on the list.
func (b *Breached) Has(password string) bool {
	if b == nil {
		return false
	}
	_, found := slices.BinarySearch(b.sums, sumOf(password))
	return found
}

// String tells how many there are, and none of them.
func (b *Breached) String() string { return fmt.Sprintf("%d passwords", len(b.sums)) }

func sumOfLine(line string) uint64 {
	digits, _, _ := strings.Cut(line, ":")
	if raw, err := hex.DecodeString(digits); err == nil && len(raw) == sha1.Size {
		return binary.BigEndian.Uint64(raw)
	}
	return sumOf(line)
}

func sumOf(password string) uint64 {
	sum := sha1.Sum([]byte(password)) //nolint:gosec // as above
	return binary.BigEndian.Uint64(sum[:])
}
