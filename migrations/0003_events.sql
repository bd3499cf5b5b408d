-- Facts, and where they are delivered.

-- +goose Up

-- Readers follow (tx, position): rows of transactions that are still open have
-- a tx that is not below the snapshot's xmin, so a reader that stays below it
-- never steps over a row that commits late. A numbered event takes a tx that is
-- not below the one of its client's event before, so that the feed tells the
-- events of one client in the order of their numbers.
CREATE TABLE events (
    id         uuid PRIMARY KEY,
    org_id     uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    client_id  uuid,
    type       text NOT NULL,
    sequence   bigint,
    data       jsonb NOT NULL,
    tx         xid8 NOT NULL DEFAULT pg_current_xact_id(),
    position   bigint GENERATED ALWAYS AS IDENTITY,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
SELECT guard_tenant('events');
CREATE INDEX events_feed ON events (org_id, tx, position);
CREATE UNIQUE INDEX events_sequence ON events (client_id, sequence) WHERE sequence IS NOT NULL;
CREATE INDEX events_age ON events (created_at);

CREATE TABLE webhook_endpoints (
    id          uuid PRIMARY KEY,
    org_id      uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    url         text NOT NULL,
    description text NOT NULL DEFAULT '',
    events      text[] NOT NULL DEFAULT '{*}',
    clients     uuid[],
    secret      bytea NOT NULL,
    enabled     boolean NOT NULL DEFAULT true,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now()
);
SELECT guard_tenant('webhook_endpoints');
CREATE INDEX webhook_endpoints_org ON webhook_endpoints (org_id, created_at DESC, id DESC);

CREATE TABLE webhook_deliveries (
    id              uuid PRIMARY KEY,
    org_id          uuid NOT NULL,
    endpoint_id     uuid NOT NULL REFERENCES webhook_endpoints ON DELETE CASCADE,
    event_id        uuid NOT NULL REFERENCES events ON DELETE CASCADE,
    status          text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'exhausted')),
    attempts        integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz DEFAULT now(),
    created_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (endpoint_id, event_id),
    CHECK ((status = 'pending') = (next_attempt_at IS NOT NULL))
);
SELECT guard_tenant('webhook_deliveries');
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_attempt_at) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_event ON webhook_deliveries (event_id);
