package wa

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// AuditAction names what was done, "noun.past" like events.
type AuditAction string

// What is written to the audit log.
const (
	AuditSignedIn       AuditAction = "session.signed_in"
	AuditSignInFailed   AuditAction = "session.sign_in_failed"
	AuditSignInUnknown  AuditAction = "session.sign_in_unknown" // to an address that nobody has
	AuditSignInLocked   AuditAction = "session.locked"
	AuditSignedOut      AuditAction = "session.signed_out"
	AuditSessionEnded   AuditAction = "session.ended"
	AuditRefreshReused  AuditAction = "session.refresh_reused"
	AuditSteppedUp      AuditAction = "session.stepped_up"
	AuditStepUpFailed   AuditAction = "session.step_up_failed"
	AuditPasswordChange AuditAction = "password.changed"
	AuditPasswordAsked  AuditAction = "password.reset_asked"
	AuditPasswordReset  AuditAction = "password.reset"
	AuditTOTPOn         AuditAction = "totp.switched_on"
	AuditTOTPOff        AuditAction = "totp.switched_off"
	AuditTOTPReset      AuditAction = "totp.reset"
	AuditRecoveryCodes  AuditAction = "totp.recovery_codes_made"
	AuditRecoveryUsed   AuditAction = "totp.recovery_code_used"

	AuditInvited           AuditAction = "invitation.made"
	AuditInvitationUsed    AuditAction = "invitation.used"
	AuditInvitationRevoked AuditAction = "invitation.revoked"
	AuditUserCreated       AuditAction = "user.created"
	AuditUserChanged       AuditAction = "user.changed"
	AuditUserRole          AuditAction = "user.role_changed"
	AuditUserDisabled      AuditAction = "user.disabled"
	AuditUserEnabled       AuditAction = "user.enabled"
	AuditUserUnlocked      AuditAction = "user.unlocked"
	AuditUserDeleted       AuditAction = "user.deleted"

	AuditKeyMade    AuditAction = "key.made"
	AuditKeyChanged AuditAction = "key.changed"
	AuditKeyRotated AuditAction = "key.rotated"
	AuditKeyRevoked AuditAction = "key.revoked"
	AuditKeyRefused AuditAction = "key.refused" // good, but used from where it may not be

	AuditClientCreated      AuditAction = "client.created"
	AuditClientRenamed      AuditAction = "client.renamed"
	AuditClientDeleted      AuditAction = "client.deleted"
	AuditClientPairing      AuditAction = "client.pairing_begun"
	AuditClientPaired       AuditAction = "client.paired"
	AuditClientUnpairing    AuditAction = "client.pairing_ended"
	AuditClientLoggedOut    AuditAction = "client.logout_asked"
	AuditClientUnlinked     AuditAction = "client.logged_out"
	AuditClientConnected    AuditAction = "client.connect_asked"
	AuditClientDisconnected AuditAction = "client.disconnect_asked"
	AuditClientPaused       AuditAction = "client.paused"
	AuditClientResumed      AuditAction = "client.resumed"
	AuditClientLimits       AuditAction = "client.limits_changed"
	AuditClientReceipts     AuditAction = "client.receipts_changed"
	AuditClientAssigned     AuditAction = "client.assigned"
	AuditChatAssigned       AuditAction = "chat.assigned"
	AuditChatUnassigned     AuditAction = "chat.unassigned"
	AuditContactErased      AuditAction = "contact.erased"

	AuditWebhookCreated   AuditAction = "webhook.created"
	AuditWebhookChanged   AuditAction = "webhook.changed"
	AuditWebhookDeleted   AuditAction = "webhook.deleted"
	AuditWebhookEnabled   AuditAction = "webhook.enabled"
	AuditWebhookDisabled  AuditAction = "webhook.disabled"
	AuditWebhookRotated   AuditAction = "webhook.secret_rotated"
	AuditWebhookRevoked   AuditAction = "webhook.secrets_revoked"
	AuditWebhookRevealed  AuditAction = "webhook.secret_revealed"
	AuditWebhookTested    AuditAction = "webhook.tested"
	AuditWebhookResent    AuditAction = "webhook.resent"
	AuditWebhookRecovered AuditAction = "webhook.recovered"
	AuditWebhookReplayed  AuditAction = "webhook.replayed"

	AuditStopped  AuditAction = "stop.set"
	AuditReleased AuditAction = "stop.released"
	AuditExported AuditAction = "export.made"

	AuditOrgCreated AuditAction = "org.created"
	AuditOrgChanged AuditAction = "org.changed"
	AuditSSOChanged AuditAction = "org.sso_changed"
	AuditOrgLeaving AuditAction = "org.deletion_asked"
	AuditOrgKept    AuditAction = "org.kept"

	AuditSetUpRefused AuditAction = "installation.set_up_refused" // somebody came without the token
	AuditOrgErased    AuditAction = "installation.org_erased"

	AuditOperatorMade    AuditAction = "operator.made"
	AuditOperatorRenewed AuditAction = "operator.key_renewed"
	AuditOperatorRevoked AuditAction = "operator.revoked"
	AuditQueuesChanged   AuditAction = "operator.queues_changed"
	AuditKeysRotated     AuditAction = "operator.encryption_keys_rotated"

	AuditAlert     AuditAction = "security.alert"
	AuditForgotten AuditAction = "audit.forgotten" // lines older than they are kept
)

// AuditActor is what kind of actor did something.
type AuditActor string

// The kinds. The system is whatever happens without anybody asking, and the
// command line of the installation.
const (
	ByUser     AuditActor = "user"
	ByKey      AuditActor = "key"
	ByOperator AuditActor = "operator"
	BySystem   AuditActor = "system"
)

// AuditEntry is one line of an org's audit log. Sequence counts from 1 without
// gaps per org; Hash covers the line, its place and, through Prev, every line
// before it.
type AuditEntry struct {
	ID        AuditID         `json:"id"`
	OrgID     OrgID           `json:"-"` // zero is the installation's own log
	Sequence  int64           `json:"sequence"`
	At        time.Time       `json:"at"`
	Kind      AuditActor      `json:"actor_kind" enum:"user,key,operator,system"`
	ActorID   string          `json:"actor_id,omitempty" doc:"Id of the person, key or operator"`
	ActorName string          `json:"actor_name" doc:"Of a person their address, as long as they have an account; of those who have none any more lines of before may still have it"`
	Role      Role            `json:"role,omitempty" doc:"What the person was at that moment"`
	Action    AuditAction     `json:"action"`
	Target    string          `json:"target,omitempty" doc:"Id of what it was done to"`
	Before    json.RawMessage `json:"before,omitempty" doc:"What it was, secrets masked"`
	After     json.RawMessage `json:"after,omitempty" doc:"What it became, secrets masked"`
	From      Caller          `json:"-"`
	Prev      []byte          `json:"-"`
	Hash      []byte          `json:"-"`
}

// MaxAgent is how many characters are kept of a User-Agent header.
const MaxAgent = 200

// Bounds of the other texts, in characters.
const (
	maxAuditName   = 200
	maxAuditTarget = 300
	maxAuditIP     = 64
	maxAuditID     = 128
)

// NewAuditEntry makes the line of what by did. Place, time and hash are given
// when it is written. What before and after hold of secrets is masked.
func NewAuditEntry(by Actor, action AuditAction, target string, before, after any) (AuditEntry, error) {
	e := AuditEntry{
		ID: NewAuditID(), OrgID: by.Org, Action: action, Target: plainText(target, maxAuditTarget), ActorName: plainText(by.Name, maxAuditName),
		From: Caller{IP: plainText(by.From.IP, maxAuditIP), Agent: plainText(by.From.Agent, MaxAgent), Request: plainText(by.From.Request, maxAuditID)},
	}
	e.Kind, e.ActorID, e.Role = auditActor(by)
	var err error
	if e.Before, err = MaskJSON(before); err != nil {
		return AuditEntry{}, err
	}
	if e.After, err = MaskJSON(after); err != nil {
		return AuditEntry{}, err
	}
	if e.Kind == ByUser {
		return e, e.withoutName(by.Name)
	}
	return e, nil
}

// withoutName leaves of a person their id: nobody can take an address out of a
// line when its owner is gone. Who reads the line is told the name that the id
// has then.
func (e *AuditEntry) withoutName(text string) error {
	e.ActorName = ""
	if text == "" {
		return nil
	}
	name, err := json.Marshal(text)
	if err != nil {
		return fmt.Errorf("encode the actor's name: %w", err)
	}
	id := []byte(`"` + e.ActorID + `"`)
	e.Before, e.After = bytes.ReplaceAll(e.Before, name, id), bytes.ReplaceAll(e.After, name, id)
	return nil
}

func auditActor(by Actor) (AuditActor, string, Role) {
	switch {
	case !by.User.IsZero():
		return ByUser, by.User.String(), by.Role
	case !by.Key.IsZero():
		return ByKey, by.Key.String(), ""
	case !by.Operator.IsZero():
		return ByOperator, by.Operator.String(), ""
	}
	return BySystem, "", ""
}

// auditVersion goes into every digest: another way of encoding gets another.
const auditVersion = "chasqui audit 1"

// Digest is the SHA-256 of everything in the line except its place in the
// chain. It is the one encoding: each part is preceded by its length, so that no
// two lines encode alike.
func (e AuditEntry) Digest() [sha256.Size]byte {
	org, id := e.OrgID.Bytes(), e.ID.Bytes()
	h := sha256.New()
	for _, part := range [][]byte{
		[]byte(auditVersion), org[:], id[:], []byte(e.Kind), []byte(e.ActorID), []byte(e.ActorName), []byte(e.Role), []byte(e.Action),
		[]byte(e.Target), e.Before, e.After, []byte(e.From.IP), []byte(e.From.Agent), []byte(e.From.Request),
	} {
		_, _ = h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part)))) // a hash takes everything
		_, _ = h.Write(part)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// Link is the hash of a line at its place: the SHA-256 of the hash before it,
// its sequence, its time in microseconds since 1970 (both 8 bytes, big-endian)
// and its digest. The database computes the same when it gives the place.
func (e AuditEntry) Link() []byte {
	digest := e.Digest()
	raw := slices.Clone(e.Prev)
	raw = binary.BigEndian.AppendUint64(raw, uint64(e.Sequence))
	raw = binary.BigEndian.AppendUint64(raw, uint64(e.At.UnixMicro()))
	sum := sha256.Sum256(append(raw, digest[:]...))
	return sum[:]
}

// AuditGenesis stands before the first line of every log.
func AuditGenesis() []byte { return make([]byte, sha256.Size) }

// plainText keeps at most n characters of a text on one line, without what a
// terminal or a database would trip over.
func plainText(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if utf8.RuneCountInString(s) > n {
		s = string([]rune(s)[:n])
	}
	return strings.TrimSpace(s)
}
