package seal

import "chasqui/internal/wa"

// KeyCount is how many keys a data key holds.
func KeyCount(k *Keyring, row wa.DataKey) (int, error) {
	h, err := k.open(row)
	if err != nil {
		return 0, err
	}
	return h.Len(), nil
}

// Prefix is how texts begin that are sealed now.
func Prefix(k *Keyring, row wa.DataKey) ([]byte, error) {
	b, err := k.box(row)
	if err != nil {
		return nil, err
	}
	return b.prefix(), nil
}
