package whatsmeow

import (
	"bytes"

	"go.mau.fi/libsignal/state/record"
	"go.mau.fi/whatsmeow/store"
)

// A Signal session keeps its current state and some earlier ones, and a message
// may belong to any of them: both sides starting at the same moment is enough.
// The Signal library tries them in turn on the live objects. A failed try has
// already moved the state's ratchet, and when a later one fits, the damaged
// ones are stored with it: the messages that belong to them become unreadable.
//
// repaired undoes that: given the session as it was loaded and as it is to be
// stored, it keeps the state that fitted and takes all others as they were.
func repaired(before, after []byte) []byte {
	old, fresh := parseSession(before), parseSession(after)
	if old == nil || fresh == nil {
		return after
	}
	fitted := fresh.SessionState().SenderBaseKey()
	if len(fitted) == 0 || bytes.Equal(fitted, old.SessionState().SenderBaseKey()) {
		return after // the first try fitted
	}
	was, wasOld := old.Structure(), old.PreviousSessionStates()
	earlier := []*record.StateStructure{was.SessionState}
	found := false
	for i, state := range wasOld {
		if bytes.Equal(state.SenderBaseKey(), fitted) {
			found = true
			continue
		}
		earlier = append(earlier, was.PreviousStates[i])
	}
	if !found {
		return after // a new session: nothing else was tried
	}
	return store.SignalProtobufSerializer.Session.Serialize(&record.SessionStructure{
		SessionState:   fresh.Structure().SessionState,
		PreviousStates: earlier,
	})
}

func parseSession(raw []byte) *record.Session {
	if len(raw) == 0 {
		return nil
	}
	s, err := record.NewSessionFromBytes(raw, store.SignalProtobufSerializer.Session, store.SignalProtobufSerializer.State)
	if err != nil {
		return nil
	}
	return s
}
