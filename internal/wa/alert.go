package wa

// SecurityAlert tells of suspicious activity.
const SecurityAlert EventType = "security.alert"

// AlertKind says what looked suspicious.
type AlertKind string

// The kinds.
const (
	AlertSignIns    AlertKind = "failed_sign_ins"         // of one account
	AlertAddress    AlertKind = "failed_sign_ins_address" // from one address
	AlertTokenReuse AlertKind = "token_reuse"
	AlertProbing    AlertKind = "refused_requests"
	AlertVolume     AlertKind = "unusual_volume"
	AlertBrokenLog  AlertKind = "audit_log_broken" // the org's own audit log
)

// AlertKinds lists them.
func AlertKinds() []AlertKind {
	return []AlertKind{AlertSignIns, AlertAddress, AlertTokenReuse, AlertProbing, AlertVolume, AlertBrokenLog}
}

// EventAlert is the data of security.alert.
type EventAlert struct {
	Kind          AlertKind `json:"kind" enum:"failed_sign_ins,failed_sign_ins_address,token_reuse,refused_requests,unusual_volume,audit_log_broken"`
	Subject       string    `json:"subject" doc:"Id of the person, key or client; of failed_sign_ins_address the address, of audit_log_broken the organisation"`
	Count         int64     `json:"count" doc:"How often it happened within the time"`
	Usual         int64     `json:"usual,omitempty" doc:"Of unusual_volume: how often it happens in an hour otherwise"`
	WindowSeconds int       `json:"window_seconds"`
	Message       string    `json:"message" doc:"What happened, in words"`
}
