-- What API keys are bound to, who runs the installation, and which clients and
-- chats a person looks after.

-- +goose Up

ALTER TABLE api_keys
    ADD COLUMN networks      text[] NOT NULL DEFAULT '{}', -- where it may be used from; empty: anywhere
    ADD COLUMN rate          integer CHECK (rate > 0),     -- requests a minute; NULL: the usual
    ADD COLUMN made_by       text NOT NULL DEFAULT '',
    -- The text from before the last rotation opens too, for a while.
    ADD COLUMN old_public_id text UNIQUE,
    ADD COLUMN old_hash      bytea CHECK (octet_length(old_hash) = 32),
    ADD COLUMN old_until     timestamptz,
    ADD CHECK ((old_public_id IS NULL) = (old_hash IS NULL) AND (old_public_id IS NULL) = (old_until IS NULL));

-- Operators belong to no org, and no org can see them.
CREATE TABLE operators (
    id           uuid PRIMARY KEY,
    name         text NOT NULL UNIQUE CHECK (name <> ''),
    public_id    text NOT NULL UNIQUE,
    hash         bytea NOT NULL CHECK (octet_length(hash) = 32),
    last_used_at timestamptz,
    revoked_at   timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE operators ENABLE ROW LEVEL SECURITY;
ALTER TABLE operators FORCE ROW LEVEL SECURITY;
CREATE POLICY system ON operators USING ((SELECT app_system()));

CREATE TABLE user_clients (
    user_id   uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    client_id uuid NOT NULL REFERENCES clients ON DELETE CASCADE,
    org_id    uuid NOT NULL,
    PRIMARY KEY (user_id, client_id)
);
SELECT guard_tenant('user_clients');
CREATE INDEX user_clients_client ON user_clients (client_id, user_id);

-- Who may see, of the clients they are assigned to, only their own chats.
ALTER TABLE users ADD COLUMN own_chats boolean NOT NULL DEFAULT false;

ALTER TABLE chats ADD COLUMN assigned_to uuid REFERENCES users ON DELETE SET NULL;
CREATE INDEX chats_assigned ON chats (assigned_to, moved_at DESC, id DESC) WHERE assigned_to IS NOT NULL;
