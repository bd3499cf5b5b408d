package account

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"chasqui/internal/wa"
)

var (
	signInsTotal = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "chasqui_sign_ins_total", Help: "Attempts to sign in by password: in, asked (for a second factor), refused, slowed (too many), failed (on our side).",
	}, []string{"result"})
	mailsTotal = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "chasqui_mails_total", Help: "Mails to people: sent or failed.",
	}, []string{"result"})
)

// countSignIn counts how an attempt ended.
func countSignIn(e Entered, err error) {
	result := "in"
	switch {
	case wa.CodeOf(err) == wa.Unauthorized:
		result = "refused"
	case wa.CodeOf(err) == wa.RateLimited:
		result = "slowed"
	case err != nil:
		result = "failed"
	case e.Challenge != nil:
		result = "asked"
	}
	signInsTotal.WithLabelValues(result).Inc()
}
