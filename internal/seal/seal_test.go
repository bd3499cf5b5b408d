package seal_test

import (
	"bytes"
	"testing"

	"chasqui/internal/seal"
)

func TestSealedTextsOpenInTheirPlaceOnly(t *testing.T) {
	t.Parallel()
	box, err := seal.New(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	other, err := seal.New(bytes.Repeat([]byte{8}, 32))
	if err != nil {
		t.Fatal(err)
	}
	place := seal.Place("table", "column", "row", "org")
	sealed := box.Seal(place, []byte("secret"))
	if plain, err := box.Open(place, sealed); err != nil || string(plain) != "secret" {
		t.Errorf("opened %q, %v", plain, err)
	}
	changed := bytes.Clone(sealed)
	changed[len(changed)-1] ^= 1
	for name, open := range map[string]func() ([]byte, error){
		"another row":     func() ([]byte, error) { return box.Open(seal.Place("table", "column", "row2", "org"), sealed) },
		"another key":     func() ([]byte, error) { return other.Open(place, sealed) },
		"changed":         func() ([]byte, error) { return box.Open(place, changed) },
		"empty":           func() ([]byte, error) { return box.Open(place, nil) },
		"another version": func() ([]byte, error) { return box.Open(place, append([]byte{9}, sealed[1:]...)) },
	} {
		if plain, err := open(); err == nil {
			t.Errorf("%s: opened %q", name, plain)
		}
	}
	if bytes.Equal(sealed, box.Seal(place, []byte("secret"))) {
		t.Error("the same text is sealed the same twice")
	}
}
