package api

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"chasqui/internal/wa"
)

// caller is who sent a request. The secret is kept so that a stream can ask
// again, from time to time, whether its key still opens anything.
type caller struct {
	actor  wa.Actor
	secret wa.Secret
	gin    *gin.Context
}

type callerKey struct{}

// actorOf gives the actor that admit let in.
func actorOf(ctx context.Context) wa.Actor {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c.actor
}

// admit lets in who holds a permission.
func (a *api) admit(need wa.Permission) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		c := humagin.Unwrap(ctx)
		who, p := a.identify(c, need, bearerOrKey(c.Request))
		if p != nil {
			a.refuse(c, p)
			return
		}
		next(huma.WithValue(ctx, callerKey{}, who))
	}
}

// identify finds the actor behind a secret and checks that it holds a
// permission, and holds it freshly where that is asked for.
func (a *api) identify(c *gin.Context, need wa.Permission, secret wa.Secret) (caller, *Problem) {
	if secret.IsZero() {
		p := problemOf(http.StatusUnauthorized, "send an API key as X-API-Key, or a key or access token as Authorization: Bearer")
		p.challenge = "Bearer"
		return caller{}, p
	}
	if p := a.countLookUp(c, secret); p != nil {
		return caller{}, p
	}
	actor, err := a.authenticate(c, secret)
	if err != nil {
		p := problemFrom(err, "header")
		if p.Status == http.StatusUnauthorized {
			p.challenge = "Bearer"
		}
		return caller{}, p
	}
	c.Set(noteOrg, actor.Org.String())
	c.Set(noteActor, actor)
	if err := mayDo(actor, need); err != nil {
		return caller{}, problemFrom(err, "header")
	}
	return caller{actor: actor, secret: secret, gin: c}, nil
}

// authenticate finds the actor behind a secret and notes where it comes from.
// A key that is bound to networks opens nothing elsewhere: that is refused, and
// counted, like one that opens nothing at all, and its org can read of it.
func (a *api) authenticate(c *gin.Context, secret wa.Secret) (wa.Actor, error) {
	actor, err := a.Accounts.Authenticate(c.Request.Context(), secret)
	if err != nil {
		return wa.Actor{}, err
	}
	actor.From = callerOf(c)
	if !actor.UsableFrom(actor.From.IP) {
		if err := a.Accounts.RefuseKey(c.Request.Context(), actor); err != nil {
			return wa.Actor{}, err
		}
		return wa.Actor{}, &wa.Error{Code: wa.Unauthorized, Reason: "address_not_allowed", Message: "this API key may not be used from here"}
	}
	return actor, nil
}

// mayDo refuses an actor that does not hold a permission.
func mayDo(actor wa.Actor, need wa.Permission) error {
	switch {
	case need == anybody:
		return nil
	case actor.FactorDue:
		return &wa.Error{Code: wa.Forbidden, Reason: "second_factor_required", Message: "your organisation asks for a second factor: POST " + v1 + "/me/totp"}
	case !actor.May(need) && actor.User.IsZero() && !wa.Grants()[need].Key:
		return wa.Errorf(wa.Forbidden, "no API key can have the permission %s: sign in", need)
	case !actor.May(need):
		return wa.Errorf(wa.Forbidden, "this needs the permission %s", need)
	}
	return freshEnough(actor, need)
}

// freshEnough asks people for their password or second factor again where a
// permission needs a recent one.
func freshEnough(actor wa.Actor, need wa.Permission) error {
	if wa.NeedsStepUp(need) && !actor.Fresh {
		return &wa.Error{Code: wa.Forbidden, Reason: "step_up_required", Message: "prove again who you are: POST " + v1 + "/auth/step-up"}
	}
	return nil
}

// bearerOrKey reads the credential of a request; zero when there is none.
func bearerOrKey(r *http.Request) wa.Secret {
	if key := r.Header.Get("X-API-Key"); key != "" {
		return wa.NewSecret(strings.TrimSpace(key))
	}
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return wa.NewSecret(strings.TrimSpace(rest))
	}
	return wa.Secret{}
}

// anyCredential also takes the key as the password of HTTP Basic, which is what
// a browser can ask a person for.
func anyCredential(r *http.Request) wa.Secret {
	if s := bearerOrKey(r); !s.IsZero() {
		return s
	}
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
	if !strings.EqualFold(scheme, "Basic") || err != nil {
		return wa.Secret{}
	}
	_, password, _ := strings.Cut(string(raw), ":")
	return wa.NewSecret(password)
}

// stillIn gives the caller of a stream as they are now, and whether they may go
// on listening. While the database is away everybody may.
func (a *api) stillIn(ctx context.Context, need wa.Permission) (wa.Actor, bool) {
	who, _ := ctx.Value(callerKey{}).(caller)
	actor, err := a.authenticate(who.gin, who.secret)
	if code := wa.CodeOf(err); err != nil && code != wa.Unauthorized && code != wa.Forbidden {
		return who.actor, true
	}
	return actor, err == nil && actor.May(need)
}

// waits prepares for an answer that is held on purpose: it does not count as a
// response time, and the server's write timeout begins after the longest wait.
func waits(ctx context.Context) error {
	who, ok := ctx.Value(callerKey{}).(caller)
	if !ok {
		return nil
	}
	if err := holds(ctx); err != nil {
		return err
	}
	who.gin.Set(noteWaited, true)
	// A writer without deadlines has none to move.
	_ = http.NewResponseController(who.gin.Writer).SetWriteDeadline(time.Now().Add(maxWait + writeWithin))
	return nil
}
