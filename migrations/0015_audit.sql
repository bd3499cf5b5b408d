-- Who did what: a log per org that can only grow, in which every line seals the
-- lines before it; anchors under a key that the database does not have; and what
-- watches for suspicious activity remembers.

-- +goose Up

-- Where each log ends. The row is the log's lock: it is taken last of all,
-- right before commit. The nil uuid is the installation's own log.
CREATE TABLE audit_heads (
    org_id uuid PRIMARY KEY,
    seq    bigint NOT NULL DEFAULT 0,
    hash   bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex') CHECK (octet_length(hash) = 32),
    at     timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);
SELECT guard_tenant('audit_heads');

-- No foreign keys: a log outlives what it speaks of, and its org.
CREATE TABLE audit_log (
    org_id     uuid NOT NULL,
    seq        bigint NOT NULL,
    at         timestamptz NOT NULL,
    id         uuid NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('user', 'key', 'operator', 'system')),
    actor_id   text NOT NULL DEFAULT '',
    actor_name text NOT NULL DEFAULT '',
    role       text NOT NULL DEFAULT '',
    action     text NOT NULL,
    target     text NOT NULL DEFAULT '',
    before     json, -- json and not jsonb: the text itself is sealed
    after      json,
    ip         text NOT NULL DEFAULT '',
    agent      text NOT NULL DEFAULT '',
    request    text NOT NULL DEFAULT '',
    digest     bytea NOT NULL CHECK (octet_length(digest) = 32), -- of everything above but seq and at
    prev       bytea NOT NULL CHECK (octet_length(prev) = 32),
    hash       bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (org_id, seq)
);
SELECT guard_tenant('audit_log');
CREATE INDEX audit_log_time ON audit_log (org_id, at DESC, id DESC);
CREATE INDEX audit_log_action ON audit_log (org_id, action, at DESC, id DESC);
CREATE INDEX audit_log_actor ON audit_log (org_id, actor_id, at DESC, id DESC);
CREATE INDEX audit_log_target ON audit_log (org_id, target, at DESC, id DESC);
-- What managers see.
CREATE INDEX audit_log_below ON audit_log (org_id, at DESC, id DESC) WHERE role <> 'admin';
-- What is watched over all orgs.
CREATE INDEX audit_log_signals ON audit_log (action, at)
    WHERE action IN ('session.sign_in_failed', 'session.step_up_failed', 'session.refresh_reused');

-- Anchors are numbered without gaps over all logs, and each one's mac covers the
-- mac before it: one cannot be taken away from the middle.
CREATE TABLE audit_anchors (
    n      bigint PRIMARY KEY,
    org_id uuid NOT NULL,
    seq    bigint NOT NULL,
    hash   bytea NOT NULL CHECK (octet_length(hash) = 32),
    at     timestamptz NOT NULL,
    key    text NOT NULL, -- tells which master key; says nothing about it
    mac    bytea NOT NULL CHECK (octet_length(mac) = 32)
);
SELECT guard_tenant('audit_anchors');
CREATE INDEX audit_anchors_org ON audit_anchors (org_id, seq);

-- +goose StatementBegin
-- audit_link gives a line its place. wa.AuditEntry.Link computes the same hash.
CREATE FUNCTION audit_link() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    head audit_heads%ROWTYPE;
BEGIN
    SELECT * INTO head FROM audit_heads WHERE org_id = NEW.org_id FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO audit_heads (org_id) VALUES (NEW.org_id) ON CONFLICT DO NOTHING;
        SELECT * INTO STRICT head FROM audit_heads WHERE org_id = NEW.org_id FOR UPDATE;
    END IF;
    NEW.seq := head.seq + 1;
    NEW.at := clock_timestamp();
    NEW.prev := head.hash;
    NEW.hash := sha256(NEW.prev || int8send(NEW.seq) || int8send((extract(epoch FROM NEW.at) * 1000000)::bigint) || NEW.digest);
    UPDATE audit_heads SET seq = NEW.seq, hash = NEW.hash, at = NEW.at WHERE org_id = NEW.org_id;
    RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER audit_link BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION audit_link();

-- +goose StatementBegin
-- audit_refuse keeps everybody from changing history, the owner of the tables
-- and superusers too, until they take the trigger away.
CREATE FUNCTION audit_refuse() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% only grows', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
-- +goose StatementEnd
CREATE TRIGGER audit_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_anchors FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_refuse BEFORE DELETE OR TRUNCATE ON audit_heads FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
ALTER TABLE audit_log ENABLE ALWAYS TRIGGER audit_refuse; -- session_replication_role does not switch it off
ALTER TABLE audit_anchors ENABLE ALWAYS TRIGGER audit_refuse;
ALTER TABLE audit_heads ENABLE ALWAYS TRIGGER audit_refuse;

-- +goose StatementBegin
-- Default privileges gave more than an append-only table has.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'chasqui_app') THEN
        EXECUTE 'REVOKE UPDATE, DELETE, TRUNCATE ON audit_log, audit_anchors FROM chasqui_app';
        EXECUTE 'REVOKE DELETE, TRUNCATE ON audit_heads FROM chasqui_app';
    END IF;
    EXECUTE 'REVOKE UPDATE, DELETE, TRUNCATE ON audit_log, audit_anchors FROM CURRENT_USER';
    EXECUTE 'REVOKE DELETE, TRUNCATE ON audit_heads FROM CURRENT_USER';
END $$;
-- +goose StatementEnd

-- How often something happened in a minute or an hour: refused requests of a
-- key, messages of a key and a client. No contents, no addresses.
CREATE TABLE security_counts (
    org_id  uuid NOT NULL,
    kind    text NOT NULL,
    subject text NOT NULL,
    bucket  timestamptz NOT NULL,
    count   bigint NOT NULL,
    PRIMARY KEY (org_id, kind, subject, bucket)
) WITH (fillfactor = 80);
SELECT guard_tenant('security_counts');
CREATE INDEX security_counts_bucket ON security_counts (kind, bucket);

-- When an alert was last raised, so that it is not raised again at once.
CREATE TABLE security_alerts (
    org_id    uuid NOT NULL,
    kind      text NOT NULL,
    subject   text NOT NULL,
    raised_at timestamptz NOT NULL DEFAULT now(),
    times     bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (org_id, kind, subject)
) WITH (fillfactor = 80);
SELECT guard_tenant('security_alerts');
