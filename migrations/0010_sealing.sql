-- Secrets are sealed by a data key of their org, which a master key wraps.

-- +goose Up

-- What is known of the master keys, never the keys: an id, and a text that only
-- the right one opens. A process that lacks one that is not retired must not run.
CREATE TABLE master_keys (
    id         text PRIMARY KEY,
    canary     bytea NOT NULL,
    current    boolean NOT NULL DEFAULT false, -- new data keys are wrapped under it
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    retired_at timestamptz,
    CHECK (NOT current OR retired_at IS NULL)
);
CREATE UNIQUE INDEX master_keys_current ON master_keys (current) WHERE current;

-- A tink keyset for each org, wrapped. With the org goes its key, and with the
-- key whatever it sealed, in backups too.
CREATE TABLE data_keys (
    org_id     uuid REFERENCES orgs ON DELETE CASCADE, -- NULL: the installation's own
    keyset     bytea NOT NULL,
    master_id  text NOT NULL REFERENCES master_keys,
    version    bigint NOT NULL DEFAULT 1,      -- rises when the keyset changes
    pending    bigint,                         -- key that everybody shall know before it seals
    resealing  boolean NOT NULL DEFAULT false, -- some texts are still under older keys
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- the keyset
    made_at    timestamptz NOT NULL DEFAULT clock_timestamp(), -- the newest key
    UNIQUE NULLS NOT DISTINCT (org_id)
);
SELECT guard_tenant('data_keys');
CREATE INDEX data_keys_changed ON data_keys (changed_at);
CREATE INDEX data_keys_master ON data_keys (master_id);

-- Secrets that belong to no org, sealed by the installation's own data key.
CREATE TABLE installation_secrets (
    name       text PRIMARY KEY,
    sealed     bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
