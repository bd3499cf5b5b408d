package fleet

import "chasqui/internal/wa"

// What the audit log keeps of a client: what people set, not how it is doing.
type auditedClient struct {
	Name     string    `json:"name"`
	Provider string    `json:"provider"`
	Phone    wa.Phone  `json:"phone,omitempty"` // masked when it is written
	Device   wa.Device `json:"device"`
	Limits   wa.Limits `json:"limits"`
}

func audited(c wa.Client) auditedClient {
	return auditedClient{Name: c.Name, Provider: c.Provider, Phone: c.Phone, Device: c.Device, Limits: c.Limits}
}

type renamed struct {
	Name string `json:"name"`
}

type receipts struct {
	Send bool `json:"send_read_receipts"`
}

type pairedBy struct {
	Method   wa.PairMethod `json:"method,omitempty"`
	Phone    wa.Phone      `json:"phone,omitempty"`
	Platform string        `json:"platform,omitempty"`
}

type happened struct {
	Reason string `json:"reason"`
}

// itself is the actor of what happens to a client without anybody asking.
func itself(org wa.OrgID) wa.Actor { return wa.Actor{Org: org, Name: "system"} }
