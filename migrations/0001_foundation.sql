-- The tenants, their keys and people, the numbers, and who holds them.

-- +goose Up

-- +goose StatementBegin
-- Row-level security asks these two. Nothing set means nothing seen.
CREATE FUNCTION app_org() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('app.org', true), '')::uuid $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION app_system() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT coalesce(current_setting('app.system', true), '') = 'on' $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- guard_tenant puts a table behind row-level security, for its owner too.
CREATE FUNCTION guard_tenant(tab regclass, col text DEFAULT 'org_id') RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', tab);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', tab);
    EXECUTE format('CREATE POLICY tenant ON %s USING (%I = (SELECT app_org()) OR (SELECT app_system()))', tab, col);
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Superusers walk through row-level security, so their sessions put on this
-- role. It owns nothing. A login that is no superuser needs no such role.
DO $$
BEGIN
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        BEGIN
            CREATE ROLE chasqui_app NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
        EXECUTE 'GRANT USAGE ON SCHEMA public TO chasqui_app';
        IF to_regclass('goose_db_version') IS NOT NULL THEN -- made before this migration
            EXECUTE 'GRANT SELECT ON goose_db_version TO chasqui_app';
        END IF;
        EXECUTE 'ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO chasqui_app';
        EXECUTE 'ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO chasqui_app';
    END IF;
END $$;
-- +goose StatementEnd

CREATE TABLE orgs (
    id         uuid PRIMARY KEY,
    name       text NOT NULL CHECK (name <> ''),
    created_at timestamptz NOT NULL DEFAULT now()
);
SELECT guard_tenant('orgs', 'id');

CREATE TABLE users (
    id            uuid PRIMARY KEY,
    org_id        uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    email         text NOT NULL CHECK (email = lower(email)),
    password_hash text NOT NULL,
    role          text NOT NULL CHECK (role IN ('admin', 'manager', 'agent', 'viewer')),
    created_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (email)
);
SELECT guard_tenant('users');
CREATE INDEX users_org ON users (org_id, created_at DESC, id DESC);

CREATE TABLE api_keys (
    id           uuid PRIMARY KEY,
    org_id       uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    public_id    text NOT NULL UNIQUE,
    hash         bytea NOT NULL CHECK (octet_length(hash) = 32),
    name         text NOT NULL,
    scopes       text[] NOT NULL,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    last_used_at timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now()
);
SELECT guard_tenant('api_keys');
CREATE INDEX api_keys_org ON api_keys (org_id, created_at DESC, id DESC);

-- A worker holds one slot, and through it the clients that name the slot and
-- the epoch. Slots are few and reused, so queue names stay bounded.
CREATE TABLE workers (
    slot       integer PRIMARY KEY CHECK (slot BETWEEN 1 AND 32),
    instance   uuid,
    epoch      bigint NOT NULL DEFAULT 0,
    expires_at timestamptz NOT NULL DEFAULT '-infinity',
    capacity   integer NOT NULL DEFAULT 0,
    draining   boolean NOT NULL DEFAULT false
);
INSERT INTO workers (slot) SELECT generate_series(1, 32);

-- Named leases for what only one process may do at a time.
CREATE TABLE leases (
    name       text PRIMARY KEY,
    holder     uuid,
    epoch      bigint NOT NULL DEFAULT 0,
    expires_at timestamptz NOT NULL DEFAULT '-infinity'
);

CREATE TABLE clients (
    id             uuid PRIMARY KEY,
    org_id         uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    name           text NOT NULL CHECK (name <> ''),
    provider       text NOT NULL,
    status         text NOT NULL DEFAULT 'new' CHECK (status IN (
        'new', 'pairing', 'connecting', 'connected', 'degraded', 'restricted', 'disconnected', 'replaced',
        'temp_banned', 'logged_out', 'banned', 'outdated', 'stopped')),
    status_reason  text NOT NULL DEFAULT '',
    status_at      timestamptz NOT NULL DEFAULT now(),
    until          timestamptz,
    desire         text NOT NULL DEFAULT 'idle' CHECK (desire IN (
        'idle', 'connected', 'disconnected', 'pairing', 'logged_out', 'deleted')),
    version        bigint NOT NULL DEFAULT 0,
    phone          text NOT NULL DEFAULT '',
    lid            text NOT NULL DEFAULT '',
    push_name      text NOT NULL DEFAULT '',
    jid            text NOT NULL DEFAULT '',
    paused         boolean NOT NULL DEFAULT false,
    device         jsonb NOT NULL,
    limits         jsonb NOT NULL,
    slot           integer,
    worker_epoch   bigint NOT NULL DEFAULT 0,
    epoch          bigint NOT NULL DEFAULT 0,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    deleted_at     timestamptz,
    CHECK (status NOT IN ('connected', 'degraded', 'restricted') OR jid <> '')
) WITH (fillfactor = 80);
SELECT guard_tenant('clients');
CREATE INDEX clients_org ON clients (org_id, created_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX clients_slot ON clients (slot, worker_epoch) WHERE slot IS NOT NULL;
CREATE INDEX clients_unowned ON clients (id) WHERE slot IS NULL AND desire <> 'idle' AND deleted_at IS NULL;
-- A phone's device belongs to one client.
CREATE UNIQUE INDEX clients_jid ON clients (jid) WHERE jid <> '' AND deleted_at IS NULL;

-- Events of one client are numbered without gaps. The counter has a row of its
-- own, so that counting never waits for, or blocks, the claims that lock the
-- client.
CREATE TABLE client_sequences (
    client_id uuid PRIMARY KEY REFERENCES clients ON DELETE CASCADE,
    org_id    uuid NOT NULL,
    last      bigint NOT NULL DEFAULT 0,
    tx        xid8 NOT NULL DEFAULT '0' -- place of the last one in the feed; see events
) WITH (fillfactor = 50);
SELECT guard_tenant('client_sequences');

-- One attempt to link a client with a phone; gone when it is over.
CREATE TABLE pairings (
    client_id  uuid PRIMARY KEY REFERENCES clients ON DELETE CASCADE,
    org_id     uuid NOT NULL,
    method     text NOT NULL CHECK (method IN ('qr', 'code')),
    phone      text NOT NULL DEFAULT '',
    code       text NOT NULL DEFAULT '',
    expires_at timestamptz,
    error      text NOT NULL DEFAULT '',
    passkey    bytea,
    answer     bytea,
    confirm    text NOT NULL DEFAULT '',
    confirmed  boolean NOT NULL DEFAULT false,
    version    bigint NOT NULL DEFAULT 1,
    started_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
SELECT guard_tenant('pairings');
