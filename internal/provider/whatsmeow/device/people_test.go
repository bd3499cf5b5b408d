package device_test

import (
	"context"
	"time"

	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

func contactScript(ctx context.Context, d *teller) {
	push := func(user types.JID, name string) {
		changed, before, err := d.Contacts.PutPushName(ctx, user, name)
		d.note("push name", []any{changed, before}, err)
	}
	get := func(user types.JID) {
		c, err := d.Contacts.GetContact(ctx, user)
		d.note("contact "+user.String(), c, err)
	}
	get(pn("1"))
	push(pn("1"), "")
	get(pn("1"))
	push(pn("1"), "Ana")
	push(pn("1"), "Ana")
	push(pn("1"), "Anna")
	changed, before, err := d.Contacts.PutBusinessName(ctx, pn("1"), "Shop")
	d.note("business name", []any{changed, before}, err)
	d.note("contact name", nil, d.Contacts.PutContactName(ctx, pn("1"), "First", "Full"))
	get(pn("1"))
	d.note("all names", nil, d.Contacts.PutAllContactNames(ctx, []wmstore.ContactEntry{
		{JID: pn("1"), FirstName: "F1", FullName: "N1"}, {JID: pn("2"), FirstName: "F2", FullName: "N2"}, {JID: pn("2"), FirstName: "F3", FullName: "N3"},
	}))
	d.note("no names", nil, d.Contacts.PutAllContactNames(ctx, nil))
	d.note("phones", nil, d.Contacts.PutManyRedactedPhones(ctx, []wmstore.RedactedPhoneEntry{{JID: lid("3"), RedactedPhone: "+1∙∙∙"}, {JID: pn("2"), RedactedPhone: "x"}}))
	get(pn("1"))
	get(pn("2"))
	get(lid("3"))
	all, err := d.Contacts.GetAllContacts(ctx)
	d.note("all", all, err)
}

func chatScript(ctx context.Context, d *teller) {
	get := func() {
		s, err := d.ChatSettings.GetChatSettings(ctx, pn("1"))
		d.note("settings", []any{s.Found, s.MutedUntil.UTC(), s.Pinned, s.Archived}, err)
	}
	get()
	d.note("pin", nil, d.ChatSettings.PutPinned(ctx, pn("1"), true))
	get()
	d.note("archive", nil, d.ChatSettings.PutArchived(ctx, pn("1"), true))
	d.note("mute", nil, d.ChatSettings.PutMutedUntil(ctx, pn("1"), time.Unix(1800000000, 0)))
	get()
	d.note("mute for ever", nil, d.ChatSettings.PutMutedUntil(ctx, pn("1"), wmstore.MutedForever))
	get()
	d.note("unmute", nil, d.ChatSettings.PutMutedUntil(ctx, pn("1"), time.Time{}))
	get()
}

func secretScript(ctx context.Context, d *teller) {
	get := func(chat, sender types.JID, id string) {
		secret, who, err := d.MsgSecrets.GetMessageSecret(ctx, chat, sender, id)
		d.note("secret "+id, []any{string(secret), who}, err)
	}
	get(pn("1"), pn("1"), "A")
	d.note("put", nil, d.MsgSecrets.PutMessageSecret(ctx, pn("1"), types.JID{User: "1", Device: 4, Server: types.DefaultUserServer}, "A", []byte("s")))
	d.note("the first counts", nil, d.MsgSecrets.PutMessageSecret(ctx, pn("1"), pn("1"), "A", []byte("other")))
	get(pn("1"), pn("1"), "A")
	d.note("many", nil, d.MsgSecrets.PutMessageSecrets(ctx, []wmstore.MessageSecretInsert{
		{Chat: lid("500"), Sender: lid("500"), ID: "B", Secret: []byte("b")}, {Chat: lid("500"), Sender: lid("500"), ID: "B", Secret: []byte("b2")},
	}))
	d.note("none", nil, d.MsgSecrets.PutMessageSecrets(ctx, nil))
	get(pn("2"), pn("2"), "B")
	d.note("pair", nil, d.LIDs.PutLIDMapping(ctx, lid("500"), pn("2")))
	get(pn("2"), pn("2"), "B")
	get(lid("500"), pn("2"), "B")
	get(pn("2"), pn("3"), "B")
}

func tokenScript(ctx context.Context, d *teller) {
	get := func(user types.JID) {
		k, err := d.PrivacyTokens.GetPrivacyToken(ctx, user)
		if k == nil {
			d.note("no token", nil, err)
			return
		}
		d.note("token", []any{k.User, string(k.Token), k.Timestamp.UTC(), k.SenderTimestamp.UTC()}, err)
	}
	put := func(user types.JID, text string, at, sent int64) {
		k := wmstore.PrivacyToken{User: user, Token: []byte(text), Timestamp: time.Unix(at, 0)}
		if sent > 0 {
			k.SenderTimestamp = time.Unix(sent, 0)
		}
		d.note("put", nil, d.PrivacyTokens.PutPrivacyTokens(ctx, k))
	}
	get(pn("1"))
	put(pn("1"), "a", 100, 0)
	get(pn("1"))
	put(pn("1"), "older", 90, 5)
	get(pn("1"))
	put(pn("1"), "newer", 110, 7)
	put(pn("1"), "newest", 120, 0)
	get(pn("1"))
	d.note("pair", nil, d.LIDs.PutLIDMapping(ctx, lid("500"), pn("1")))
	get(lid("500"))
	put(lid("500"), "hidden", 130, 0)
	get(pn("1"))
	get(types.JID{User: "500", Device: 3, Server: types.HiddenUserServer})
	n, err := d.PrivacyTokens.DeleteExpiredPrivacyTokens(ctx, time.Unix(125, 0))
	d.note("expired", n, err)
	get(lid("500"))
}

func bufferScript(ctx context.Context, d *teller) {
	get := func(step string, hash byte) {
		e, err := d.EventBuffer.GetBufferedEvent(ctx, [32]byte{hash})
		if e == nil {
			d.note(step, "none", err)
			return
		}
		answer := []any{string(e.Plaintext), e.Plaintext == nil, time.Since(e.InsertTime) < time.Minute}
		if e.Plaintext != nil {
			answer = append(answer, e.ServerTime.UTC())
		}
		d.note(step, answer, err)
	}
	get("nothing", 1)
	d.note("put", nil, d.EventBuffer.PutBufferedEvent(ctx, [32]byte{1}, []byte("hello"), time.Unix(1700000000, 0)))
	get("kept", 1)
	d.note("clear", nil, d.EventBuffer.ClearBufferedEventPlaintext(ctx, [32]byte{1}))
	get("handled", 1)
	d.note("forget", nil, d.EventBuffer.DeleteOldBufferedHashes(ctx))
	get("not old", 1)
	out := func(chat, alt types.JID) {
		format, raw, err := d.EventBuffer.GetOutgoingEvent(ctx, chat, alt, "M")
		d.note("outgoing", []any{format, string(raw)}, err)
	}
	out(pn("1"), lid("500"))
	d.note("add", nil, d.EventBuffer.AddOutgoingEvent(ctx, pn("1"), "M", "wa", []byte("x\x00y")))
	out(pn("1"), lid("500"))
	out(lid("500"), pn("1"))
	d.note("forget", nil, d.EventBuffer.DeleteOldOutgoingEvents(ctx))
	out(pn("1"), lid("500"))
}

func addressScript(ctx context.Context, d *teller) {
	look := func(step string) {
		for _, p := range []string{"1", "2", "3"} {
			j, err := d.LIDs.GetLIDForPN(ctx, types.JID{User: p, Device: 2, Server: types.DefaultUserServer})
			d.note(step+": lid of "+p, j, err)
		}
		for _, l := range []string{"501", "502", "503"} {
			j, err := d.LIDs.GetPNForLID(ctx, lid(l))
			d.note(step+": phone of "+l, j, err)
		}
		many, err := d.LIDs.GetManyLIDsForPNs(ctx, []types.JID{pn("1"), pn("2"), {User: "2", Device: 9, Server: types.DefaultUserServer}, lid("501"), pn("9")})
		d.note(step+": many", many, err)
	}
	look("nothing")
	d.note("pair", nil, d.LIDs.PutLIDMapping(ctx, lid("501"), pn("1")))
	d.note("the wrong way round", nil, d.LIDs.PutLIDMapping(ctx, pn("1"), lid("501")))
	_, err := d.LIDs.GetLIDForPN(ctx, lid("501"))
	d.note("no phone", nil, err)
	look("one")
	d.note("many", nil, d.LIDs.PutManyLIDMappings(ctx, []wmstore.LIDMapping{
		{LID: lid("502"), PN: pn("2")}, {LID: lid("501"), PN: pn("1")}, {LID: pn("3"), PN: lid("503")},
	}))
	look("two")
	d.note("another phone", nil, d.LIDs.PutLIDMapping(ctx, lid("501"), pn("3")))
	look("moved")
	d.note("another lid", nil, d.LIDs.PutLIDMapping(ctx, lid("503"), pn("2")))
	look("moved again")
}
