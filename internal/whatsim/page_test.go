package whatsim_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.mau.fi/whatsmeow/types/events"

	"chasqui/internal/whatsim"
)

func fetch(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(raw)
}

// TestPageKeepsItsPolicy: everything that the page is made of is served, under a
// policy that lets nothing else run, and holds nothing that the policy forbids.
func TestPageKeepsItsPolicy(t *testing.T) {
	t.Parallel()
	sim := startSim(t, whatsim.Options{})
	_, page := fetch(t, sim.ControlURL()+"/")
	files := regexp.MustCompile(`(?:src|href)="(/page/[^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(files) < 3 {
		t.Fatalf("the page names %d files:\n%s", len(files), page)
	}
	paths := []string{"/"}
	for _, f := range files {
		paths = append(paths, f[1])
	}
	seen := map[string]bool{}
	for len(paths) > 0 {
		path := paths[0]
		if paths = paths[1:]; seen[path] {
			continue
		}
		seen[path] = true
		res, text := fetch(t, sim.ControlURL()+path)
		policy := res.Header.Get("Content-Security-Policy")
		if res.StatusCode != http.StatusOK || !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || res.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d under %q", path, res.StatusCode, policy)
		}
		for _, bad := range []string{"innerHTML", "insertAdjacentHTML", "document.write", "eval(", "<style", "style=\"", "onclick=\"", "https://", "outerHTML"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s holds %q", path, bad)
			}
		}
		for _, m := range regexp.MustCompile(`from "\./([a-z]+\.js)"`).FindAllStringSubmatch(text, -1) {
			paths = append(paths, "/page/"+m[1])
		}
	}
	if len(seen) < 9 {
		t.Errorf("the page is made of %d files: %v", len(seen), seen)
	}
	if res, _ := fetch(t, sim.ControlURL()+"/page/../control.go"); res.StatusCode != http.StatusNotFound {
		t.Errorf("a file that is no part of the page: %d", res.StatusCode)
	}
}

func viewOf(t *testing.T, sim *whatsim.Server, query string) (v whatsim.View) {
	t.Helper()
	mustCall(t, sim, "GET", "/view?"+query, "", &v)
	return v
}

// TestViewOfAPhone: hostile words arrive as they were written, in JSON, and
// whoever waits for news gets them.
func TestViewOfAPhone(t *testing.T) {
	t.Parallel()
	sim := startSim(t, whatsim.Options{})
	const ana, shop, hostile = "15550002611", "15550001611", `<script>alert("x")</script>`
	mustCall(t, sim, "POST", "/phones", `{"number":"`+ana+`","name":"<b>Ana</b>"}`, nil)
	before := viewOf(t, sim, "phone="+ana+"&after=-1")
	if len(before.Phones) != 1 || before.Phones[0].Name != "<b>Ana</b>" || len(before.Messages) != 0 {
		t.Errorf("a new phone: %+v", before)
	}
	news := make(chan whatsim.View)
	go func() {
		var v whatsim.View
		res, err := http.Get(sim.ControlURL() + "/view?phone=" + ana + "&after=" + jsonOf(before.Seq))
		if err == nil {
			err = json.NewDecoder(res.Body).Decode(&v)
			res.Body.Close()
		}
		if err != nil {
			t.Error(err)
		}
		news <- v
	}()
	mustWrite(t, sim, shop, ana, hostile)
	got := <-news
	if len(got.Messages) != 1 || got.Messages[0].Text != hostile || got.Seq <= before.Seq {
		t.Errorf("the news: %+v", got)
	}
	for _, p := range got.Phones {
		if unseen := len(p.Got); (p.Number == ana) != (unseen == 1) || p.Last == nil || p.Last.Text != hostile {
			t.Errorf("%s got %d, the last was %+v", p.Number, unseen, p.Last)
		}
	}
	if res, _ := fetch(t, sim.ControlURL()+"/view?phone="+ana+"&after=-1"); res.Header.Get("Content-Type") != "application/json" {
		t.Errorf("the view is %q", res.Header.Get("Content-Type"))
	}
	if other := viewOf(t, sim, "phone=15550009999&after=-1"); len(other.Messages) != 0 {
		t.Errorf("another phone shows %v", other.Messages)
	}
}

func jsonOf(v any) string {
	raw, _ := json.Marshal(v)
	return string(raw)
}

// TestViewTellsWhatHappened: switches that leave no message are seen too, and
// receipts become ticks.
func TestViewTellsWhatHappened(t *testing.T) {
	t.Parallel()
	sim := startSim(t, whatsim.Options{})
	const ana, shop = "15550002612", "15550001612"
	c := paired(t, sim, shop)
	last := viewOf(t, sim, "phone="+ana+"&after=-1")
	if len(last.Happened) == 0 || last.Happened[0].Kind != whatsim.EventWaiting {
		t.Errorf("happened %+v", last.Happened)
	}
	for _, call := range [][3]string{
		{"PUT", "/phones/" + ana, `{"blocked":true}`},
		{"POST", "/rules", `{"action":"ack_error","code":463,"sender":"` + shop + `"}`},
		{"DELETE", "/rules/1", ""},
		{"PUT", "/phones/" + ana, `{}`},
	} {
		mustCall(t, sim, call[0], call[1], call[2], nil)
		now := viewOf(t, sim, "phone="+ana+"&after="+jsonOf(last.Seq))
		if now.Seq <= last.Seq {
			t.Errorf("%v is no news", call)
		}
		last = now
	}
	id := mustWrite(t, sim, ana, shop, "hello")
	await(c, 0, func(m *events.Message) bool { return m.Info.ID == id })
	if _, err := sim.WaitEvents(ctxFor(t), whatsim.EventQuery{Kind: whatsim.EventReceipt, ID: id}, 1); err != nil {
		t.Fatal(err)
	}
	if v := viewOf(t, sim, "phone="+ana+"&after=-1"); v.Ticks[id] != "delivered" {
		t.Errorf("ticks %v", v.Ticks)
	}
}

// screen is a platform that shows the codes of two clients, one of them to
// another WhatsApp than ours.
func screen(t *testing.T, qr string) (camera string) {
	t.Helper()
	platform := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-API-Key") != "key" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		var body any
		switch r.URL.Path {
		case "/api/v1/clients":
			body = map[string]any{"next": nil, "data": []map[string]string{
				{"id": "cli_1", "name": "Sales <b>", "status": "pairing"},
				{"id": "cli_2", "name": "Foreign", "status": "pairing"},
				{"id": "cli_3", "name": "Online", "status": "connected"},
				{"id": "cli_4", "name": "Slow", "status": "pairing"},
			}}
		case "/api/v1/clients/cli_1/qr":
			body = map[string]string{"qr": qr}
		case "/api/v1/clients/cli_2/qr":
			body = map[string]string{"qr": "2@foreign," + strings.Repeat(strings.Repeat("A", 43)+"=,", 3) + "1"}
		default:
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, jsonOf(body))
	}))
	t.Cleanup(platform.Close)
	camera = filepath.Join(t.TempDir(), "dev.json")
	if err := os.WriteFile(camera, []byte(jsonOf(map[string]string{"api_url": platform.URL, "api_key": "key"})), 0o600); err != nil {
		t.Fatal(err)
	}
	return camera
}

// TestCameraScansByAClick: the page learns which clients wait and never the
// code, whose secret goes from the screen to the phone only.
func TestCameraScansByAClick(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "later.json")
	sim := startSim(t, whatsim.Options{Camera: file})
	c := newClient(t, sim, newDevice())
	c.connect()
	qr := await[*events.QR](c, 0, nil).Codes[0]
	var seen struct {
		Codes []whatsim.ShownCode
		Sees  bool
	}
	mustCall(t, sim, "GET", "/camera", "", &seen)
	if seen.Sees || len(seen.Codes) != 0 {
		t.Errorf("without its file the camera sees %+v", seen)
	}
	raw, err := os.ReadFile(screen(t, qr))
	if err == nil {
		err = os.WriteFile(file, raw, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, text := fetch(t, sim.ControlURL()+"/camera")
	if err := json.Unmarshal([]byte(text), &seen); err != nil || !seen.Sees || len(seen.Codes) != 1 || seen.Codes[0].Name != "Sales <b>" {
		t.Errorf("the camera sees %s (%v)", text, err)
	}
	if strings.Contains(text, strings.Split(qr, ",")[3]) || strings.Contains(text, "key") {
		t.Errorf("the page is told too much: %s", text)
	}
	var scanned map[string]string
	mustCall(t, sim, "POST", "/camera/scan", `{"client":"cli_1","phone":""}`, &scanned)
	await[*events.Connected](c, 0, nil)
	if !strings.HasPrefix(scanned["jid"], scanned["phone"]+":1@") || scanned["phone"] == "" {
		t.Errorf("scanned %v", scanned)
	}
	for body, want := range map[string]int{`{"client":"cli_1"}`: 404, `{"client":"cli_4"}`: 404, `{"client":"../x"}`: 404, `{"qr":"x"}`: 400} {
		if got := call(t, sim, "POST", "/camera/scan", body, nil); got != want {
			t.Errorf("scan %s: %d, want %d", body, got, want)
		}
	}
}
