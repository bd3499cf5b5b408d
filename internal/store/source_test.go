package store_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// systemQueries may go without the org, each for a reason. All of them run in
// system transactions, except those whose reason says otherwise.
var systemQueries = map[string]string{
	"OrgByName":     "finds the org",
	"AnyOrg":        "asks whether there is an org at all",
	"OrgsEver":      "asks how many orgs there have been",
	"KeyByPublicID": "whose key it is is the question",
	"TouchKey":      "follows KeyByPublicID",
	"OrgOfClient":   "whose client it is is the question",
	"OrgIDs":        "what is told to every org",
	"Halts":         "workers serve every org",
	"Fate":          "tickets do not say whose message it is",
	"OwnerSlot":     "tickets do not say whose client it is",
	"FairShare":     "counts over all orgs",
	"ClaimClients":  "workers serve every org",
	"OwnedClients":  "workers serve every org",
	"Unowned":       "reconciler",
	"PromoteDue":    "reconciler",
	"ExpireDue":     "reconciler",
	"LateUrgent":    "reconciler",
	"Stuck":         "reconciler",
	"OldestQueued":  "a metric over all orgs",
	"CountClients":  "a metric over all orgs",
	"CountWaiting":  "a metric over all orgs",
	"HookBacklog":   "a metric over all orgs",

	// The figures of every org are counted together; each quarter tells whose it is.
	"takeQuarters":    "reconciler",
	"CountFigures":    "follows takeQuarters",
	"OldestFigureDue": "a metric over all orgs",

	"SweepEvents":  "reconciler",
	"SweepReplies": "reconciler",
	"SweepHistory": "reconciler",
	"SweepReads":   "reconciler",
	"OpenErasures": "reconciler",

	"SweepErasedSends": "reconciler",
	"Backlog":          "also asked for a ticket; callers of an org have found the client under it, and row-level security stands behind",
	"Used":             "its callers have found the client under their org, and row-level security stands behind",
	"settle":           "a migration",

	"rows":       "its conditions begin with the org",
	"page":       "its conditions begin with the org",
	"search":     "its conditions begin with the org",
	"Deliveries": "its conditions begin with the org",

	// Keys are turned over for every org.
	"DataKeysUnderOthers": "finds what is left to wrap, of all orgs",
	"RetireMasterKeys":    "asks whether any org is left",
	"ChangedDataKeys":     "keyrings serve every org",
	"KeyOrgs":             "lists the orgs",
	"OlderThanKeys":       "asks about the installation",
	"SecretLost":          "asks about the installation",

	// A worker holds the lines of endpoints of every org.
	"KeepHookLine":      "guarded by the holder of the line",
	"TakeHookLine":      "finds whose endpoint it is",
	"RenewHookLines":    "guarded by the holder of the line",
	"LeaveHookLine":     "guarded by the holder of the line",
	"FreeHookLines":     "workers serve every org",
	"BusyHookLines":     "workers serve every org",
	"OpenUntil":         "asked for a ticket, which does not say whose endpoint it is",
	"PendingDeliveries": "asked for a ticket, which does not say whose endpoint it is",
	"HookFigures":       "a metric over all orgs",
	"SweepDeliveries":   "reconciler",
	"attemptsAfter":     "whose they are is the question",
	"UnnamedHostOrgs":   "lists the orgs",
	"NextRecovery":      "finds work of any org",
	"ProgressRecovery":  "follows NextRecovery",

	"MemberByEmail":     "whose they are is the question",
	"LockFamily":        "whose it is is the question",
	"InvitationByToken": "whose it is is the question",
	"FindLink":          "whose it is is the question",
	"TakeLink":          "whose it is is the question",
	"SweepPeople":       "reconciler",

	// What watches over the audit logs watches over all of them.
	"AuditedOrgs":       "lists every log",
	"NextAudited":       "goes from log to log",
	"OldAudits":         "lists every log",
	"AnchorMac":         "anchors are numbered over all logs",
	"AuditBroken":       "a metric over all orgs",
	"HealAudit":         "forgets of all orgs",
	"TakeMail":          "mails of all orgs wait in one line",
	"AuditMoved":        "lists every log",
	"LastAnchor":        "anchors are numbered over all logs",
	"Anchors":           "anchors are numbered over all logs",
	"OverCount":         "watches over all orgs",
	"OverUsual":         "watches over all orgs",
	"FailedSignIns":     "watches over all orgs",
	"FailedFromAddress": "watches over all orgs",
	"ReusedTokens":      "watches over all orgs",
	"SweepSecurity":     "forgets of all orgs",
	"ForgettingOrgs":    "lists the orgs",
	"LeavingOrgs":       "lists the orgs",
}

var (
	sqlVerb   = regexp.MustCompile(`(?s)^\s*(WITH|SELECT|INSERT|UPDATE|DELETE)\b`)
	orgClause = regexp.MustCompile(`org_id = \$|INSERT INTO \w+ \([^)]*\borg_id\b|INSERT INTO orgs|FROM orgs WHERE id = |UPDATE orgs .* WHERE id = `)
)

// TestEveryStatementNamesTheOrg reads our own source: every statement that
// names a tenant table says org_id, or its function stands in the list.
func TestEveryStatementNamesTheOrg(t *testing.T) {
	t.Parallel()
	var names []string
	for _, tab := range tables(t, newShop(t)) {
		if tab.Tenant != "" {
			names = append(names, tab.Name)
		}
	}
	touches := regexp.MustCompile(`\b(FROM|JOIN|INTO|UPDATE|USING)\s+(` + strings.Join(names, "|") + `)\b`)
	seen, used := 0, map[string]bool{}
	for name, statements := range statements(t) {
		for _, s := range statements {
			if !sqlVerb.MatchString(s) || !touches.MatchString(s) {
				continue
			}
			seen++
			if orgClause.MatchString(s) {
				continue
			}
			if _, ok := systemQueries[name]; !ok {
				t.Errorf("%s asks a tenant table without naming the org:%s", name, s)
			}
			used[name] = true
		}
	}
	if seen < 80 {
		t.Errorf("only %d statements found: is the test still reading the source?", seen)
	}
	for name := range systemQueries {
		if !used[name] {
			t.Errorf("%s is listed as an exception without need", name)
		}
	}
}

// statements gives the string literals of every function, and of every
// top-level constant and variable, by its name; literals joined by + are one.
func statements(t *testing.T) map[string][]string {
	t.Helper()
	pkgs, err := parser.ParseDir(token.NewFileSet(), ".", nil, 0) //nolint:staticcheck // one folder, no build tags
	if err != nil {
		t.Fatal(err)
	}
	var source []ast.Decl
	for name, file := range pkgs["store"].Files {
		if !strings.HasSuffix(name, "_test.go") {
			source = append(source, file.Decls...)
		}
	}
	consts, found := constants(source), map[string][]string{}
	for _, d := range source {
		consts.collect(d, found)
	}
	return found
}

// texts are constants of text by their names.
type texts map[string]string

func constants(source []ast.Decl) texts {
	known := texts{}
	for range 3 { // constants are made of constants
		for _, d := range source {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, s := range g.Specs {
				for i, value := range s.(*ast.ValueSpec).Values {
					known[s.(*ast.ValueSpec).Names[i].Name] = known.joined(value)
				}
			}
		}
	}
	return known
}

func (k texts) collect(d ast.Decl, found map[string][]string) {
	if f, ok := d.(*ast.FuncDecl); ok {
		found[f.Name.Name] = append(found[f.Name.Name], k.literals(f)...)
		return
	}
	for _, s := range d.(*ast.GenDecl).Specs {
		if v, ok := s.(*ast.ValueSpec); ok {
			for _, value := range v.Values {
				found[v.Names[0].Name] = append(found[v.Names[0].Name], k.literals(value)...)
			}
		}
	}
}

func (k texts) literals(n ast.Node) (list []string) {
	ast.Inspect(n, func(n ast.Node) bool {
		e, ok := n.(ast.Expr)
		if !ok {
			return true
		}
		text := k.joined(e)
		if _, name := e.(*ast.Ident); text != "" && !name {
			list = append(list, text)
		}
		return text == ""
	})
	return list
}

// joined is the text of a literal, a constant, or a sum of such.
func (k texts) joined(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		if err != nil {
			return ""
		}
		return text
	case *ast.Ident:
		return k[e.Name]
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return k.joined(e.X) + " " + k.joined(e.Y)
		}
	}
	return ""
}
