package webhook

import "time"

// Sign makes the header of signatures under some keys.
func Sign(raw [][]byte, id string, at time.Time, body []byte) string {
	keys := make([]key, len(raw))
	for i := range raw {
		keys[i].raw = raw[i]
	}
	return sign(keys, id, at, body)
}
