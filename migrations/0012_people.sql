-- How people come in: passwords, second factors, sessions, invitations, and an
-- org's rules about all of it.

-- +goose Up

ALTER TABLE users
    ADD COLUMN name                text NOT NULL DEFAULT '',
    ADD COLUMN status              text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
    ADD COLUMN password_changed_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN last_sign_in_at     timestamptz,
    -- Sessions carry the version under which they began; those of an older one are over.
    ADD COLUMN session_version     bigint NOT NULL DEFAULT 1,
    ADD COLUMN totp_seed           bytea, -- sealed; counts once it is confirmed
    ADD COLUMN totp_confirmed_at   timestamptz,
    ADD COLUMN totp_step           bigint NOT NULL DEFAULT 0, -- the last time step that was taken
    ADD COLUMN phone               text NOT NULL DEFAULT '',  -- confirmed: where one-time codes go
    ADD COLUMN oidc_subject        text,
    ADD CHECK (totp_confirmed_at IS NULL OR totp_seed IS NOT NULL);
-- Whom the org's own provider knows by one subject is one person here.
CREATE UNIQUE INDEX users_subject ON users (org_id, oidc_subject) WHERE oidc_subject IS NOT NULL;

CREATE TABLE recovery_codes (
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    org_id  uuid NOT NULL,
    hash    bytea NOT NULL CHECK (octet_length(hash) = 32),
    used_at timestamptz,
    PRIMARY KEY (user_id, hash)
);
SELECT guard_tenant('recovery_codes');

-- One sign-in. Its refresh token is used once and makes the next; only hashes
-- are kept. Who shows a token of this family that is neither the current nor,
-- for a moment, the one before it, has stolen it or was stolen from.
CREATE TABLE sessions (
    id            uuid PRIMARY KEY,
    org_id        uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    user_id       uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    family        bytea NOT NULL UNIQUE CHECK (octet_length(family) = 32),
    refresh_hash  bytea NOT NULL CHECK (octet_length(refresh_hash) = 32),
    previous_hash bytea,
    rotated_at    timestamptz NOT NULL,
    version       bigint NOT NULL,
    how           text NOT NULL CHECK (how IN ('password', 'oidc', 'invitation', 'reset')),
    second_factor boolean NOT NULL, -- it was given, or the org's provider answers for it
    fresh_at      timestamptz NOT NULL,
    ip            text NOT NULL DEFAULT '',
    agent         text NOT NULL DEFAULT '',
    created_at    timestamptz NOT NULL,
    used_at       timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    ended_at      timestamptz,
    ended_why     text NOT NULL DEFAULT ''
) WITH (fillfactor = 80);
SELECT guard_tenant('sessions');
CREATE INDEX sessions_user ON sessions (user_id, created_at DESC, id DESC) WHERE ended_at IS NULL;
CREATE INDEX sessions_age ON sessions (expires_at);

CREATE TABLE invitations (
    id          uuid PRIMARY KEY,
    org_id      uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    email       text NOT NULL CHECK (email = lower(email)),
    role        text NOT NULL CHECK (role IN ('admin', 'manager', 'agent', 'viewer')),
    token_hash  bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    invited_by  text NOT NULL DEFAULT '',
    expires_at  timestamptz NOT NULL,
    accepted_at timestamptz,
    revoked_at  timestamptz,
    created_at  timestamptz NOT NULL
);
SELECT guard_tenant('invitations');
CREATE INDEX invitations_org ON invitations (org_id, created_at DESC, id DESC);
-- One open invitation per address: the next takes its place.
CREATE UNIQUE INDEX invitations_open ON invitations (org_id, email) WHERE accepted_at IS NULL AND revoked_at IS NULL;

-- Links that were mailed: each works once, for a while.
CREATE TABLE mailed_links (
    token_hash bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    org_id     uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    purpose    text NOT NULL CHECK (purpose IN ('reset', 'unlock')),
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL
);
SELECT guard_tenant('mailed_links');
CREATE INDEX mailed_links_user ON mailed_links (user_id, purpose);
CREATE INDEX mailed_links_age ON mailed_links (expires_at);

-- Codes that were sent by WhatsApp: the newest per person and purpose.
CREATE TABLE one_time_codes (
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    org_id     uuid NOT NULL,
    purpose    text NOT NULL CHECK (purpose IN ('sign_in', 'phone')),
    hash       bytea NOT NULL CHECK (octet_length(hash) = 32),
    phone      text NOT NULL DEFAULT '',
    sent_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, purpose)
);
SELECT guard_tenant('one_time_codes');
CREATE INDEX one_time_codes_age ON one_time_codes (expires_at);

-- An org's rules for signing in; an org without a row has the usual ones.
CREATE TABLE sign_in_policies (
    org_id              uuid PRIMARY KEY REFERENCES orgs ON DELETE CASCADE,
    second_factor_roles text[] NOT NULL DEFAULT '{}',
    oidc_issuer         text NOT NULL DEFAULT '',
    oidc_client_id      text NOT NULL DEFAULT '',
    oidc_secret         bytea, -- sealed
    code_client         uuid REFERENCES clients ON DELETE SET NULL, -- sends one-time codes
    updated_at          timestamptz NOT NULL DEFAULT now()
);
SELECT guard_tenant('sign_in_policies');
CREATE INDEX sign_in_policies_client ON sign_in_policies (code_client) WHERE code_client IS NOT NULL;

-- A sign-in that is at the org's provider at the moment.
CREATE TABLE oidc_flows (
    state_hash bytea PRIMARY KEY CHECK (octet_length(state_hash) = 32),
    org_id     uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    browser    bytea NOT NULL CHECK (octet_length(browser) = 32), -- hash of the cookie of who began it
    nonce      text NOT NULL,
    verifier   text NOT NULL,
    expires_at timestamptz NOT NULL
);
SELECT guard_tenant('oidc_flows');
CREATE INDEX oidc_flows_age ON oidc_flows (expires_at);

-- Counts attempts by what is tried (a hash of the address, or of the person at
-- the second factor), also of addresses that nobody has: else the count would
-- tell who exists. It belongs to no org.
CREATE TABLE sign_in_guards (
    subject      bytea PRIMARY KEY CHECK (octet_length(subject) = 32),
    attempts     integer NOT NULL,
    tried_at     timestamptz NOT NULL,
    locked_until timestamptz
) WITH (fillfactor = 80);
CREATE INDEX sign_in_guards_age ON sign_in_guards (tried_at);
