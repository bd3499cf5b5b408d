-- People, conversations and messages.

-- +goose Up

CREATE TABLE contacts (
    id         uuid PRIMARY KEY,
    org_id     uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    phone      text,
    lid        text,
    name       text NOT NULL DEFAULT '',
    push_name  text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CHECK (phone IS NOT NULL OR lid IS NOT NULL),
    UNIQUE (org_id, phone),
    UNIQUE (org_id, lid)
);
SELECT guard_tenant('contacts');
CREATE INDEX contacts_page ON contacts (org_id, created_at DESC, id DESC);

CREATE TABLE chats (
    id              uuid PRIMARY KEY,
    org_id          uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    client_id       uuid NOT NULL REFERENCES clients ON DELETE CASCADE,
    kind            text NOT NULL CHECK (kind IN ('direct', 'group')),
    contact_id      uuid REFERENCES contacts,
    group_id        text,
    unread          integer NOT NULL DEFAULT 0,
    last_message_at timestamptz,
    last_inbound_at timestamptz, -- NULL: nobody there has ever written to us
    created_at      timestamptz NOT NULL DEFAULT now(),
    -- What conversations are listed by. It is a column, not an expression in the
    -- index, because row-level security trusts no coalesce() and would filter.
    moved_at        timestamptz NOT NULL GENERATED ALWAYS AS (coalesce(last_message_at, created_at)) STORED,
    CHECK ((kind = 'direct') = (contact_id IS NOT NULL)),
    CHECK ((kind = 'group') = (group_id IS NOT NULL)),
    UNIQUE (client_id, contact_id),
    UNIQUE (client_id, group_id)
) WITH (fillfactor = 80);
SELECT guard_tenant('chats');
CREATE INDEX chats_page ON chats (org_id, moved_at DESC, id DESC);
CREATE INDEX chats_client_page ON chats (client_id, moved_at DESC, id DESC);
CREATE INDEX chats_contact ON chats (contact_id) WHERE contact_id IS NOT NULL;

-- seq is drawn when a message enters the line: it is the order of the line.
CREATE SEQUENCE message_seq;

CREATE TABLE messages (
    id            uuid PRIMARY KEY,
    org_id        uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    client_id     uuid NOT NULL REFERENCES clients ON DELETE CASCADE,
    chat_id       uuid NOT NULL REFERENCES chats,
    contact_id    uuid REFERENCES contacts,
    direction     text NOT NULL CHECK (direction IN ('outbound', 'inbound')),
    origin        text NOT NULL,
    type          text NOT NULL,
    content       jsonb,
    status        text NOT NULL CHECK (status IN (
        'scheduled', 'queued', 'sending', 'retry_wait', 'sent', 'delivered', 'read', 'played', 'failed', 'cancelled',
        'expired', 'received')),
    lane          smallint NOT NULL DEFAULT 1 CHECK (lane BETWEEN 0 AND 2),
    seq           bigint,
    wire_id       text NOT NULL,
    recipient     text NOT NULL DEFAULT '',
    reply_to      uuid,
    mentions      text[],
    typing        boolean,
    client_ref    text,
    metadata      jsonb,
    attempts      integer NOT NULL DEFAULT 0,
    crashes       integer NOT NULL DEFAULT 0,
    redrive       integer NOT NULL DEFAULT 0,
    claim_epoch   bigint,
    claimed_at    timestamptz,
    first_claim   timestamptz,
    unconfirmed   boolean NOT NULL DEFAULT false,
    not_before    timestamptz,
    send_at       timestamptz,
    expires_at    timestamptz,
    error_code    text,
    error         jsonb,
    payload       bytea,
    sent_at       timestamptz,
    delivered_at  timestamptz,
    read_at       timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    -- The state machine, as far as a row alone can tell.
    CHECK ((direction = 'inbound') = (status = 'received')),
    CHECK (status NOT IN ('queued', 'sending') OR seq IS NOT NULL),
    CHECK (status <> 'sending' OR claim_epoch IS NOT NULL),
    CHECK (status NOT IN ('scheduled', 'retry_wait') OR not_before IS NOT NULL),
    CHECK ((status = 'failed') = (error_code IS NOT NULL)),
    CHECK (status <> 'sent' OR sent_at IS NOT NULL),
    CHECK (NOT unconfirmed OR status = 'sending'),
    UNIQUE (client_id, wire_id, chat_id)
) WITH (fillfactor = 85);
SELECT guard_tenant('messages');
-- The line of each client, and what is in flight.
CREATE INDEX messages_line ON messages (client_id, lane, seq) WHERE status = 'queued';
CREATE INDEX messages_in_flight ON messages (client_id, chat_id) WHERE status = 'sending';
-- One in flight per client, whoever claims. Those without an answer stop only
-- their conversation.
CREATE UNIQUE INDEX messages_one_in_flight ON messages (client_id) WHERE status = 'sending' AND NOT unconfirmed;
-- Urgent ones are few; they are looked for over all clients.
CREATE INDEX messages_urgent ON messages (client_id, seq) WHERE status = 'queued' AND lane = 0;
-- What the clock moves.
CREATE INDEX messages_due ON messages (not_before) WHERE status IN ('scheduled', 'retry_wait');
CREATE INDEX messages_expiry ON messages (expires_at) WHERE status IN ('scheduled', 'queued', 'retry_wait');
-- A number's sendings of the last day, to rebuild its pace from.
CREATE INDEX messages_sent ON messages (client_id, sent_at) WHERE sent_at IS NOT NULL;
-- Pages.
CREATE INDEX messages_page ON messages (org_id, created_at DESC, id DESC);
-- Bad ends are looked for among a million good ones.
CREATE INDEX messages_ended_page ON messages (org_id, created_at DESC, id DESC) WHERE status IN ('failed', 'cancelled', 'expired');
CREATE INDEX messages_client_page ON messages (client_id, created_at DESC, id DESC);
CREATE INDEX messages_chat_page ON messages (chat_id, created_at DESC, id DESC);
CREATE INDEX messages_contact_page ON messages (contact_id, created_at DESC, id DESC) WHERE contact_id IS NOT NULL;
CREATE INDEX messages_ref ON messages (org_id, client_ref) WHERE client_ref IS NOT NULL;

-- The timeline: what happened to a message, in order.
CREATE TABLE message_events (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id     uuid NOT NULL,
    message_id uuid NOT NULL REFERENCES messages ON DELETE CASCADE,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    status     text NOT NULL,
    note       text NOT NULL DEFAULT '',
    data       jsonb
);
SELECT guard_tenant('message_events');
CREATE INDEX message_events_message ON message_events (message_id, id);

-- What a request with an Idempotency-Key was answered, so that its repeat is
-- answered the same. The row is written in the transaction of the work.
CREATE TABLE idempotency_keys (
    org_id       uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    key          text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    route        text NOT NULL,
    request_hash bytea NOT NULL,
    response     bytea NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, key, route)
);
SELECT guard_tenant('idempotency_keys');
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
