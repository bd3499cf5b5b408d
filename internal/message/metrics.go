package message

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"chasqui/internal/provider"
	"chasqui/internal/telemetry"
)

var (
	acceptedTotal = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "chasqui_messages_accepted_total", Help: "Messages accepted, by lane.",
	}, []string{"lane"})
	finalTotal = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "chasqui_messages_final_total", Help: "Messages that were sent or ended otherwise, by status and failure code.",
	}, []string{"status", "code"})
	acceptToSent = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name: "chasqui_message_accept_to_sent_seconds", Help: "From accepted (or due) to WhatsApp's confirmation.",
		Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 36000},
	}, []string{"lane"})
	sendSeconds = promauto.NewHistogram(prometheus.HistogramOpts{
		Name: "chasqui_send_seconds", Help: "One attempt, from handing it to the provider to its answer.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20},
	})
	ambiguousTotal = telemetry.FromZero(promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "chasqui_ambiguous_total", Help: "Sendings whose outcome was unknown, by how that was resolved.",
	}, []string{"resolution"}), "receipt", "resend", "unknown")
	fenceRejections = promauto.NewCounter(prometheus.CounterOpts{
		Name: "chasqui_fence_rejections_total", Help: "Sendings stopped at the last moment because the client was no longer surely ours.",
	})
	receiptsTotal = telemetry.FromZero(promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "chasqui_receipts_total", Help: "Messages that a receipt moved on, by its kind.",
	}, []string{"kind"}), provider.ReceiptDelivered, provider.ReceiptRead, provider.ReceiptPlayed)
	readReceipts = telemetry.FromZero(promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "chasqui_read_receipts_total", Help: "Messages whose writers were to be told that they were read, by what came of it.",
	}, []string{"outcome"}), readTold, readPutBack, readUnanswered, readGivenUp)
	duplicateReceipts = promauto.NewCounter(prometheus.CounterOpts{
		Name: "chasqui_duplicate_receipt_id_total", Help: "Messages of ours that share a receipt's id with another one. Must be 0.",
	})
	markRetries = promauto.NewCounter(prometheus.CounterOpts{
		Name: "chasqui_sent_mark_retries_total", Help: "Times that the outcome of a sending had to wait for Postgres.",
	})
	paceWait = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name: "chasqui_pace_wait_seconds", Help: "Waits that pacing imposed, by reason.",
		Buckets: []float64{.1, .5, 1, 2, 5, 10, 30, 60, 300, 1800, 3600, 43200},
	}, []string{"reason"})
	windowUsed = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name: "chasqui_window_used_ratio", Help: "How much of a limit was used when a message started, by window. Above 1 is above the limit.",
		Buckets: []float64{.1, .25, .5, .75, .9, 1, 1.5, 2},
	}, []string{"window"})
	coolDowns = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "chasqui_cooldowns_total", Help: "Times that a number was told to slow down, by failure code.",
	}, []string{"reason"})
	workFoundBy = telemetry.FromZero(promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "chasqui_work_found_by_total", Help: "What woke a line that then found work: a bell, the poll, or its own timer.",
	}, []string{"source"}), "ring", "poll", "change", "timer", "line")
	ringToClaim = promauto.NewHistogram(prometheus.HistogramOpts{
		Name: "chasqui_ring_to_claim_seconds", Help: "From a bell to the claim that answers it.",
		Buckets: []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
	})
	receivedTotal = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "chasqui_messages_received_total", Help: "Inbound messages stored, by type.",
	}, []string{"type"})
	poisonTotal = promauto.NewCounter(prometheus.CounterOpts{
		Name: "chasqui_poison_total", Help: "Panics contained while handling one message.",
	})
)
