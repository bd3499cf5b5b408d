package whatsim

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// ErrUnknownRule is returned for a rule that is not in force.
var ErrUnknownRule = errors.New("whatsim: no such rule")

// target is the body of calls that are about one number; "" means all where that makes sense.
type target struct {
	Phone string `json:"phone"`
}

// ctlAddPhone makes a phone, or changes the name of one that exists.
func (s *Server) ctlAddPhone(r *http.Request) (any, error) {
	var in struct {
		Number string `json:"number"` // "": a fresh one
		Name   string `json:"name"`
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	if in.Number == "" {
		in.Number = s.freshNumber()
	}
	info, err := s.Phone(in.Number)
	if err != nil || in.Name == "" {
		return info, err
	}
	info.Behaviour.PushName = in.Name
	if err := s.SetBehaviour(in.Number, info.Behaviour); err != nil {
		return nil, err
	}
	return s.Phone(in.Number)
}

func (s *Server) ctlScan(r *http.Request) (any, error) {
	var in struct {
		QR    string `json:"qr"`
		Phone string `json:"phone"` // "": a fresh phone
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.pairingTime(in.Phone))
	defer cancel()
	jid, err := s.Scan(ctx, in.QR, in.Phone)
	return map[string]string{"jid": jid.String(), "phone": jid.User}, err
}

func (s *Server) ctlCode(r *http.Request) (any, error) {
	var in struct {
		Phone string `json:"phone"`
		Code  string `json:"code"`
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.pairingTime(in.Phone))
	defer cancel()
	jid, err := s.EnterCode(ctx, in.Phone, in.Code)
	return map[string]string{"jid": jid.String(), "phone": jid.User}, err
}

// ctlApprovePasskey answers {"response": ...}: what a browser on web.whatsapp.com gives.
func (s *Server) ctlApprovePasskey(r *http.Request) (any, error) {
	var in target
	if err := read(r, &in); err != nil {
		return nil, err
	}
	answer, err := s.ApprovePasskey(in.Phone)
	return map[string]any{"response": answer}, err
}

func (s *Server) ctlRefusePasskey(r *http.Request) (any, error) {
	var in target
	if err := read(r, &in); err != nil {
		return nil, err
	}
	return done{}, s.RefusePasskey(in.Phone)
}

func (s *Server) ctlWrite(r *http.Request) (any, error) {
	var d Draft
	if err := read(r, &d); err != nil {
		return nil, err
	}
	id, err := s.Write(r.Context(), d)
	return map[string]string{"id": id}, err
}

func (s *Server) ctlReceipt(r *http.Request) (any, error) {
	var in Receipt
	if err := read(r, &in); err != nil {
		return nil, err
	}
	return done{}, s.SendReceipt(in)
}

func (s *Server) ctlIdentity(r *http.Request) (any, error) {
	var in struct {
		Phone  string `json:"phone"`
		Silent bool   `json:"silent"` // do not tell the companions that know the number
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	return done{}, s.ChangeIdentity(in.Phone, !in.Silent)
}

func (s *Server) ctlAddRule(r *http.Request) (any, error) {
	var rule Rule
	if err := read(r, &rule); err != nil {
		return nil, err
	}
	return s.AddRule(rule)
}

func (s *Server) ctlRemoveRule(r *http.Request) (any, error) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil || !s.RemoveRule(id) {
		return nil, ErrUnknownRule
	}
	return done{}, nil
}

func (s *Server) ctlDrop(r *http.Request) (any, error) {
	var in target
	if err := read(r, &in); err != nil {
		return nil, err
	}
	return map[string]int{"count": s.Drop(in.Phone)}, nil
}

func (s *Server) ctlStreamError(r *http.Request) (any, error) {
	var in struct {
		target
		Code int `json:"code"`
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	return map[string]int{"count": s.StreamError(in.Phone, in.Code)}, nil
}

func (s *Server) ctlLogout(r *http.Request) (any, error) {
	var in target
	if err := read(r, &in); err != nil {
		return nil, err
	}
	return done{}, s.Logout(in.Phone)
}

func (s *Server) ctlBan(r *http.Request) (any, error) {
	var in struct {
		target
		Reason int `json:"reason"`   // 0: 402
		Code   int `json:"code"`     // 0: 101
		Expire int `json:"expire_s"` // 0: until unban
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	return done{}, s.Ban(in.Phone, Ban{Reason: in.Reason, Code: in.Code, Expire: time.Duration(in.Expire) * time.Second})
}

func (s *Server) ctlUnban(r *http.Request) (any, error) {
	var in target
	if err := read(r, &in); err != nil {
		return nil, err
	}
	return done{}, s.Unban(in.Phone)
}

func (s *Server) ctlRefuse(r *http.Request) (any, error) {
	var in struct {
		Refuse bool `json:"refuse"`
	}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	s.RefuseConnections(in.Refuse)
	return done{}, nil
}
