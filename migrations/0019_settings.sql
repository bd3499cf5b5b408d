-- What an org may set, and the rights of a login that only works with rows.

-- +goose Up

-- An org without a wish has the usual: what is NULL is kept for ever, and
-- sign-ins last as long as any may.
ALTER TABLE orgs
    ADD COLUMN own_chats       boolean NOT NULL DEFAULT false, -- agents see only their own chats
    ADD COLUMN session_hours   integer NOT NULL DEFAULT 2160 CHECK (session_hours BETWEEN 1 AND 2160),
    ADD COLUMN keep_messages   integer CHECK (keep_messages BETWEEN 7 AND 3650),   -- days
    ADD COLUMN keep_events     integer CHECK (keep_events BETWEEN 7 AND 3650),     -- days
    ADD COLUMN keep_deliveries integer NOT NULL DEFAULT 30 CHECK (keep_deliveries BETWEEN 1 AND 30), -- days
    ADD COLUMN time_zone       text NOT NULL DEFAULT 'UTC';
-- Who wants something forgotten is looked for every hour, among many who do not.
CREATE INDEX orgs_forget ON orgs (id) WHERE keep_messages IS NOT NULL OR keep_events IS NOT NULL OR keep_deliveries < 30;

-- Codes by WhatsApp cost the org and may be a nuisance to whoever has the
-- number: how many went to a number (a hash of it), and from an org, on a day.
CREATE TABLE code_counts (
    org_id  uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    subject bytea NOT NULL CHECK (octet_length(subject) = 32),
    day     date NOT NULL,
    sent    integer NOT NULL,
    PRIMARY KEY (org_id, subject, day)
);
SELECT guard_tenant('code_counts');
CREATE INDEX code_counts_age ON code_counts (day);

-- +goose StatementBegin
-- grant_runtime gives the role chasqui_app, if there is one, what the programs
-- need: rows, and no table. A login that is a member of it can run api, worker
-- and scheduler; the owner of the tables is needed for migrations only. It is
-- called after every migration too, for what the next ones make.
CREATE FUNCTION grant_runtime() RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'chasqui_app') THEN
        RETURN;
    END IF;
    EXECUTE 'GRANT USAGE ON SCHEMA public TO chasqui_app';
    EXECUTE 'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO chasqui_app';
    EXECUTE 'GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO chasqui_app';
    EXECUTE 'REVOKE INSERT, UPDATE, DELETE ON goose_db_version FROM chasqui_app';
    EXECUTE 'REVOKE UPDATE, DELETE, TRUNCATE ON audit_log, audit_anchors FROM chasqui_app';
    EXECUTE 'REVOKE DELETE, TRUNCATE ON audit_heads FROM chasqui_app';
    IF to_regnamespace('whatsmeow') IS NOT NULL THEN -- devices of before, which are moved when they are opened
        EXECUTE 'GRANT USAGE ON SCHEMA whatsmeow TO chasqui_app';
        EXECUTE 'GRANT SELECT, UPDATE, DELETE ON ALL TABLES IN SCHEMA whatsmeow TO chasqui_app';
    END IF;
END $$;
-- +goose StatementEnd

-- Who could export the audit log by a key still can: it is a permission of its
-- own now, because managers read the log and do not take it away.
SET LOCAL app.system = 'on';
UPDATE api_keys SET scopes = scopes || '{audit:export}' WHERE 'audit:read' = ANY (scopes) AND NOT 'audit:export' = ANY (scopes);
SET LOCAL app.system = '';
