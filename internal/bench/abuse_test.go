package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"

	"chasqui/internal/wa"
)

// abuseVariable holds what an abuser is told.
const abuseVariable = "CHASQUI_BENCH_ABUSE"

// abuser is somebody with a good key and bad manners.
type abuser struct {
	API, Key string
	Clients  []wa.ClientID
	Only     string // names of offences; "" is all
}

// offence is one thing that is asked over and over, of one number after the
// other where the path has room for one.
type offence struct {
	name         string
	conns        int
	method, path string
	body         []byte
	key          string
}

// offences are what one org can do to a platform that takes it at its word: as
// many texts as go through, batches, the widest pages and figures, then
// bodies that are deep or large, and keys that do not exist.
func (a abuser) offences() []offence {
	const messages = "/clients/%s/messages"
	one, _ := json.Marshal(text(recipient(0), body, wa.Normal)) // plain data
	many := make([]draft, wa.MaxBatch)
	for i := range many {
		many[i] = text(recipient(i), body, wa.Normal)
	}
	batch, _ := json.Marshal(map[string]any{"messages": many}) // plain data
	deep := slices.Concat([]byte(`{"to":`), bytes.Repeat([]byte("["), 30_000), []byte("}"))
	large := bytes.Repeat([]byte(" "), 8<<20)
	return []offence{
		{"texts", 32, http.MethodPost, messages, one, a.Key},
		{"batches", 4, http.MethodPost, messages + "/batch", batch, a.Key},
		{"pages", 8, http.MethodGet, "/messages?limit=200", nil, a.Key},
		{"figures", 4, http.MethodGet, "/analytics/messages", nil, a.Key},
		{"deep", 2, http.MethodPost, messages, deep, a.Key},
		{"large", 2, http.MethodPost, messages, large, a.Key},
		{"strangers", 4, http.MethodGet, "/clients", nil, "sk_chq_nobody"},
	}
}

// abuse asks until it is ended, and then says how it was answered.
func abuse(ctx context.Context) error {
	var a abuser
	if err := json.Unmarshal([]byte(os.Getenv(abuseVariable)), &a); err != nil {
		return err
	}
	var crew sync.WaitGroup
	var mu sync.Mutex
	answers := map[string]map[int]int{}
	web := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
	fmt.Println("begun")
	for _, o := range a.offences() {
		if a.Only != "" && !strings.Contains(a.Only, o.name) {
			continue
		}
		answers[o.name] = map[int]int{}
		for range o.conns {
			crew.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					status := a.offend(ctx, web, o, a.Clients[n%len(a.Clients)])
					mu.Lock()
					answers[o.name][status]++
					mu.Unlock()
				}
			})
		}
	}
	<-ctx.Done()
	crew.Wait()
	fmt.Println(answers)
	return nil
}

// offend asks once; 0 is no answer.
func (a abuser) offend(ctx context.Context, web *http.Client, o offence, client wa.ClientID) int {
	path := strings.Replace(o.path, "%s", client.String(), 1)
	req, err := http.NewRequestWithContext(ctx, o.method, a.API+"/api/v1"+path, bytes.NewReader(o.body))
	if err != nil {
		return 0
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-API-Key", o.key)
	res, err := web.Do(req)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body) // the status is what counts
	return res.StatusCode
}
