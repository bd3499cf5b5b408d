package api

import (
	"net/http"
	"reflect"

	"chasqui/internal/wa"
)

const v1 = "/api/v1"

// routes is the table of contents: method, address, what a key must be allowed
// to do, and who does it.
func (a *api) routes() {
	const (
		GET, POST, PUT, PATCH, DELETE = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete

		client  = v1 + "/clients/{client}"
		message = v1 + "/messages/{message}"
		webhook = v1 + "/webhooks/{webhook}"
	)
	known := gives(a, http.StatusOK, "The outcome, when it was waited for, or that of a dry run", reflect.TypeFor[placed](), mediaJSON)
	code := gives(a, http.StatusOK, "The pairing", reflect.TypeFor[pairingView](), mediaJSON, mediaPNG, mediaText, mediaStream)
	stream := gives(a, http.StatusOK, "Events as they come", nil, mediaStream)
	created, accepted, empty := answers(http.StatusCreated), answers(http.StatusAccepted), answers(http.StatusNoContent)

	op(a, POST, v1+"/clients", wa.WriteClients, a.createClient, "Create a client", created)
	op(a, GET, v1+"/clients", wa.ReadClients, a.clients, "List clients")
	op(a, GET, client, wa.ReadClients, a.client, "Get a client")
	op(a, PATCH, client, wa.WriteClients, a.renameClient, "Rename a client")
	op(a, DELETE, client, wa.WriteClients, a.deleteClient, "Delete a client", empty)
	op(a, POST, client+"/pair", wa.WriteClients, a.pair, "Start pairing a client", accepted)
	op(a, GET, client+"/qr", wa.WriteClients, a.qr, "Show the pairing code", code)
	op(a, POST, client+"/passkey", wa.WriteClients, a.answerPasskey, "Answer a pairing's passkey request", empty)
	op(a, POST, client+"/passkey/confirm", wa.WriteClients, a.confirmPasskey, "Confirm a pairing's code", empty)
	op(a, POST, client+"/connect", wa.WriteClients, wish(a.Fleet.Connect), "Bring a client online", accepted)
	op(a, POST, client+"/disconnect", wa.WriteClients, wish(a.Fleet.Disconnect), "Take a client offline", accepted)
	op(a, POST, client+"/logout", wa.WriteClients, wish(a.Fleet.LogOut), "Unlink a client from its phone", accepted)
	op(a, POST, client+"/pause", wa.WriteClients, wish(a.Fleet.Pause), "Pause a client's line")
	op(a, POST, client+"/resume", wa.WriteClients, wish(a.Fleet.Resume), "Resume a client's line")
	op(a, GET, client+"/limits", wa.ReadClients, a.limits, "Get a client's limits")
	op(a, PUT, client+"/limits", wa.WriteClients, a.setLimits, "Change a client's limits")
	op(a, GET, client+"/capabilities", wa.ReadClients, a.capabilities, "Get what a client can do")

	op(a, POST, client+"/messages", wa.SendMessages, a.sendMessage, "Send a message", accepted, known, takes(MaxBody))
	op(a, POST, client+"/messages/batch", wa.SendMessages, a.sendBatch, "Send a batch of messages", accepted, takes(MaxBatchBody))
	op(a, POST, "/api/clients/{client}/send-message", wa.SendMessages, a.sendShort, "Send a text", accepted, takes(MaxBody))
	op(a, GET, v1+"/messages", wa.ReadMessages, a.messages, "List messages")
	op(a, GET, message, wa.ReadMessages, a.message, "Get a message")
	op(a, GET, message+"/timeline", wa.ReadMessages, a.timeline, "Get a message's timeline")
	op(a, DELETE, message, wa.EditMessages, a.cancelMessage, "Cancel a message")
	op(a, POST, message+"/retry", wa.EditMessages, a.retryMessage, "Retry a failed message", accepted)

	op(a, GET, message+"/callbacks", wa.ReadWebhooks, a.callbacks, "List what a message's callback_url got")
	op(a, POST, message+"/callbacks/{delivery}/resend", wa.WriteWebhooks, a.resendCallback, "Send a message's callback_url something again", accepted)

	op(a, GET, v1+"/chats", wa.ReadContacts, a.chats, "List chats")
	op(a, GET, v1+"/chats/{chat}", wa.ReadContacts, a.chat, "Get a chat")
	op(a, GET, v1+"/contacts", wa.ReadContacts, a.contacts, "List contacts")
	op(a, GET, v1+"/contacts/{contact}", wa.ReadContacts, a.contact, "Get a contact")

	op(a, GET, v1+"/events", wa.ReadEvents, a.events, "Read events")
	op(a, GET, v1+"/events/stream", wa.ReadEvents, a.eventStream, "Stream events", stream)
	op(a, POST, v1+"/webhooks", wa.WriteWebhooks, a.createWebhook, "Create a webhook", created)
	op(a, GET, v1+"/webhooks", wa.ReadWebhooks, a.webhooks, "List webhooks")
	op(a, GET, v1+"/webhooks/callback-secret", wa.WriteWebhooks, a.callbackSecret, "Get the secret that signs callbacks")
	op(a, POST, v1+"/webhooks/callback-secret/rotate", wa.WriteWebhooks, a.rotateCallbackSecret, "Make a new secret for callbacks")
	op(a, GET, webhook, wa.ReadWebhooks, a.webhook, "Get a webhook")
	op(a, PATCH, webhook, wa.WriteWebhooks, a.changeWebhook, "Change a webhook")
	op(a, DELETE, webhook, wa.WriteWebhooks, a.deleteWebhook, "Delete a webhook", empty)
	op(a, POST, webhook+"/enable", wa.WriteWebhooks, a.enableWebhook, "Enable a webhook")
	op(a, POST, webhook+"/disable", wa.WriteWebhooks, a.disableWebhook, "Disable a webhook")
	op(a, POST, webhook+"/rotate", wa.WriteWebhooks, a.rotateSecret, "Make a new secret for a webhook")
	op(a, POST, webhook+"/revoke", wa.WriteWebhooks, a.revokeSecrets, "End a webhook's old secrets", empty)
	op(a, POST, webhook+"/test", wa.WriteWebhooks, a.testWebhook, "Send a webhook a test event", accepted)
	op(a, POST, webhook+"/recover", wa.WriteWebhooks, a.recoverWebhook, "Send a webhook again what failed", accepted)
	op(a, POST, webhook+"/replay", wa.WriteWebhooks, a.replayWebhook, "Send a webhook what it never got", accepted)
	op(a, GET, webhook+"/recoveries/{recovery}", wa.ReadWebhooks, a.recovery, "Get how far a recovery is")
	op(a, GET, webhook+"/deliveries", wa.ReadWebhooks, a.deliveries, "List a webhook's deliveries")
	op(a, GET, webhook+"/deliveries/{delivery}/attempts", wa.ReadWebhooks, a.attempts, "List a delivery's attempts")
	op(a, POST, webhook+"/deliveries/{delivery}/resend", wa.WriteWebhooks, a.resend, "Send a delivery again", accepted)

	op(a, GET, v1+"/event-types", anybody, a.eventTypes, "List event types")
	op(a, GET, v1+"/me", anybody, a.me, "Get who the key is")

	op(a, GET, "/health", nobody, a.health, "Get the version")
	op(a, GET, "/livez", nobody, a.live, "Ask whether the process lives")
	op(a, GET, "/readyz", nobody, a.ready, "Ask whether requests can be served")
}
