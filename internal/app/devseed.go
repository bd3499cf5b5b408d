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
	Email        string `json:"email"`
	Password     string `json:"password"`
	APIKey       string `json:"api_key"`
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
	info = devInfo{Email: info.Email, Password: info.Password, APIKey: info.APIKey}
	pepper, err := cfg.Pepper()
	if err != nil {
		return info, err
	}
	db, err := store.Open(ctx, store.Options{URL: cfg.DatabaseURL.Reveal(), MaxConns: 2, Name: "dev"})
	if err != nil {
		return info, err
	}
	defer db.Close()
	accounts := account.New(db, pepper)
	if _, err := accounts.Authenticate(ctx, wa.NewSecret(info.APIKey)); err == nil || wa.CodeOf(err) != wa.Unauthorized {
		return info, err
	}
	made, err := accounts.Bootstrap(ctx, devOrg, devEmail)
	if err == nil {
		return devInfo{Email: made.Email, Password: made.Password.Reveal(), APIKey: made.APIKey.Reveal()}, nil
	}
	if wa.CodeOf(err) != wa.Conflict {
		return info, err
	}
	info.Email = devEmail
	info.APIKey, err = newDevKey(ctx, db, accounts)
	return info, err
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
	phones, variable, pairing, answer := "WhatsApp itself", "", tourReal, "\n"
	if info.WhatsimURL != "" {
		phones, variable = info.WhatsimURL+" (the simulated phones)", "PHONES="+info.WhatsimURL+"\n"
		pairing, answer = tourSim, tourAnswer
	}
	text := tourHead + pairing + tourSend + answer
	for name, value := range map[string]string{
		"{api}": info.APIURL, "{dashboard}": info.DashboardURL, "{email}": info.Email, "{password}": info.Password,
		"{key}": info.APIKey, "{variable}": variable, "{phones}": phones,
	} {
		text = strings.ReplaceAll(text, name, value)
	}
	_, err := io.WriteString(w, text)
	return err
}

const tourHead = `
chasqui is running.

  API        {api}   (described at {api}/api/openapi.json)
  Dashboard  {dashboard}
  Log in     {email}   {password}
  API key    {key}
  Phones     {phones}

These are in .run/dev.json too. Ctrl-C stops everything; the data stays. Paste into another terminal:

API={api}
KEY={key}
{variable}
# A client is one WhatsApp number. Make one, and start linking it with a phone:
CLIENT=$(curl -s $API/api/v1/clients -H "X-API-Key: $KEY" --json '{"name": "Sales", "provider": "whatsmeow"}' | grep -o 'cli_[0-9a-z]*' | head -1)
curl -s $API/api/v1/clients/$CLIENT/pair -H "X-API-Key: $KEY" --json '{"method": "qr"}'
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
