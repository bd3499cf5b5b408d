package wa_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/wa"
)

// fieldIn names the field that an error is about.
func fieldIn(err error) string {
	var e *wa.Error
	if errors.As(err, &e) {
		return e.Field
	}
	return ""
}

// What an org wishes is kept as it is wished, within bounds.
func TestOrgOptionsChange(t *testing.T) {
	t.Parallel()
	week := 7
	usual := wa.OrgOptions{SessionHours: 2160, RetentionDays: wa.Retention{Events: &week, Deliveries: 30}, TimeZone: "UTC"}
	days := func(messages, events, deliveries *int) wa.OrgOptionsChange {
		return wa.OrgOptionsChange{RetentionDays: &wa.RetentionChange{Messages: messages, Events: events, Deliveries: deliveries}}
	}
	logged := func(days int) wa.OrgOptionsChange {
		return wa.OrgOptionsChange{RetentionDays: &wa.RetentionChange{Audit: &days}}
	}
	tests := []struct {
		name   string
		change wa.OrgOptionsChange
		want   wa.OrgOptions // when it is fine
		field  string        // when it is not
		proof  bool
	}{
		{"nothing", wa.OrgOptionsChange{}, usual, "", false},
		{"own chats", wa.OrgOptionsChange{AgentsSeeOwnChats: new(true)}, wa.OrgOptions{AgentsSeeOwnChats: true, SessionHours: 2160, RetentionDays: usual.RetentionDays, TimeZone: "UTC"}, "", false},
		{"new contacts", wa.OrgOptionsChange{AgentsNewContacts: new(true)}, wa.OrgOptions{AgentsNewContacts: true, SessionHours: 2160, RetentionDays: usual.RetentionDays, TimeZone: "UTC"}, "", false},
		{"the log for a quarter", logged(90), wa.OrgOptions{SessionHours: 2160, RetentionDays: wa.Retention{Events: &week, Deliveries: 30, Audit: new(90)}, TimeZone: "UTC"}, "", true},
		{"the log as usual", logged(0), usual, "", true},
		{"the log for 89 days", logged(89), usual, "settings.retention_days.audit", true},
		{"a zone", wa.OrgOptionsChange{TimeZone: new("America/Sao_Paulo")}, wa.OrgOptions{SessionHours: 2160, RetentionDays: usual.RetentionDays, TimeZone: "America/Sao_Paulo"}, "", false},
		{"this machine's zone", wa.OrgOptionsChange{TimeZone: new("Local")}, usual, "settings.time_zone", false},
		{"a path", wa.OrgOptionsChange{TimeZone: new("../../etc/passwd")}, usual, "settings.time_zone", false},
		{"no zone", wa.OrgOptionsChange{TimeZone: new("")}, usual, "settings.time_zone", false},
		{"http", wa.OrgOptionsChange{AllowHTTP: new(true)}, wa.OrgOptions{AllowHTTP: true, SessionHours: 2160, RetentionDays: usual.RetentionDays, TimeZone: "UTC"}, "", true},
		{"a day", wa.OrgOptionsChange{SessionHours: new(24)}, wa.OrgOptions{SessionHours: 24, RetentionDays: usual.RetentionDays, TimeZone: "UTC"}, "", true},
		{"no hours", wa.OrgOptionsChange{SessionHours: new(0)}, usual, "settings.session_hours", true},
		{"too many hours", wa.OrgOptionsChange{SessionHours: new(2161)}, usual, "settings.session_hours", true},
		{"events for ever", days(new(30), new(0), new(1)), wa.OrgOptions{SessionHours: 2160, RetentionDays: wa.Retention{Messages: new(30), Deliveries: 1}, TimeZone: "UTC"}, "", true},
		{"six days", days(new(6), nil, nil), usual, "settings.retention_days.messages", true},
		{"more than ten years", days(nil, new(3651), nil), usual, "settings.retention_days.events", true},
		{"deliveries for ever", days(nil, nil, new(0)), usual, "settings.retention_days.deliveries", true},
	}
	for _, tt := range tests {
		got, err := tt.change.Apply(usual)
		if tt.field == "" {
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Errorf("%s: %v\n%s", tt.name, err, diff)
			}
		} else if field := fieldIn(err); field != tt.field {
			t.Errorf("%s: %v is about %q, want %q", tt.name, err, field, tt.field)
		}
		if tt.change.NeedsProof() != tt.proof {
			t.Errorf("%s: needs proof: %v", tt.name, !tt.proof)
		}
	}
}
