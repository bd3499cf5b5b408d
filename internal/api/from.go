package api

import (
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"chasqui/internal/wa"
)

// From is where a request came from, for operations that let people in.
type From struct{ caller wa.Caller }

// Resolve fills it in.
func (f *From) Resolve(ctx huma.Context) []error {
	f.caller = callerOf(humagin.Unwrap(ctx))
	return nil
}

var _ huma.Resolver = (*From)(nil)

// callerOf tells where a request came from. What it says of itself is cut and
// made printable: it is kept and shown to people.
func callerOf(c *gin.Context) wa.Caller {
	return wa.Caller{IP: c.ClientIP(), Agent: printable(c.Request.UserAgent(), wa.MaxAgent), Request: c.Writer.Header().Get(headerRequestID)}
}

func printable(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if r := []rune(s); len(r) > most {
		s = string(r[:most])
	}
	return s
}
