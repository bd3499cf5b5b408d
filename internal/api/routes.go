package api

import (
	"net/http"
	"reflect"

	"chasqui/internal/wa"
)

const v1 = "/api/v1"

// routes is the table of contents: method, address, what one must be allowed to
// do, and who does it.
func (a *api) routes() {
	const (
		GET, POST, PUT, PATCH, DELETE = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete

		client  = v1 + "/clients/{client}"
		message = v1 + "/messages/{message}"
		webhook = v1 + "/webhooks/{webhook}"
		user    = v1 + "/users/{user}"
		auth    = v1 + "/auth"
		key     = v1 + "/api-keys/{key}"
	)
	known := gives(a, "The outcome, when it was waited for, or that of a dry run", reflect.TypeFor[placed](), mediaJSON)
	code := gives(a, "The pairing", reflect.TypeFor[pairingView](), mediaJSON, mediaPNG, mediaText, mediaStream)
	stream := gives(a, "Events as they come", nil, mediaStream)
	table := gives(a, "The log as CSV, at most 100,000 lines, the newest", nil, mediaCSV)
	found := answers(http.StatusFound)
	refusedMessage, full := fails(a, http.StatusUnprocessableEntity, "recipient_invalid", "unsupported"), fails(a, http.StatusTooManyRequests, "queue_full")
	beyond := fails(a, http.StatusForbidden, "scope_beyond_yours")
	created, accepted, empty := answers(http.StatusCreated), answers(http.StatusAccepted), answers(http.StatusNoContent)

	op(a, POST, v1+"/clients", wa.WriteClients, a.createClient, "Create a client", created)
	op(a, GET, v1+"/clients", wa.ReadClients, a.clients, "List clients")
	op(a, GET, v1+"/clients/health", wa.InspectClients, a.clientsHealth, "List the condition of clients")
	op(a, GET, client, wa.ReadClients, a.client, "Get a client")
	op(a, GET, client+"/health", wa.InspectClients, a.clientHealth, "Get a client's condition")
	op(a, GET, client+"/history", wa.InspectClients, a.clientHistory, "List how a client was")
	op(a, PATCH, client, wa.WriteClients, a.changeClient, "Change a client")
	op(a, DELETE, client, wa.UnlinkClients, a.deleteClient, "Delete a client", empty)
	op(a, POST, client+"/pair", wa.WriteClients, a.pair, "Start pairing a client", accepted, fails(a, http.StatusUnprocessableEntity, "recipient_invalid"))
	op(a, DELETE, client+"/pair", wa.WriteClients, a.stopPairing, "Give up pairing a client", empty)
	op(a, GET, client+"/qr", wa.WriteClients, a.qr, "Show the pairing code", code)
	op(a, POST, client+"/passkey", wa.WriteClients, a.answerPasskey, "Answer a pairing's passkey request", empty)
	op(a, POST, client+"/passkey/confirm", wa.WriteClients, a.confirmPasskey, "Confirm a pairing's code", empty)
	op(a, POST, client+"/connect", wa.WriteClients, wish(a.Fleet.Connect), "Bring a client online", accepted)
	op(a, POST, client+"/disconnect", wa.WriteClients, wish(a.Fleet.Disconnect), "Take a client offline", accepted)
	op(a, POST, client+"/logout", wa.UnlinkClients, wish(a.Fleet.LogOut), "Unlink a client from its phone", accepted)
	op(a, POST, client+"/pause", wa.WriteClients, wish(a.Fleet.Pause), "Pause a client's line")
	op(a, POST, client+"/resume", wa.WriteClients, wish(a.Fleet.Resume), "Resume a client's line")
	op(a, POST, client+"/stop", wa.Stop, a.stopClient, "Stop all that leaves a client")
	op(a, DELETE, client+"/stop", wa.Release, a.releaseClient, "Release a client's stop")
	op(a, POST, v1+"/org/stop", wa.Stop, a.stopOrg, "Stop all that leaves the organisation")
	op(a, DELETE, v1+"/org/stop", wa.Release, a.releaseOrg, "Release the organisation's stop")
	op(a, GET, v1+"/org/stop", wa.ReadClients, a.stops, "List what is stopped")
	op(a, GET, client+"/limits", wa.InspectClients, a.limits, "Get a client's limits")
	op(a, PUT, client+"/limits", wa.WriteLimits, a.setLimits, "Change a client's limits", fails(a, http.StatusForbidden, "step_up_required"))
	op(a, GET, client+"/capabilities", wa.ReadClients, a.capabilities, "Get what a client can do")

	op(a, GET, client+"/agents", wa.ReadUsers, a.agents, "List whom a client is assigned to")
	op(a, PUT, client+"/agents", wa.WriteUsers, a.setAgents, "Assign a client to people")

	op(a, POST, client+"/messages", wa.SendMessages, a.sendMessage, "Send a message", accepted, known, takes(MaxBody), refusedMessage, full)
	op(a, POST, client+"/messages/batch", wa.SendBulk, a.sendBatch, "Send a batch of messages", accepted, takes(MaxBatchBody), refusedMessage, full)
	op(a, POST, "/api/clients/{client}/send-message", wa.SendMessages, a.sendShort, "Send a text", accepted, takes(MaxBody), refusedMessage, full)
	op(a, GET, v1+"/messages", wa.ReadMessages, a.messages, "List messages")
	op(a, GET, v1+"/messages/export", wa.ExportMessages, a.exportMessages, "Export messages", gives(a, "The messages as CSV, newest first", nil, mediaCSV))
	op(a, GET, message, wa.ReadMessages, a.message, "Get a message")
	op(a, GET, message+"/timeline", wa.ReadMessages, a.timeline, "Get a message's timeline")
	op(a, DELETE, message, wa.EditMessages, a.cancelMessage, "Cancel a message")
	op(a, POST, message+"/retry", wa.EditMessages, a.retryMessage, "Retry a failed message", accepted)

	op(a, GET, message+"/callbacks", wa.ReadWebhooks, a.callbacks, "List what a message's callback_url got")
	op(a, GET, message+"/callbacks/{delivery}/request", wa.ReadWebhooks, a.callbackSent, "Get what a message's callback_url was sent")
	op(a, POST, message+"/callbacks/{delivery}/resend", wa.WriteWebhooks, a.resendCallback, "Send a message's callback_url something again", accepted)

	op(a, GET, v1+"/chats", wa.ReadContacts, a.chats, "List chats")
	op(a, GET, v1+"/chats/{chat}", wa.ReadContacts, a.chat, "Get a chat")
	op(a, POST, v1+"/chats/{chat}/read", wa.WriteChats, a.readChat, "Mark a chat read")
	op(a, POST, v1+"/chats/{chat}/unread", wa.WriteChats, markChat(a.Messages.MarkUnread), "Mark a chat unread")
	op(a, PUT, v1+"/chats/{chat}/assign", wa.WriteChats, a.assignChat, "Assign a chat to a person")
	op(a, GET, v1+"/contacts", wa.ReadContacts, a.contacts, "List contacts")
	op(a, GET, v1+"/contacts/export", wa.ExportContacts, a.exportContacts, "Export contacts", gives(a, "The contacts as CSV, newest first", nil, mediaCSV))
	op(a, GET, v1+"/contacts/{contact}", wa.ReadContacts, a.contact, "Get a contact")
	op(a, DELETE, v1+"/contacts/{contact}", wa.EraseContacts, a.eraseContact, "Erase a contact")
	op(a, GET, v1+"/erasures", wa.ReadErasures, a.erasures, "List erasures")
	op(a, GET, v1+"/erasures/{erasure}", wa.ReadErasures, a.erasure, "Get an erasure")

	op(a, GET, v1+"/events", wa.ReadEvents, a.events, "Read events")
	op(a, GET, v1+"/events/stream", wa.ReadEvents, a.eventStream, "Stream events", stream)
	op(a, POST, v1+"/webhooks", wa.WriteWebhooks, a.createWebhook, "Create a webhook", created)
	op(a, GET, v1+"/webhooks", wa.ReadWebhooks, a.webhooks, "List webhooks")
	op(a, GET, v1+"/webhooks/callback-secret", wa.HoldSecrets, a.callbackSecret, "Get the secret that signs callbacks")
	op(a, POST, v1+"/webhooks/callback-secret/rotate", wa.HoldSecrets, a.rotateCallbackSecret, "Make a new secret for callbacks")
	op(a, GET, webhook, wa.ReadWebhooks, a.webhook, "Get a webhook")
	op(a, PATCH, webhook, wa.WriteWebhooks, a.changeWebhook, "Change a webhook")
	op(a, DELETE, webhook, wa.WriteWebhooks, a.deleteWebhook, "Delete a webhook", empty)
	op(a, POST, webhook+"/enable", wa.WriteWebhooks, a.enableWebhook, "Enable a webhook")
	op(a, POST, webhook+"/disable", wa.WriteWebhooks, a.disableWebhook, "Disable a webhook")
	op(a, POST, webhook+"/rotate", wa.HoldSecrets, a.rotateSecret, "Make a new secret for a webhook")
	op(a, POST, webhook+"/revoke", wa.HoldSecrets, a.revokeSecrets, "End a webhook's old secrets", empty)
	op(a, POST, webhook+"/test", wa.WriteWebhooks, a.testWebhook, "Send a webhook a test event", accepted)
	op(a, POST, webhook+"/recover", wa.WriteWebhooks, a.recoverWebhook, "Send a webhook again what failed", accepted)
	op(a, POST, webhook+"/replay", wa.WriteWebhooks, a.replayWebhook, "Send a webhook what it never got", accepted)
	op(a, GET, webhook+"/recoveries/{recovery}", wa.ReadWebhooks, a.recovery, "Get how far a recovery is")
	op(a, GET, webhook+"/deliveries", wa.ReadWebhooks, a.deliveries, "List a webhook's deliveries")
	op(a, GET, webhook+"/deliveries/{delivery}/attempts", wa.ReadWebhooks, a.attempts, "List a delivery's attempts")
	op(a, GET, webhook+"/deliveries/{delivery}/request", wa.ReadWebhooks, a.sent, "Get what a delivery sent")
	op(a, POST, webhook+"/deliveries/{delivery}/resend", wa.WriteWebhooks, a.resend, "Send a delivery again", accepted)

	op(a, GET, user+"/assignments", wa.ReadUsers, a.assignments, "Get what a person looks after")
	op(a, PUT, user+"/assignments", wa.WriteUsers, a.setAssignments, "Change what a person looks after")

	op(a, POST, v1+"/api-keys", wa.WriteKeys, a.createKey, "Create an API key", created, beyond)
	op(a, GET, v1+"/api-keys", wa.ReadKeys, a.keys, "List API keys")
	op(a, GET, key, wa.ReadKeys, a.key, "Get an API key")
	op(a, PATCH, key, wa.WriteKeys, a.changeKey, "Change an API key", beyond)
	op(a, POST, key+"/rotate", wa.WriteKeys, a.rotateKey, "Give an API key another text")
	op(a, DELETE, key, wa.WriteKeys, a.revokeKey, "Revoke an API key", empty)

	op(a, GET, v1+"/overview", wa.ReadAnalytics, a.overview, "Get what is going on")
	op(a, GET, v1+"/analytics/messages", wa.ReadAnalytics, a.analytics, "Count messages over time")
	op(a, GET, v1+"/monitoring", wa.ReadMonitoring, a.monitoring, "Get how the platform does")

	op(a, GET, v1+"/event-types", anybody, a.eventTypes, "List event types")

	op(a, GET, setUpPath, nobody, a.setUpNeeded, "Ask whether the installation is to be set up")
	op(a, POST, setUpPath, nobody, a.setUp, "Set the installation up", fails(a, http.StatusForbidden, "setup_token"), fails(a, http.StatusNotFound, "not_found"))

	op(a, POST, auth+"/sign-in", nobody, a.signIn, "Sign in")
	op(a, POST, auth+"/second-factor", nobody, a.secondFactor, "Give a second factor")
	op(a, POST, auth+"/otp/send", nobody, a.sendCode, "Have a one-time code sent by WhatsApp", accepted)
	op(a, POST, auth+"/refresh", nobody, a.refresh, "Get the next tokens")
	op(a, POST, auth+"/sign-out", nobody, a.signOut, "Sign out", empty)
	op(a, POST, auth+"/step-up", anybody, a.stepUp, "Prove anew who you are")
	op(a, POST, auth+"/password/forgot", nobody, a.forgot, "Have a link for a new password mailed", accepted)
	op(a, POST, auth+"/password/reset", nobody, a.resetPassword, "Set a new password by a mailed link")
	op(a, POST, auth+"/unlock", nobody, a.unlock, "Unlock an account by a mailed link", empty)
	op(a, POST, auth+"/invitation", nobody, a.readInvitation, "Read an invitation")
	op(a, POST, auth+"/accept-invitation", nobody, a.acceptInvitation, "Accept an invitation", created)
	op(a, GET, auth+"/oidc/{org}/start", nobody, a.startOIDC, "Sign in at an org's own provider", found)
	op(a, GET, auth+"/oidc/{org}/callback", nobody, a.finishOIDC, "Come back from an org's own provider", found)

	op(a, GET, v1+"/me", anybody, a.me, "Get who asks")
	op(a, PATCH, v1+"/me", anybody, a.renameMe, "Change your name")
	op(a, POST, v1+"/me/password", anybody, a.changePassword, "Change your password", empty)
	op(a, DELETE, v1+"/me", anybody, onMe(a.Accounts.Leave), "Delete your account", empty, fails(a, http.StatusForbidden, "step_up_required"))
	op(a, GET, v1+"/me/sessions", anybody, a.sessions, "List your sessions")
	op(a, DELETE, v1+"/me/sessions", anybody, onMe(a.Accounts.EndOtherSessions), "End your other sessions", empty)
	op(a, DELETE, v1+"/me/sessions/{session}", anybody, a.endSession, "End one of your sessions", empty)
	op(a, POST, v1+"/me/totp", anybody, a.startTOTP, "Start setting up an authenticator app", created)
	op(a, POST, v1+"/me/totp/confirm", anybody, a.confirmTOTP, "Confirm an authenticator app")
	op(a, DELETE, v1+"/me/totp", anybody, onMe(a.Accounts.StopTOTP), "Take your second factors away", empty)
	op(a, POST, v1+"/me/recovery-codes", anybody, a.newRecoveryCodes, "Make new recovery codes", created)
	op(a, POST, v1+"/me/phone", anybody, a.startPhone, "Start confirming your number", accepted)
	op(a, POST, v1+"/me/phone/confirm", anybody, a.confirmPhone, "Confirm your number", empty)
	op(a, DELETE, v1+"/me/phone", anybody, onMe(a.Accounts.DropPhone), "Forget your number", empty)

	op(a, GET, v1+"/permissions", anybody, a.permissions, "Get the permission table")
	op(a, GET, v1+"/users", wa.ReadUsers, a.users, "List users")
	op(a, GET, user, wa.ReadUsers, a.user, "Get a user")
	op(a, PATCH, user, wa.WriteUsers, a.changeUser, "Change a user", fails(a, http.StatusForbidden, "step_up_required"))
	op(a, DELETE, user, wa.DeleteUsers, onUser(a.Accounts.DeleteUser), "Delete a user", empty)
	op(a, POST, user+"/reset-second-factor", wa.ResetUsers, onUser(a.Accounts.ResetFactors), "Reset a user's second factor", empty)
	op(a, POST, user+"/unlock", wa.ResetUsers, onUser(a.Accounts.UnlockUser), "Unlock a user", empty)
	op(a, POST, user+"/sign-out", wa.ResetUsers, onUser(a.Accounts.ExpelUser), "Sign a user out everywhere", empty)
	op(a, POST, v1+"/invitations", wa.WriteUsers, a.invite, "Invite somebody", created, fails(a, http.StatusForbidden, "step_up_required"))
	op(a, GET, v1+"/invitations", wa.ReadUsers, a.invitations, "List invitations")
	op(a, DELETE, v1+"/invitations/{invitation}", wa.WriteUsers, a.revokeInvitation, "Revoke an invitation", empty, fails(a, http.StatusForbidden, "step_up_required"))
	op(a, GET, v1+"/org", wa.ReadOrg, a.org, "Get the organisation")
	op(a, GET, v1+"/org/limits", wa.ReadOrg, a.orgLimits, "List what the organisation is held to")
	op(a, DELETE, v1+"/org", wa.DeleteOrg, a.deleteOrg, "Delete the organisation")
	op(a, POST, v1+"/org/keep", wa.DeleteOrg, onMe(a.Accounts.KeepOrg), "Take the organisation's deletion back", empty)
	op(a, PATCH, v1+"/org", wa.WriteOrg, a.changeOrg, "Change the organisation", fails(a, http.StatusForbidden, "step_up_required"))

	op(a, GET, v1+"/audit", wa.ReadAudit, a.auditLog, "Search the audit log")
	op(a, GET, v1+"/audit/actions", wa.ReadAudit, a.auditActions, "List audit actions")
	op(a, GET, v1+"/audit/export", wa.ExportAudit, a.exportAudit, "Export the audit log", table)

	op(a, GET, "/health", nobody, a.health, "Get the version")
	op(a, GET, "/livez", nobody, a.live, "Ask whether the process lives")
	op(a, GET, "/readyz", nobody, a.ready, "Ask whether requests can be served")
}
