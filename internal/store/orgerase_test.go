package store_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// parents are the columns by which rows hang on others, whatever their table.
func (s shop) parents() map[string]string {
	return map[string]string{
		"client_id": "clients", "user_id": "users", "message_id": "messages", "chat_id": "chats", "contact_id": "contacts",
		"endpoint_id": "webhook_endpoints", "delivery_id": "webhook_deliveries", "device_id": "devices",
	}
}

// fillAll makes a row of the org in every table with an org, each on rows of the
// org that are there: foreign keys hold, and decide what is made first.
func (s shop) fillAll(t *testing.T) {
	t.Helper()
	s.exec(`INSERT INTO master_keys (id, canary) VALUES ('m', 'x') ON CONFLICT DO NOTHING`)
	todo := slices.DeleteFunc(tables(t, s), func(tab table) bool { return tab.Tenant == "" || tab.Name == "org_deletions" })
	for round := 0; len(todo) > 0; round++ {
		if round > 10 {
			t.Fatalf("no row can be made in %v", todo)
		}
		todo = slices.DeleteFunc(todo, func(tab table) bool { return s.rowsIn(tab) > 0 || s.hang(tab) })
	}
}

// hang makes a row of a table on the org's rows; false while what it hangs on is
// missing.
func (s shop) hang(tab table) bool {
	s.t.Helper()
	names, values, _ := strings.Cut(strings.TrimPrefix(tab.Insert, "INSERT INTO "+tab.Name+" ("), ") VALUES (")
	columns, given := strings.Split(names, ", "), splitValues(strings.TrimSuffix(values, ")"))
	for i, c := range columns {
		if c == "master_id" {
			given[i] = "'m'"
		}
		parent, hangs := s.parents()[c]
		if !hangs || tab.Name == "chats" && c == "contact_id" {
			continue
		}
		given[i] = fmt.Sprintf("(SELECT id FROM %s WHERE org_id = $1 LIMIT 1)", parent)
	}
	return s.db.InTx(s.t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(s.t.Context(), fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", tab.Name, names, strings.Join(given, ", ")), s.org)
		return err
	}) == nil
}

// splitValues takes a list of values apart at the commas that are in no brackets.
func splitValues(list string) (values []string) {
	depth, from := 0, 0
	for i, c := range list {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				values, from = append(values, strings.TrimSpace(list[from:i])), i+1
			}
		}
	}
	return append(values, strings.TrimSpace(list[from:]))
}

func (s shop) rowsIn(tab table) int {
	s.t.Helper()
	return get[int](s, fmt.Sprintf(`SELECT count(*) FROM %s WHERE %s = $1`, tab.Name, tab.Tenant), s.org)
}

// erase does all of it, some rows at a time, and gives how many there were.
func (s shop) erase(limit int) (total int64) {
	s.t.Helper()
	for _, e := range store.OrgErasures() {
		for n := int64(-1); n != 0; total += n {
			n = must(s, func(tx *store.Tx) (int64, error) { return tx.EraseSome(s.t.Context(), s.org, e, limit) })
		}
	}
	return total
}

// askErasure begins to erase the org.
func (s shop) askErasure() {
	s.t.Helper()
	s.in(func(tx *store.Tx) error {
		_, err := tx.AskDeletion(s.t.Context(), s.org, "", 0, false)
		return err
	})
	if !must(s, func(tx *store.Tx) (bool, error) { return tx.BeginErasing(s.t.Context(), s.org, 0) }) {
		s.t.Fatal("erasing does not begin")
	}
}

// TestNothingOfAnErasedOrgIsLeft reads the catalog: whatever table has rows of
// orgs has none of an erased one any more, unless it says why, and all of
// another's. A table that nobody erases fails.
func TestNothingOfAnErasedOrgIsLeft(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	other := shopIn(t, s.db)
	s.fillAll(t)
	other.fillAll(t)
	s.queued(5)
	all := slices.DeleteFunc(tables(t, s), func(tab table) bool { return tab.Tenant == "" })
	before, theirs := map[string]int{}, map[string]int{}
	for _, tab := range all {
		before[tab.Name], theirs[tab.Name] = s.rowsIn(tab), other.rowsIn(tab)
	}
	s.askErasure()
	s.erase(2)
	s.in(func(tx *store.Tx) error { return tx.EraseOrg(t.Context(), s.org) })
	for _, tab := range all {
		_, outlives := store.OutliveOrgs()[tab.Name]
		if n := s.rowsIn(tab); outlives && n < before[tab.Name] || !outlives && n > 0 && tab.Name != "org_deletions" {
			t.Errorf("%s has %d rows of the org, of %d", tab.Name, n, before[tab.Name])
		}
		if n := other.rowsIn(tab); n != theirs[tab.Name] {
			t.Errorf("%s has %d rows of another org, which had %d", tab.Name, n, theirs[tab.Name])
		}
	}
	var l store.Leaving
	s.system(func(tx *store.Tx) error {
		done := false
		var err error
		if l, done, err = tx.FinishErasing(t.Context(), s.org, 0); err == nil && !done {
			t.Error("it does not end")
		}
		return err
	})
	for _, tab := range all {
		if _, outlives := store.OutliveOrgs()[tab.Name]; !outlives && tab.Name != "org_deletions" && l.Counts[tab.Name] != int64(before[tab.Name]) {
			t.Errorf("the receipt says that %d rows of %s are erased, which had %d", l.Counts[tab.Name], tab.Name, before[tab.Name])
		}
	}
	if n := get[int](s, `SELECT count(*) FROM org_deletions WHERE org_id = $1`, s.org); n != 0 {
		t.Error("it is still noted that the org is to be deleted")
	}
}

// What is erased is what was asked for, by one process at a time, and when its
// time has come.
func TestErasingIsGuarded(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.queued(3)
	first := store.OrgErasures()[1]
	refused := func(when string) {
		t.Helper()
		err := try(s, func(tx *store.Tx) (int64, error) { return tx.EraseSome(t.Context(), s.org, first, 10) })
		if wa.CodeOf(err) != wa.Conflict || err == nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	begin := func(settle time.Duration) bool {
		return must(s, func(tx *store.Tx) (bool, error) { return tx.BeginErasing(t.Context(), s.org, settle) })
	}
	ask := func(grace time.Duration) {
		s.in(func(tx *store.Tx) error { _, err := tx.AskDeletion(t.Context(), s.org, "", grace, false); return err })
	}
	refused("nobody asked")
	ask(time.Hour)
	if begin(0) {
		t.Error("it begins before its time")
	}
	refused("it can be taken back")
	if !must(s, func(tx *store.Tx) (bool, error) { return tx.TakeDeletionBack(t.Context(), s.org) }) {
		t.Fatal("it cannot be taken back")
	}
	ask(0)
	if begin(time.Hour) {
		t.Error("it begins before others know of it")
	}
	if !begin(0) || begin(0) {
		t.Error("it begins once")
	}
	if must(s, func(tx *store.Tx) (bool, error) { return tx.TakeDeletionBack(t.Context(), s.org) }) {
		t.Error("it is taken back while it is erased")
	}
	s.in(func(tx *store.Tx) error {
		if _, err := tx.EraseSome(t.Context(), s.org, first, 1); err != nil {
			return err
		}
		refused("another process is at it")
		return nil
	})
	if n := s.erase(1); n < 2 {
		t.Errorf("the rest is %d rows", n)
	}
}

// A step that is written while its message is erased is not left behind.
func TestStepsOfErasedMessagesAreNotLeftBehind(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	m := s.queued(1)[0]
	s.askErasure()
	held, erased := make(chan struct{}), make(chan error, 1)
	s.in(func(tx *store.Tx) error {
		if _, err := tx.Exec(t.Context(), `UPDATE messages SET updated_at = now() WHERE org_id = $1 AND id = $2`, s.org, m.ID); err != nil {
			return err
		}
		go func() {
			close(held)
			erased <- try(s, func(tx *store.Tx) (int64, error) { return tx.EraseSome(t.Context(), s.org, store.OrgErasures()[1], 10) })
		}()
		<-held
		s.waits(`%FROM messages WHERE org_id%FOR UPDATE%`)
		return tx.Step(s.org, m.ID, wa.Cancelled, "late", nil)
	})
	if err := <-erased; err != nil {
		t.Fatal(err)
	}
	if n := get[int](s, `SELECT count(*) FROM message_events WHERE org_id = $1`, s.org); n != 0 {
		t.Errorf("%d steps are left of a message that is gone", n)
	}
}

// waits returns when somebody waits for a lock with such a statement.
func (s shop) waits(like string) {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		if get[bool](s, `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE $1)`, like) {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("nobody waits with %s", like)
		}
	}
}

// erasePlans hold what is erased to indexes, in the middle of everybody's rows.
func (w world) erasePlans(t *testing.T) (cases []planCase) {
	ctx := t.Context()
	list := func(table, column string) (ids []string) {
		err := w.system(t, func(tx *store.Tx) (err error) {
			ids, err = store.List(ctx, tx, pgx.RowTo[string], fmt.Sprintf(`SELECT %s::text FROM %s WHERE org_id = $1 LIMIT 50`, column, table), w.org)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	indexed := map[string]string{"events": "events_feed", "messages": "messages_pkey", "chats": "chats_page", "contacts": "contacts_page", "client_history": "client_history_page", "message_events": "message_events_message"}
	for _, e := range store.OrgErasures() {
		if e.Pick != "" {
			pick := `SELECT id::text FROM (` + e.Pick + `) p`
			cases = append(cases, planCase{"pick " + e.Steps[len(e.Steps)-1].Table, "", 2000, false, func(tx *store.Tx) error { _, err := tx.Exec(ctx, pick, w.org, 50); return err }})
		}
		for _, s := range e.Steps {
			var arg any = 50
			if e.Pick != "" {
				arg = append([]string{}, list(e.Steps[len(e.Steps)-1].Table, "id")...)
			}
			sql := s.SQL
			if slices.Contains([]string{"chats", "contacts", "clients"}, s.Table) { // messages, which go before them, hang on these
				sql = strings.Replace(sql, "DELETE FROM", "SELECT FROM", 1)
			}
			cases = append(cases, planCase{"erase " + s.Table, indexed[s.Table], 2000, false, func(tx *store.Tx) error { _, err := tx.Exec(ctx, sql, w.org, arg); return err }})
		}
	}
	return cases
}

// Every table is erased once, or says why not.
func TestErasuresAreOnce(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for _, e := range store.OrgErasures() {
		for _, s := range e.Steps {
			seen[s.Table]++
		}
	}
	for _, table := range slices.Sorted(maps.Keys(seen)) {
		if _, outlives := store.OutliveOrgs()[table]; outlives || seen[table] != 1 {
			t.Errorf("%s is erased %d times, outlives %v", table, seen[table], outlives)
		}
	}
}
