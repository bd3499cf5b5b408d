package wa

// AuditActions lists everything that the audit logs of orgs may hold, in the
// order in which people look for it.
func AuditActions() []AuditAction {
	return []AuditAction{
		AuditSignedIn, AuditSignInFailed, AuditSignInLocked, AuditSignedOut, AuditSessionEnded, AuditRefreshReused, AuditSteppedUp, AuditStepUpFailed, AuditPasswordChange, AuditPasswordAsked, AuditPasswordReset, AuditTOTPOn, AuditTOTPOff, AuditTOTPReset, AuditRecoveryCodes, AuditRecoveryUsed,
		AuditInvited, AuditInvitationUsed, AuditInvitationRevoked, AuditUserCreated, AuditUserChanged, AuditUserRole, AuditUserDisabled, AuditUserEnabled, AuditUserUnlocked, AuditUserDeleted,
		AuditKeyMade, AuditKeyChanged, AuditKeyRotated, AuditKeyRevoked, AuditKeyRefused,
		AuditClientCreated, AuditClientRenamed, AuditClientDeleted, AuditClientPairing, AuditClientPaired, AuditClientUnpairing, AuditClientLoggedOut, AuditClientUnlinked, AuditClientConnected, AuditClientDisconnected, AuditClientPaused, AuditClientResumed, AuditClientLimits, AuditClientReceipts, AuditClientAssigned, AuditChatAssigned, AuditChatUnassigned, AuditContactErased,
		AuditWebhookCreated, AuditWebhookChanged, AuditWebhookDeleted, AuditWebhookEnabled, AuditWebhookDisabled, AuditWebhookRotated, AuditWebhookRevoked, AuditWebhookRevealed, AuditWebhookTested, AuditWebhookResent, AuditWebhookRecovered, AuditWebhookReplayed,
		AuditStopped, AuditReleased, AuditExported,
		AuditOrgCreated, AuditOrgChanged, AuditSSOChanged, AuditOrgLeaving, AuditOrgKept,
		AuditAlert, AuditForgotten,
	}
}
