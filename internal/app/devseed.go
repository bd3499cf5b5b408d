package app

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"chasqui/internal/account"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// The org that the first run makes.
const (
	devOrg   = "Development"
	devEmail = "dev@chasqui.local"
)

// devInfo is .run/dev.json: what people and scripts need to use a running
// platform.
type devInfo struct {
	APIURL       string `json:"api_url"`
	DashboardURL string `json:"dashboard_url"`
	SetUpURL     string `json:"setup_url,omitempty"` // while there is no org
	Email        string `json:"email"`
	Password     string `json:"password"`
	APIKey       string `json:"api_key"`
	CameraKey    string `json:"camera_key,omitempty"` // where there is no other: what the pocket phone sees codes by
	OperatorKey  string `json:"operator_key"`
	WhatsimURL   string `json:"whatsim_url"`
}

// place is the folder that keeps what must outlive a run.
type place struct{ dir string }

func (p place) infoPath() string { return filepath.Join(p.dir, "dev.json") }

// writeInfo keeps it for this user alone: there is a key in it.
func (p place) writeInfo(info devInfo) error {
	raw, err := json.MarshalIndent(info, "", "  ") //nolint:gosec // handing out the first login is what the file is for
	if err != nil {
		return err
	}
	next := p.infoPath() + ".new"
	if err := os.WriteFile(next, append(raw, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(next, p.infoPath())
}

// forCommands are the settings that the operator's commands ask for.
var forCommands = []string{"DATABASE_URL", "REDIS_URL", "CHASQUI_MASTER_KEY_FILE", "CHASQUI_ENV"} //nolint:gochecknoglobals // a table

// writeEnvironment keeps what a shell needs for the operator's commands, for
// this user alone. A master key that was given by itself stays with its giver.
func (p place) writeEnvironment(environ map[string]string) error {
	var b strings.Builder
	for _, name := range forCommands {
		if value := environ[name]; value != "" {
			fmt.Fprintf(&b, "export %s='%s'\n", name, strings.ReplaceAll(value, "'", `'\''`))
		}
	}
	return os.WriteFile(filepath.Join(p.dir, "env"), []byte(b.String()), 0o600)
}

// readInfo gives what an earlier run wrote, or nothing.
func (p place) readInfo() (devInfo, error) {
	var info devInfo
	raw, err := os.ReadFile(p.infoPath())
	if errors.Is(err, os.ErrNotExist) {
		return info, nil
	}
	if err != nil {
		return info, err
	}
	if err := json.Unmarshal(raw, &info); err != nil {
		return info, fmt.Errorf("%s cannot be read; remove it, and a new key is made: %w", p.infoPath(), err)
	}
	return info, nil
}

// masterKey gives the path of the key that this folder's data is kept under,
// and makes it on the first run.
func (p place) masterKey() (string, error) {
	path, err := filepath.Abs(filepath.Join(p.dir, "master.key"))
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err == nil || !errors.Is(err, os.ErrNotExist) {
		return path, err
	}
	key := make([]byte, masterKeyLen)
	rand.Read(key) // never fails: it ends the program when the system has no randomness
	return path, os.WriteFile(path, []byte(base64.StdEncoding.EncodeToString(key)+"\n"), 0o600)
}

// seed gives a key that opens the API: that of the last run, or on the first
// run that of a new org. Without the old key's text the org gets another one,
// so that its numbers are not lost with a file.
func (r *devRun) seed(ctx context.Context, cfg Config) (devInfo, error) {
	info, err := r.readInfo()
	if err != nil {
		return info, err
	}
	lastCamera := info.CameraKey
	info = devInfo{Email: info.Email, Password: info.Password, APIKey: info.APIKey, OperatorKey: info.OperatorKey}
	db, err := store.Open(ctx, store.Options{URL: cfg.DatabaseURL.Reveal(), MaxConns: 2, Name: "dev"})
	if err != nil {
		return info, err
	}
	defer db.Close()
	accounts, err := openAccounts(ctx, cfg, db)
	if err != nil {
		return info, err
	}
	if info.OperatorKey, err = devOperatorKey(ctx, accounts, info.OperatorKey); err != nil {
		return info, err
	}
	if _, err := accounts.Authenticate(ctx, wa.NewSecret(info.APIKey)); err == nil || wa.CodeOf(err) != wa.Unauthorized {
		return info, err
	}
	if r.Empty {
		info.CameraKey = lastCamera
		info.SetUpURL, err = emptySetUp(ctx, accounts)
		return info, err
	}
	made, err := accounts.Bootstrap(ctx, devOrg, devEmail)
	if err == nil {
		info.Email, info.Password, info.APIKey = made.Email, made.Password.Reveal(), made.APIKey.Reveal()
		return info, nil
	}
	if wa.CodeOf(err) != wa.Conflict {
		return info, err
	}
	info.Email = devEmail
	info.APIKey, err = newDevKey(ctx, db, accounts)
	return info, err
}

// emptySetUp is where, below the address of the dashboard, the first org is
// made; empty when there is one.
func emptySetUp(ctx context.Context, accounts *account.Service) (string, error) {
	needed, err := accounts.SetUpNeeded(ctx)
	if err != nil || !needed {
		return "", err
	}
	link, err := accounts.SetUpLink(ctx, "")
	return link.Reveal(), err
}

// devOperator is who looks after the queues of a machine of one's own.
const devOperator = "make run"

// devOperatorKey gives a key that opens the queues page: that of the last run,
// if it still does.
func devOperatorKey(ctx context.Context, accounts *account.Service, last string) (string, error) {
	if _, err := accounts.AuthenticateOperator(ctx, wa.NewSecret(last)); err == nil || wa.CodeOf(err) != wa.Unauthorized {
		return last, err
	}
	_, text, err := accounts.CreateOperator(ctx, devOperator)
	if wa.CodeOf(err) == wa.Conflict {
		text, err = accounts.RenewOperator(ctx, devOperator)
	}
	return text.Reveal(), err
}

func newDevKey(ctx context.Context, db *store.DB, accounts *account.Service) (string, error) {
	var org wa.Org
	err := db.InTx(ctx, func(tx *store.Tx) (err error) {
		org, err = tx.OrgByName(ctx, devOrg)
		return err
	})
	if err != nil {
		return "", err
	}
	_, text, err := accounts.CreateKey(ctx, org.ID, "make run", []wa.Permission{wa.Everything})
	return text.Reveal(), err
}

// tour prints where everything is, and what to type to see a message arrive.
func tour(w io.Writer, info devInfo) error {
	phones, variable, pairing, answer := "none: this is WhatsApp itself", "", tourReal, "\n"
	if info.WhatsimURL != "" {
		phones, variable = info.WhatsimURL+"   (the simulated phones: scan the code, read and answer)", "PHONES="+info.WhatsimURL+"\n"
		pairing, answer = tourSim, tourAnswer
	}
	text := tourHead + pairing + tourSend + answer
	switch {
	case info.SetUpURL != "":
		text = tourEmpty
	case info.APIKey == "": // it was set up in a browser: sign-in and keys are known to who did it
		text = tourOwn
	}
	for name, value := range map[string]string{
		"{api}": info.APIURL, "{dashboard}": info.DashboardURL, "{email}": info.Email, "{password}": info.Password,
		"{setup}": info.SetUpURL, "{key}": info.APIKey, "{operator}": info.OperatorKey, "{variable}": variable, "{phones}": phones,
	} {
		text = strings.ReplaceAll(text, name, value)
	}
	_, err := io.WriteString(w, text)
	return err
}

const tourHead = `
chasqui is running.

  Dashboard     {dashboard}
  Sign in       {email}   {password}
  Pocket phone  {phones}

  API           {api}   (described at {api}/api/openapi.json)
  API key       {key}
  Queues        {api}/admin/queues   (the password is {operator})

These are in .run/dev.json too. Ctrl-C stops everything; the data stays. For the operator's commands (bin/chasqui --help): . .run/env
Paste into another terminal:

API={api}
KEY={key}
{variable}
# Add a number (the API calls it a client), and start linking it with a phone:
CLIENT=$(curl -s $API/api/v1/clients -H "X-API-Key: $KEY" --json '{"name": "Sales", "provider": "whatsmeow"}' | grep -o 'cli_[0-9a-z]*' | head -1)
curl -s $API/api/v1/clients/$CLIENT/pair -H "X-API-Key: $KEY" --json '{"method": "qr"}'
`

const tourEmpty = `
chasqui is running, and nobody has set it up yet.

  Set up        {setup}
  Pocket phone  {phones}

`

const tourOwn = `
chasqui is running.

  Dashboard     {dashboard}
  Pocket phone  {phones}

`

const tourSim = `
# See what a phone scans, and let a simulated phone scan it:
curl -s $API/api/v1/clients/$CLIENT/qr -H "X-API-Key: $KEY" -H 'Accept: text/plain'
QR=$(curl -s "$API/api/v1/clients/$CLIENT/qr?raw=true" -H "X-API-Key: $KEY" -H 'Accept: text/plain')
curl -s $PHONES/scan --json "{\"qr\": \"$QR\", \"phone\": \"5511912345678\"}"
`

const tourReal = `
# Scan this with your phone, in WhatsApp under Linked devices. It changes every 20 seconds: ask again.
curl -s $API/api/v1/clients/$CLIENT/qr -H "X-API-Key: $KEY" -H 'Accept: text/plain'
`

const tourSend = `
# Send. The answer comes at once:
MESSAGE=$(curl -s $API/api/v1/clients/$CLIENT/messages -H "X-API-Key: $KEY" --json '{"to": "+5511987654321", "type": "text", "text": {"body": "Hello"}}' | grep -o 'msg_[0-9a-z]*' | head -1)

# Watch it become queued, sending, sent, delivered and read:
curl -s $API/api/v1/messages/$MESSAGE/timeline -H "X-API-Key: $KEY"
`

const tourAnswer = `
# Answer from the phone that got it:
curl -s $PHONES/write --json '{"from": "5511987654321", "to": "5511912345678", "text": "Hi there"}'

`
