package wa

import "slices"

// FailCode is why a message failed, from a closed catalogue that customers
// branch on. The provider's own code is kept beside it, never instead of it.
type FailCode string

// The catalogue, as far as the providers so far can produce it.
const (
	FailRecipientInvalid    FailCode = "recipient_invalid"
	FailNotOnWhatsApp       FailCode = "recipient_not_on_whatsapp"
	FailSessionInvalid      FailCode = "recipient_session_invalid"
	FailRateLimited         FailCode = "rate_limited"
	FailNewContact          FailCode = "new_contact_restricted"
	FailPrivacyToken        FailCode = "privacy_token_missing"
	FailTempBanned          FailCode = "account_temp_banned"
	FailBanned              FailCode = "account_banned"
	FailLoggedOut           FailCode = "account_logged_out"
	FailNotConnected        FailCode = "account_not_connected"
	FailOutdated            FailCode = "client_outdated"
	FailContentUnsupported  FailCode = "content_unsupported"
	FailGroupUnavailable    FailCode = "group_unavailable"
	FailValidityExpired     FailCode = "validity_expired"
	FailCancelled           FailCode = "canceled"
	FailContactErased       FailCode = "contact_erased"
	FailProviderUnavailable FailCode = "provider_unavailable"
	FailProviderRejected    FailCode = "provider_rejected"
	FailUnconfirmed         FailCode = "delivery_unconfirmed"
	FailPoison              FailCode = "internal_poison"
	FailInternal            FailCode = "internal_error"
)

// failTitles are the sentences people read, and whether trying again may help.
var failTitles = map[FailCode]struct {
	title     string
	retryable bool
}{
	FailRecipientInvalid:    {"The recipient's address is not valid", false},
	FailNotOnWhatsApp:       {"The recipient has no WhatsApp account", false},
	FailSessionInvalid:      {"WhatsApp refused the recipient's keys", true},
	FailRateLimited:         {"WhatsApp asked this number to slow down", true},
	FailNewContact:          {"This number may not start new chats for now", true},
	FailPrivacyToken:        {"WhatsApp wants the recipient to write first", true},
	FailTempBanned:          {"This number is banned for a time", true},
	FailBanned:              {"This number is banned", false},
	FailLoggedOut:           {"This number was unlinked from its phone", true},
	FailNotConnected:        {"This number did not come online in time", true},
	FailOutdated:            {"WhatsApp asks for a newer client", true},
	FailContentUnsupported:  {"This provider cannot send this type of message", false},
	FailGroupUnavailable:    {"The group cannot be written to", false},
	FailValidityExpired:     {"The message was not sent before it expired", true},
	FailCancelled:           {"The message was cancelled before it was sent", false},
	FailContactErased:       {"The recipient was erased before the message was sent", false},
	FailProviderUnavailable: {"WhatsApp is not available", true},
	FailProviderRejected:    {"WhatsApp refused the message", false},
	FailUnconfirmed:         {"WhatsApp never confirmed it; it may have been delivered", false},
	FailPoison:              {"This message broke its handler three times", false},
	FailInternal:            {"Something failed on our side", true},
}

// FailCodes lists the catalogue, sorted.
func FailCodes() []FailCode {
	codes := make([]FailCode, 0, len(failTitles))
	for c := range failTitles {
		codes = append(codes, c)
	}
	slices.Sort(codes)
	return codes
}

// ProviderError is what the network itself said.
type ProviderError struct {
	Name string `json:"name"`
	Code string `json:"code,omitempty"`
	Raw  string `json:"raw,omitempty"`
}

// Failure is a message's error as customers see it.
type Failure struct {
	Code      FailCode       `json:"code"`
	Title     string         `json:"title"`
	Detail    string         `json:"detail,omitempty"`
	Retryable bool           `json:"retryable"`
	Provider  *ProviderError `json:"provider,omitempty"`
}

// NewFailure builds the failure of a code; detail is a sentence of ours.
func NewFailure(code FailCode, detail string, p *ProviderError) Failure {
	t, ok := failTitles[code]
	if !ok {
		t = failTitles[FailInternal]
	}
	return Failure{Code: code, Title: t.title, Detail: detail, Retryable: t.retryable, Provider: p}
}
