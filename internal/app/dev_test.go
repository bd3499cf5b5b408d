package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"chasqui/internal/testkit"
)

const devPatience = 60 * time.Second

// devRun is a running chasqui dev.
type devRun struct {
	t    *testing.T
	cmd  *exec.Cmd
	out  *output
	info devFacts
}

// devFacts is what dev.json holds.
type devFacts struct {
	APIURL   string `json:"api_url"`
	Board    string `json:"dashboard_url"`
	Email    string `json:"email"`
	Password string `json:"password"`
	APIKey   string `json:"api_key"`
	Whatsim  string `json:"whatsim_url"`
	SetUp    string `json:"setup_url"`
	Camera   string `json:"camera_key"`
}

// startDev starts everything, with services of its own and data in dir.
func startDev(t *testing.T, bin, dir string) *devRun {
	t.Helper()
	return startDevUntil(t, bin, dir, "/timeline")
}

// startDevUntil starts everything as more arguments say, and waits for a piece of
// the tour.
func startDevUntil(t *testing.T, bin, dir, piece string, more ...string) *devRun {
	t.Helper()
	args := append([]string{"dev", "--dir", dir}, more...)
	cmd, out := process(t, filepath.Join(bin, "chasqui"), []string{"DATABASE_URL=", "REDIS_URL=", "NO_COLOR=1"}, args...)
	d := &devRun{t: t, cmd: cmd, out: out}
	testkit.Eventually(t, devPatience, "the tour", func() bool { return strings.Contains(out.String(), piece) })
	d.readInfo(dir)
	return d
}

// readInfo reads what the run tells of itself.
func (d *devRun) readInfo(dir string) {
	d.t.Helper()
	t := d.t
	d.info = devFacts{}
	path := filepath.Join(dir, "dev.json")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &d.info); err != nil {
		t.Fatal(err)
	}
	if s, err := os.Stat(path); err != nil || s.Mode().Perm() != 0o600 {
		t.Errorf("dev.json is readable for others: %v %v", s.Mode(), err)
	}
}

// stop presses Ctrl-C.
func (d *devRun) stop() {
	d.t.Helper()
	_ = d.cmd.Process.Signal(syscall.SIGINT)
	if err := d.cmd.Wait(); err != nil {
		d.t.Errorf("chasqui dev ended with %v:\n%s", err, d.out)
	}
}

// call asks the API and reads one field of the answer.
func (d *devRun) call(method, path, body, field string) string {
	d.t.Helper()
	status, answer := do(d.t, method, d.info.APIURL+"/api/v1"+path, d.info.APIKey, body)
	var fields map[string]any
	if status >= 300 || json.Unmarshal([]byte(answer), &fields) != nil {
		d.t.Logf("%s %s: %d %s", method, path, status, answer)
		return ""
	}
	return fmt.Sprint(fields[field])
}

// pair links a new client with a simulated phone and gives its id.
func (d *devRun) pair(phone string) string {
	d.t.Helper()
	id := d.call("POST", "/clients", `{"name": "Sales", "provider": "whatsmeow"}`, "id")
	d.call("POST", "/clients/"+id+"/pair", `{"method": "qr"}`, "id")
	d.call("GET", "/clients/"+id+"/qr", "", "qr") // waits until there is one
	status, body := do(d.t, "POST", d.info.Whatsim+"/camera/scan", "", fmt.Sprintf(`{"client": %q, "phone": %q}`, id, phone))
	if status != http.StatusOK {
		d.t.Fatalf("scan: %d %s", status, body)
	}
	d.awaitField("/clients/"+id, "status", "connected")
	return id
}

func (d *devRun) awaitField(path, field, want string) {
	d.t.Helper()
	testkit.Eventually(d.t, devPatience, path+" "+want, func() bool { return d.call("GET", path, "", field) == want })
}

// send posts a text and waits until the phone has read it.
func (d *devRun) send(client, body string) {
	d.t.Helper()
	message := d.call("POST", "/clients/"+client+"/messages", fmt.Sprintf(`{"to": "+5511987654321", "type": "text", "text": {"body": %q}}`, body), "id")
	d.awaitField("/messages/"+message, "status", "read")
}

// answer writes from a simulated phone to a number, and waits until the number
// has it.
func (d *devRun) answer(from, to string) {
	d.t.Helper()
	status, body := do(d.t, "POST", d.info.Whatsim+"/write", "", fmt.Sprintf(`{"from": %q, "to": %q, "text": "Hi there"}`, from, to))
	if status != http.StatusOK {
		d.t.Fatalf("write: %d %s", status, body)
	}
	testkit.Eventually(d.t, devPatience, "the answer arrives", func() bool {
		_, all := do(d.t, "GET", d.info.APIURL+"/api/v1/events?types=message.received", d.info.APIKey, "")
		return strings.Contains(all, "Hi there")
	})
}

// What a new user does, twice: the second run goes on where the first stopped.
func TestDevFromNothingToReadTwice(t *testing.T) {
	t.Parallel()
	bin, dir := programs(t), t.TempDir()
	d := startDev(t, bin, dir)
	if d.info.APIKey == "" || d.info.Password == "" || d.info.Email == "" || d.info.Board != d.info.APIURL {
		t.Fatalf("dev.json holds %+v", d.info)
	}
	for _, line := range []string{"\nPHONES=" + d.info.Whatsim + "\n", "\ncurl -s $PHONES/scan ", "\ncurl -s $PHONES/write "} {
		testkit.Eventually(t, devPatience, "the tour has "+line, func() bool { return strings.Contains(d.out.String(), line) })
	}
	verify := exec.CommandContext(t.Context(), "sh", "-c", `. "$1/env" && "$2/chasqui" verify-audit`, "sh", dir, bin)
	if said, err := verify.CombinedOutput(); err != nil {
		t.Errorf("a command with the settings of the file env: %v\n%s", err, said)
	}
	if !strings.Contains(d.out.String(), "Pocket phone  "+d.info.Whatsim) {
		t.Errorf("the tour does not name the pocket phone:\n%s", d.out)
	}
	client := d.pair("5511912345678")
	d.send(client, "Hello")
	d.answer("5511987654321", "5511912345678")
	first := d.info
	d.stop()

	d = startDev(t, bin, dir)
	if d.info.APIKey != first.APIKey || d.info.Password != first.Password {
		t.Error("the second run has another key")
	}
	d.awaitField("/clients/"+client, "status", "connected")
	d.send(client, "Hello again")
	d.stop()
	checkOutput(t, d.out.String())
}

// checkOutput looks for what people need and for what must not be there.
func checkOutput(t *testing.T, out string) {
	t.Helper()
	for _, line := range []string{"chasqui   | ", "api       | ", "worker    | ", "scheduler | ", "stopped; the data stays"} {
		if !strings.Contains(out, line) {
			t.Errorf("the output lacks %q", line)
		}
	}
	for line := range strings.Lines(out) {
		logged := regexp.MustCompile(`^[a-z]+ +\| `).MatchString(line)
		if logged && (strings.Contains(line, "Hello") || strings.Contains(line, "5511987654321") || strings.Contains(line, "sk_chq_")) {
			t.Errorf("the log shows what it must not: %s", line)
		}
	}
	if order := regexp.MustCompile(`(?s)stopped program=scheduler.*stopped program=worker.*stopped program=api`); !order.MatchString(out) {
		t.Errorf("the programs did not stop in order:\n%s", out)
	}
}

// A program that dies takes the run down, and says why.
func TestDevEndsWithAProgram(t *testing.T) {
	t.Parallel()
	bin, dir := programs(t), t.TempDir()
	if err := os.Remove(filepath.Join(bin, "worker")); err != nil {
		t.Fatal(err)
	}
	dying := "#!/bin/sh\necho 'the last words'\nexit 3\n"
	if err := os.WriteFile(filepath.Join(bin, "worker"), []byte(dying), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd, out := process(t, filepath.Join(bin, "chasqui"),
		[]string{"DATABASE_URL=" + migrated(t), "REDIS_URL=" + redisURL(t)}, "dev", "--dir", dir)
	err := cmd.Wait()
	said := out.String()
	if err == nil || strings.Count(said, "worker: exit status 3; its last lines:\nthe last words") != 1 || strings.Contains(said, "stop worker") {
		t.Errorf("it ended with %v:\n%s", err, said)
	}
}
