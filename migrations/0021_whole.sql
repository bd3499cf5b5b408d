-- The verification of all audit logs from their first line on, and mails that
-- outlive a restart.

-- +goose Up

-- How far the round is that reads everything. The place is signed with the key
-- of anchors, so that nobody who only has the database can say that a line was
-- read which was not.
CREATE TABLE audit_round (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    version bigint NOT NULL, -- rises with every step: of two who walk, one fails
    place   bytea NOT NULL,
    mac     bytea NOT NULL CHECK (octet_length(mac) = 32)
) WITH (fillfactor = 50);
ALTER TABLE audit_round ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_round FORCE ROW LEVEL SECURITY;
CREATE POLICY system ON audit_round USING ((SELECT app_system()));

-- What is wrong with logs. A row goes when a whole round did not find it again.
-- The nil uuid is the installation's own log; no foreign key, as for the logs.
CREATE TABLE audit_findings (
    org_id   uuid NOT NULL,
    part     text NOT NULL CHECK (part IN ('lines', 'anchors')),
    seq      bigint NOT NULL,
    what     text NOT NULL,
    detail   text NOT NULL,
    round    bigint NOT NULL, -- that found it last
    found_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, part)
);
SELECT guard_tenant('audit_findings');

-- Mails that wait to be sent. All of one is sealed: the links in it open
-- accounts. The row goes with the mail.
CREATE TABLE mails (
    id       uuid PRIMARY KEY,
    org_id   uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    sealed   bytea NOT NULL,
    tries    integer NOT NULL DEFAULT 0,
    next_at  timestamptz NOT NULL,
    ends_at  timestamptz NOT NULL, -- when it is not worth sending any more
    added_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 80);
SELECT guard_tenant('mails');
CREATE INDEX mails_next ON mails (next_at);
CREATE INDEX mails_org ON mails (org_id, id);

-- Keys that see numbers saw all of them; that is a permission of its own now,
-- because agents and viewers see names and states only. Two scopes opened
-- nothing and are no more.
SET LOCAL app.system = 'on';
UPDATE api_keys SET scopes = scopes || '{clients:inspect}' WHERE 'clients:read' = ANY (scopes) AND NOT 'clients:inspect' = ANY (scopes);
UPDATE api_keys SET scopes = array_remove(array_remove(scopes, 'usage:read'), 'contacts:write') WHERE scopes && '{usage:read,contacts:write}';
SET LOCAL app.system = '';
