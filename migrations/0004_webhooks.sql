-- Where customers want their events, and what is on its way to them.

-- +goose Up

-- What subscriptions narrow by and ordered endpoints keep in order. Only
-- events about a message have them.
ALTER TABLE events ADD COLUMN chat_id uuid, ADD COLUMN direction text;

-- A message may name an address of its own for what becomes of it.
ALTER TABLE messages ADD COLUMN callback_id uuid, ADD COLUMN callback_url text;

ALTER TABLE orgs ADD COLUMN allow_http boolean NOT NULL DEFAULT false;

-- Nothing has ever written to these.
DROP TABLE webhook_deliveries;
DROP TABLE webhook_endpoints;

CREATE TABLE webhook_endpoints (
    id              uuid PRIMARY KEY,
    org_id          uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    url             text NOT NULL,
    description     text NOT NULL DEFAULT '',
    events          text[] NOT NULL,
    clients         uuid[],   -- NULL in this and the next two: all
    directions      text[],
    chat_kinds      text[],
    payload         text NOT NULL DEFAULT 'full' CHECK (payload IN ('full', 'thin')),
    ordered         boolean NOT NULL DEFAULT false,
    headers         bytea,    -- sealed JSON
    max_in_flight   integer NOT NULL DEFAULT 8 CHECK (max_in_flight BETWEEN 1 AND 64),
    rate            integer CHECK (rate > 0), -- requests a second; NULL: as many as there are
    timeout_ms      integer NOT NULL DEFAULT 15000 CHECK (timeout_ms BETWEEN 1000 AND 30000),
    schedule        integer[], -- seconds before each attempt; NULL: the usual ones
    callback        boolean NOT NULL DEFAULT false, -- stands for a host that messages' callback_url lead to; its url is the host's
    enabled         boolean NOT NULL DEFAULT true,
    disabled_reason text NOT NULL DEFAULT '',
    disabled_at     timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    deleted_at      timestamptz,
    CHECK (enabled = (disabled_at IS NULL))
);
SELECT guard_tenant('webhook_endpoints');
CREATE INDEX webhook_endpoints_org ON webhook_endpoints (org_id, created_at DESC, id DESC) WHERE deleted_at IS NULL AND NOT callback;
-- Asked at every event.
CREATE INDEX webhook_endpoints_match ON webhook_endpoints (org_id) WHERE enabled AND deleted_at IS NULL;
CREATE UNIQUE INDEX webhook_endpoints_callback ON webhook_endpoints (org_id, url) WHERE callback;

-- Secrets of an endpoint: one without an end, and those that a rotation lets
-- run out.
CREATE TABLE webhook_secrets (
    id          uuid PRIMARY KEY,
    org_id      uuid NOT NULL,
    endpoint_id uuid NOT NULL REFERENCES webhook_endpoints ON DELETE CASCADE,
    sealed      bytea NOT NULL,
    expires_at  timestamptz,
    created_at  timestamptz NOT NULL DEFAULT now()
);
SELECT guard_tenant('webhook_secrets');
CREATE UNIQUE INDEX webhook_secrets_current ON webhook_secrets (endpoint_id) WHERE expires_at IS NULL;
CREATE INDEX webhook_secrets_endpoint ON webhook_secrets (endpoint_id);

-- One process at a time delivers to an endpoint: it holds the line. So the cap
-- on requests in flight, the rate, the order and the circuit are kept by one
-- memory, and a delivery needs no claim of its own.
CREATE TABLE webhook_lines (
    endpoint_id     uuid PRIMARY KEY REFERENCES webhook_endpoints ON DELETE CASCADE,
    org_id          uuid NOT NULL,
    holder          uuid,
    lease_until     timestamptz NOT NULL DEFAULT '-infinity',
    open_until      timestamptz, -- the circuit is open; set until a probe succeeds
    trips           integer NOT NULL DEFAULT 0,
    recent          jsonb,       -- outcomes of the last minutes, as the last holder left them
    failing_since   timestamptz, -- first failure since the last success
    failing_told    boolean NOT NULL DEFAULT false,
    last_success_at timestamptz,
    last_failure_at timestamptz
) WITH (fillfactor = 50);
SELECT guard_tenant('webhook_lines');

-- One event for one endpoint. The id is made of both, so that the pair exists
-- once. There are no foreign keys: at some thousand rows a second they cost
-- more than what they would tell.
CREATE TABLE webhook_deliveries (
    id              uuid PRIMARY KEY,
    org_id          uuid NOT NULL,
    endpoint_id     uuid NOT NULL,
    event_id        uuid NOT NULL,
    chat_id         uuid,   -- of ordered endpoints only: what is kept in order
    position        bigint, -- of ordered endpoints only: the order
    status          text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'exhausted')),
    trigger         text NOT NULL DEFAULT 'auto' CHECK (trigger IN ('auto', 'manual', 'recover', 'replay', 'test')),
    attempts        smallint NOT NULL DEFAULT 0,
    base            smallint NOT NULL DEFAULT 0, -- attempts that were made before it was begun anew
    last_status     smallint, -- of the last attempt's answer
    next_attempt_at timestamptz DEFAULT clock_timestamp(),
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((status = 'pending') = (next_attempt_at IS NOT NULL))
) WITH (fillfactor = 80);
SELECT guard_tenant('webhook_deliveries');
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, next_attempt_at) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_order ON webhook_deliveries (endpoint_id, chat_id, position) WHERE status = 'pending' AND chat_id IS NOT NULL;
CREATE INDEX webhook_deliveries_page ON webhook_deliveries (endpoint_id, created_at DESC, id DESC);
CREATE INDEX webhook_deliveries_age ON webhook_deliveries USING brin (created_at);

CREATE TABLE webhook_attempts (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id      uuid NOT NULL,
    delivery_id uuid NOT NULL,
    number      smallint NOT NULL,
    trigger     text NOT NULL,
    at          timestamptz NOT NULL,
    duration_ms integer NOT NULL,
    ip          text NOT NULL DEFAULT '',
    status      smallint, -- NULL: there was no answer
    error       text NOT NULL DEFAULT '',
    detail      text NOT NULL DEFAULT '',
    headers     jsonb,
    body        bytea
);
SELECT guard_tenant('webhook_attempts');
CREATE INDEX webhook_attempts_delivery ON webhook_attempts (delivery_id, id);
CREATE INDEX webhook_attempts_age ON webhook_attempts USING brin (at);

-- Work in the background: failed deliveries begun anew, or events that an
-- endpoint never got.
CREATE TABLE webhook_recoveries (
    id          uuid PRIMARY KEY,
    org_id      uuid NOT NULL,
    endpoint_id uuid NOT NULL REFERENCES webhook_endpoints ON DELETE CASCADE,
    kind        text NOT NULL CHECK (kind IN ('recover', 'replay')),
    since       timestamptz NOT NULL,
    until       timestamptz NOT NULL,
    total       bigint,
    moved       bigint NOT NULL DEFAULT 0,
    mark_tx     xid8 NOT NULL DEFAULT '0',
    mark_pos    bigint NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
SELECT guard_tenant('webhook_recoveries');
CREATE INDEX webhook_recoveries_open ON webhook_recoveries (created_at) WHERE finished_at IS NULL;
CREATE INDEX webhook_recoveries_page ON webhook_recoveries (endpoint_id, created_at DESC, id DESC);
