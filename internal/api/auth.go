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
// permission.
func (a *api) identify(c *gin.Context, need wa.Permission, secret wa.Secret) (caller, *Problem) {
	if secret.IsZero() {
		p := problemOf(http.StatusUnauthorized, "send an API key as X-API-Key, or as Authorization: Bearer")
		p.challenge = "Bearer"
		return caller{}, p
	}
	actor, err := a.Accounts.Authenticate(c.Request.Context(), secret)
	if err != nil {
		p := problemFrom(err, "header")
		if p.Status == http.StatusUnauthorized {
			p.challenge = "Bearer"
		}
		return caller{}, p
	}
	c.Set(noteOrg, actor.Org.String())
	if need != anybody && !actor.May(need) {
		return caller{}, problemOf(http.StatusForbidden, "this needs the scope "+string(need))
	}
	return caller{actor: actor, secret: secret, gin: c}, nil
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

// stillIn reports whether the caller of a stream may go on listening. While the
// database is away everybody may.
func (a *api) stillIn(ctx context.Context, need wa.Permission) bool {
	who, _ := ctx.Value(callerKey{}).(caller)
	actor, err := a.Accounts.Authenticate(ctx, who.secret)
	if err != nil {
		return wa.CodeOf(err) != wa.Unauthorized
	}
	return actor.May(need)
}

// waits prepares for an answer that is held on purpose: it does not count as a
// response time, and the server's write timeout begins after the longest wait.
func waits(ctx context.Context) {
	who, ok := ctx.Value(callerKey{}).(caller)
	if !ok {
		return
	}
	who.gin.Set(noteWaited, true)
	// A writer without deadlines has none to move.
	_ = http.NewResponseController(who.gin.Writer).SetWriteDeadline(time.Now().Add(maxWait + writeWithin))
}
