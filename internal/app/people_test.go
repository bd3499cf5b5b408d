package app_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"mime/quotedprintable"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// letterbox is a mail server; it gives what it was sent, as text.
func letterbox(t *testing.T) (addr string, mails chan string) {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	mails = make(chan string, 8)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go takeMail(c, mails)
		}
	}()
	return l.Addr().String(), mails
}

func takeMail(c net.Conn, mails chan<- string) {
	defer c.Close()
	r := bufio.NewReader(c)
	_, _ = fmt.Fprint(c, "220 here\r\n")
	var body strings.Builder
	for inside := false; ; {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch {
		case inside && line == ".\r\n":
			inside = false
			_, text, _ := strings.Cut(body.String(), "\r\n\r\n")
			raw, _ := io.ReadAll(quotedprintable.NewReader(strings.NewReader(text)))
			mails <- string(raw)
		case inside:
			body.WriteString(line)
			continue
		case strings.HasPrefix(line, "DATA"):
			inside = true
			body.Reset()
			_, _ = fmt.Fprint(c, "354 go on\r\n")
			continue
		}
		_, _ = fmt.Fprint(c, "250 ok\r\n")
	}
}

// as sends a request with an access token and reads what comes back.
func as(t *testing.T, token, method, url, body string, want int) map[string]any {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != want {
		t.Fatalf("%s %s: %d %s (%v)", method, url, res.StatusCode, raw, err)
	}
	got := map[string]any{}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
	}
	return got
}

// Somebody is invited by a real mail, sets up a second factor under a real
// key, and has a code sent by one of the org's clients.
func TestPeopleInTheProgram(t *testing.T) {
	t.Parallel()
	smtp, mails := letterbox(t)
	r := serveAPI(t, "SMTP_URL=smtp://"+smtp+"?tls=none", "MAIL_FROM=chasqui <no-reply@example.com>", "PUBLIC_URL=http://chasqui.example")
	by, err := r.Accounts.Authenticate(t.Context(), wa.NewSecret(r.key))
	if err != nil {
		t.Fatal(err)
	}
	_, password, err := r.Accounts.AddUser(t.Context(), by.Org, "ana@example.com", "Ana", wa.Admin)
	if err != nil {
		t.Fatal(err)
	}
	v1 := r.base + "/api/v1"
	signIn := fmt.Sprintf(`{"email":"ana@example.com","password":%q}`, password.Reveal())
	ana, _ := as(t, "", "POST", v1+"/auth/sign-in", signIn, 200)["access_token"].(string)
	if made := as(t, ana, "POST", v1+"/invitations", `{"email":"bob@example.com","role":"agent"}`, 201); made["mailed"] != true || made["link"] != nil {
		t.Errorf("%v", made)
	}
	var mail string
	select {
	case mail = <-mails:
	case <-time.After(patience):
		t.Fatal("no mail came")
	}
	token := regexp.MustCompile(`http://chasqui\.example/invitation#token=(\S+)`).FindStringSubmatch(mail)
	if token == nil || !strings.Contains(mail, "ana@example.com invites you to join Acme") {
		t.Fatalf("the mail: %s", mail)
	}
	accept := fmt.Sprintf(`{"token":%q,"name":"Bob","password":"seven green kettles hum"}`, token[1])
	bob, _ := as(t, "", "POST", v1+"/auth/accept-invitation", accept, 201)["access_token"].(string)

	secret, _ := as(t, bob, "POST", v1+"/me/totp", "", 201)["secret"].(string)
	code, err := totp.GenerateCode(secret, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	as(t, bob, "POST", v1+"/me/totp/confirm", fmt.Sprintf(`{"code":%q}`, code), 200)

	client := testkit.Client(t, r.DB, by.Org)
	as(t, ana, "PATCH", v1+"/org", fmt.Sprintf(`{"sign_in":{"code_client":%q}}`, client.ID), 200)
	as(t, bob, "POST", v1+"/me/phone", `{"phone":"+55 11 98765-4321"}`, 202)
	if _, raw := do(t, "GET", v1+"/messages", r.key, ""); !strings.Contains(raw, `"lane":"urgent"`) || strings.Contains(raw, "is your code") {
		t.Errorf("what the API shows of a code: %s", raw)
	}
	as(t, bob, "POST", v1+"/me/phone/confirm", fmt.Sprintf(`{"code":%q}`, codeUnderWay(t, r, client)), 204)
	asked := as(t, "", "POST", v1+"/auth/sign-in", `{"email":"bob@example.com","password":"seven green kettles hum"}`, 200)
	if got := fmt.Sprint(asked["second_factor"]); !strings.Contains(got, "[totp recovery_code whatsapp]") {
		t.Errorf("asked: %v", asked)
	}
}

// codeUnderWay is the code in the one message that waits for a client, as the
// line that would send it reads it.
func codeUnderWay(t *testing.T, r running, client wa.Client) string {
	t.Helper()
	var m store.Claimed
	err := r.DB.InOrg(t.Context(), client.OrgID, func(tx *store.Tx) (err error) {
		m, err = tx.Claim(t.Context(), client.OrgID, client.ID, 0, wa.Lanes(), false)
		return err
	})
	if err != nil || m.Text == nil {
		t.Fatalf("%+v, %v", m.Message, err)
	}
	code, _, _ := strings.Cut(m.Text.Body, " is your code")
	return code
}
