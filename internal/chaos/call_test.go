//go:build chaos

package chaos_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"chasqui/internal/testkit"
)

// call makes one request with an org's key, at one api after the other until
// one answers with less than a 500, and decodes the answer.
func (r *rig) call(o *org, method, path string, body, into any) (status int) {
	r.t.Helper()
	raw, err := json.Marshal(body)
	r.must(err)
	var answer []byte
	try := 0
	testkit.Eventually(r.t, 20*time.Second, "an answer to "+method+" "+path, func() bool {
		try++
		status, answer = r.ask(o, method, r.apiURLs[try%len(r.apiURLs)]+path, raw)
		return status != 0 && status < 500
	})
	if into != nil && status < 300 {
		r.must(json.Unmarshal(answer, into))
	}
	return status
}

// ask makes a request; 0 for no answer.
func (r *rig) ask(o *org, method, url string, body []byte) (int, []byte) {
	ctx, cancel := context.WithTimeout(r.t.Context(), 5*time.Second)
	defer cancel()
	var content io.Reader
	if method != http.MethodGet {
		content = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, content)
	r.must(err)
	req.Header.Set("Authorization", "Bearer "+o.key.Reveal())
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, nil
	}
	return res.StatusCode, raw
}
