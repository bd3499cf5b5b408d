package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"chasqui/internal/testkit"
)

// Nobody has set the platform up: once somebody has, the pocket phone scans by a
// click, by a key that opens nothing else, and does so in the next run, too.
func TestDevEmptyLetsThePocketPhoneScan(t *testing.T) {
	t.Parallel()
	bin, dir := programs(t), t.TempDir()
	d := startDevUntil(t, bin, dir, "nobody has set it up yet", "--empty")
	if d.info.APIKey != "" || d.info.Camera != "" {
		t.Fatalf("without an organisation there is a key: %+v", d.info)
	}
	_, token, _ := strings.Cut(d.info.SetUp, "#token=")
	body := fmt.Sprintf(`{"token": %q, "organisation": "Llama Travel", "name": "Rosa", "email": "rosa@example.com", "password": "seven quiet llamas"}`, token)
	in := as(t, "", "POST", d.info.APIURL+"/api/v1/setup", body, http.StatusOK)
	access := fmt.Sprint(in["access_token"])
	testkit.Eventually(t, devPatience, "a key for the camera", func() bool {
		d.readInfo(dir)
		return d.info.Camera != ""
	})
	if d.info.SetUp != "" {
		t.Error("dev.json still names the link to set up")
	}
	d.scanNew(access, "5511912345611")
	for path, want := range map[string]int{"/api/v1/clients": http.StatusOK, "/api/v1/messages": http.StatusForbidden, "/api/v1/api-keys": http.StatusForbidden, "/api/v1/users": http.StatusForbidden} {
		if got, answer := do(t, "GET", d.info.APIURL+path, d.info.Camera, ""); got != want {
			t.Errorf("the camera's key at %s: %d %s", path, got, answer)
		}
	}
	camera := d.info.Camera
	d.stop()

	d = startDevUntil(t, bin, dir, "chasqui is running", "--empty")
	if d.info.Camera != camera || d.info.SetUp != "" {
		t.Errorf("the next run holds %+v", d.info)
	}
	d.stop()
}

// scanNew adds a number as somebody who is signed in, and links it by a click on
// the pocket phone.
func (d *devRun) scanNew(access, phone string) {
	d.t.Helper()
	clients := d.info.APIURL + "/api/v1/clients"
	id := fmt.Sprint(as(d.t, access, "POST", clients, `{"name": "Support"}`, http.StatusCreated)["id"])
	as(d.t, access, "POST", clients+"/"+id+"/pair", `{"method": "qr"}`, http.StatusAccepted)
	testkit.Eventually(d.t, devPatience, "the camera sees the code", func() bool {
		_, seen := do(d.t, "GET", d.info.Whatsim+"/camera", "", "")
		return strings.Contains(seen, id)
	})
	if status, said := do(d.t, "POST", d.info.Whatsim+"/camera/scan", "", fmt.Sprintf(`{"client": %q, "phone": %q}`, id, phone)); status != http.StatusOK {
		d.t.Fatalf("scan: %d %s", status, said)
	}
	testkit.Eventually(d.t, devPatience, "the number is online", func() bool {
		return as(d.t, access, "GET", clients+"/"+id, "", http.StatusOK)["status"] == "connected"
	})
}
