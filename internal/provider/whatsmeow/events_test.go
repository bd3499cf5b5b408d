package whatsmeow_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/types/events"

	"chasqui/internal/provider"
	"chasqui/internal/provider/whatsmeow"
)

// notEvents are structs of the library's events package that are never raised
// by themselves: parts of others.
var notEvents = map[string]bool{
	"NewsletterMessageMeta": true, "MediaRetryError": true, "BlocklistChange": true, "MexNotificationData": true,
}

// TestEveryEventIsNamed compares the library's events with those that the
// switch in events.go names. A new version of the library that brings a new
// event fails here until somebody has decided what it means.
func TestEveryEventIsNamed(t *testing.T) {
	t.Parallel()
	named := casesOf(t, "events.go", "follow")
	for name := range structsOf(t, eventsFolder(t)) {
		if !named[name] && !notEvents[name] {
			t.Errorf("events.%s is not named in events.go", name)
		}
	}
}

// eventsFolder finds the library's source through one of its functions.
func eventsFolder(t *testing.T) string {
	t.Helper()
	f := runtime.FuncForPC(reflect.ValueOf((*events.Message).UnwrapRaw).Pointer())
	file, _ := f.FileLine(f.Entry())
	if _, err := os.Stat(file); err != nil {
		t.Fatalf("source of the library: %v", err)
	}
	return filepath.Dir(file)
}

func structsOf(t *testing.T, folder string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no source in %s: %v", folder, err)
	}
	found := map[string]bool{}
	for _, file := range files {
		ast.Inspect(parse(t, file), func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if _, isStruct := typeOf(spec).(*ast.StructType); ok && isStruct && spec.Name.IsExported() {
				found[spec.Name.Name] = true
			}
			return true
		})
	}
	if len(found) < 50 {
		t.Fatalf("only %d events found in %s", len(found), folder)
	}
	return found
}

func typeOf(spec *ast.TypeSpec) ast.Expr {
	if spec == nil {
		return nil
	}
	return spec.Type
}

func casesOf(t *testing.T, file, function string) map[string]bool {
	t.Helper()
	named := map[string]bool{}
	ast.Inspect(parse(t, file), func(n ast.Node) bool {
		if fn, ok := n.(*ast.FuncDecl); ok && fn.Name.Name != function {
			return false
		}
		if star, ok := n.(*ast.StarExpr); ok {
			if sel, ok := star.X.(*ast.SelectorExpr); ok {
				named[sel.Sel.Name] = true
			}
		}
		return true
	})
	return named
}

func parse(t *testing.T, file string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatalf("parse %s: %v", file, err)
	}
	return f
}

func TestSignals(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	lock := &events.NotifyAccountReachoutTimelock{IsActive: true, EnforcementType: "x"}
	lock.TimeEnforcementEnds.Time = now.Add(time.Hour)
	tests := []struct {
		name   string
		evt    any
		signal provider.Signal
		code   string
		until  time.Time
		ended  bool
	}{
		{"pings lost", &events.KeepAliveTimeout{ErrorCount: 2}, provider.KeepAliveLost, "", time.Time{}, false},
		{"pings back", &events.KeepAliveRestored{}, provider.KeepAliveRestored, "", time.Time{}, false},
		{"replaced", &events.StreamReplaced{}, provider.Replaced, "", time.Time{}, true},
		{"unknown stream error", &events.StreamError{Code: "516"}, provider.StreamError, "516", time.Time{}, true},
		{"busy", &events.StreamError{Code: "500"}, provider.ServerBusy, "500", time.Time{}, true},
		{"unlinked while online", &events.LoggedOut{Reason: events.ConnectFailureLoggedOut}, provider.LoggedOut, "401", time.Time{}, true},
		{"unlinked", &events.LoggedOut{OnConnect: true, Reason: 401}, provider.LoggedOut, "401", time.Time{}, true},
		{"locked", &events.LoggedOut{OnConnect: true, Reason: 403}, provider.Locked, "403", time.Time{}, true},
		{"banned", &events.LoggedOut{OnConnect: true, Reason: 406}, provider.Banned, "406", time.Time{}, true},
		{"banned for a time", &events.TemporaryBan{Code: 101, Expire: time.Hour}, provider.TempBanned, "101", now.Add(time.Hour), true},
		{"banned, end unknown", &events.TemporaryBan{Code: 199}, provider.TempBanned, "199", time.Time{}, true},
		{"outdated", &events.ClientOutdated{}, provider.Outdated, "405", time.Time{}, true},
		{"bad identity", &events.ConnectFailure{Reason: 409}, provider.BadIdentity, "409", time.Time{}, true},
		{"refused 400", &events.ConnectFailure{Reason: 400}, provider.Refused, "400", time.Time{}, true},
		{"refused 418", &events.ConnectFailure{Reason: 418}, provider.Refused, "418", time.Time{}, true},
		{"token", &events.CATRefreshError{}, provider.Refused, "", time.Time{}, true},
		{"restricted", lock, provider.Restricted, "x", now.Add(time.Hour), false},
		{"restriction lifted", &events.NotifyAccountReachoutTimelock{}, provider.RestrictionLifted, "", time.Time{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ended := whatsmeow.SignalOf(tt.evt, now)
			if got.Signal != tt.signal || got.Code != tt.code || !got.Until.Equal(tt.until) || ended != tt.ended {
				t.Errorf("got %+v, ended %t; want %s %q until %v, ended %t", got, ended, tt.signal, tt.code, tt.until, tt.ended)
			}
			if tt.ended && got.Reason == "" {
				t.Error("no reason for people")
			}
		})
	}
}

func TestHostileConnectFailureText(t *testing.T) {
	t.Parallel()
	got, _ := whatsmeow.SignalOf(&events.ConnectFailure{Reason: 400, Message: "number 5511987654321\x00\u202e" + strings.Repeat("x", 5000)}, time.Now())
	if strings.Contains(got.Reason, "5511987654321") || strings.ContainsAny(got.Reason, "\x00\u202e") || len(got.Reason) > 500 {
		t.Errorf("got %q", got.Reason)
	}
}
