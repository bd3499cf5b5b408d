-- The front of an audit log may be forgotten when it is old, and what is left
-- tells so; whom agents may write to; and limits are for people.

-- +goose Up

ALTER TABLE orgs
    ADD COLUMN keep_audit   integer CHECK (keep_audit BETWEEN 90 AND 3650), -- days; NULL: as the installation has it
    ADD COLUMN new_contacts boolean NOT NULL DEFAULT true; -- agents may write to whom there is no conversation with

-- Up to which line a log was forgotten. A record is signed with the key of
-- anchors, so that nobody who only has the database can say that what they took
-- away was forgotten. No foreign key: like its log, it outlives its org.
CREATE TABLE audit_forgotten (
    org_id      uuid NOT NULL,
    seq         bigint NOT NULL CHECK (seq > 0),
    hash        bytea NOT NULL CHECK (octet_length(hash) = 32), -- of that line
    anchored_at timestamptz NOT NULL,                           -- nothing of it is younger
    days        integer NOT NULL CHECK (days >= 90),            -- it was kept for at least
    at          timestamptz NOT NULL,
    key         text NOT NULL,
    mac         bytea NOT NULL CHECK (octet_length(mac) = 32),
    PRIMARY KEY (org_id, seq)
);
SELECT guard_tenant('audit_forgotten');
CREATE TRIGGER audit_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_forgotten FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
ALTER TABLE audit_forgotten ENABLE ALWAYS TRIGGER audit_refuse;

-- +goose StatementBegin
-- audit_keep lets a line go that is 90 days old by the database's own clock and
-- said to be forgotten, and no other: not by the owner of the tables, not by
-- superusers, until they take the trigger away.
CREATE FUNCTION audit_keep() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF OLD.at < clock_timestamp() - interval '90 days'
       AND EXISTS (SELECT FROM audit_forgotten f WHERE f.org_id = OLD.org_id AND f.seq >= OLD.seq) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'line % of % is to be kept', OLD.seq, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
-- +goose StatementEnd
CREATE TRIGGER audit_keep BEFORE DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION audit_keep();
ALTER TABLE audit_log ENABLE ALWAYS TRIGGER audit_keep;

-- +goose StatementBegin
-- audit_refuse keeps everybody from changing history, the owner of the tables
-- and superusers too, until they take the trigger away. Lines of the log are
-- deleted by audit_forget only; audit_keep says which.
CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'audit_log' AND current_setting('app.forgetting', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% only grows', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- audit_forget deletes the first lines of a log, as far as it is said to be
-- forgotten, at most so many. It is how a login that may delete nothing of the
-- log has old lines deleted; the policies' conditions are repeated, because the
-- function's owner may be above them.
CREATE FUNCTION audit_forget(org uuid, most integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp
    AS $$
DECLARE
    gone bigint;
BEGIN
    IF org IS DISTINCT FROM app_org() AND NOT app_system() THEN
        RETURN 0;
    END IF;
    PERFORM set_config('app.forgetting', 'on', true);
    WITH old AS MATERIALIZED (
        SELECT l.seq FROM audit_log l
        WHERE l.org_id = org AND l.seq <= (SELECT f.seq FROM audit_forgotten f WHERE f.org_id = org ORDER BY f.seq DESC LIMIT 1)
        ORDER BY l.seq LIMIT most
    )
    DELETE FROM audit_log l USING old WHERE l.org_id = org AND l.seq = old.seq;
    GET DIAGNOSTICS gone = ROW_COUNT;
    PERFORM set_config('app.forgetting', '', true);
    RETURN gone;
END $$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION audit_forget(uuid, integer) FROM PUBLIC;

-- +goose StatementBegin
-- The owner gave up its own right to delete lines; the function needs it, and
-- the trigger says which.
DO $$
BEGIN
    EXECUTE 'GRANT DELETE ON audit_log TO CURRENT_USER';
    EXECUTE 'REVOKE UPDATE, DELETE, TRUNCATE ON audit_forgotten FROM CURRENT_USER';
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION grant_runtime() RETURNS void
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
    EXECUTE 'REVOKE UPDATE, DELETE, TRUNCATE ON audit_log, audit_anchors, audit_forgotten FROM chasqui_app';
    EXECUTE 'REVOKE DELETE, TRUNCATE ON audit_heads FROM chasqui_app';
    EXECUTE 'GRANT EXECUTE ON FUNCTION audit_forget(uuid, integer) TO chasqui_app';
    IF to_regnamespace('whatsmeow') IS NOT NULL THEN -- devices of before, which are moved when they are opened
        EXECUTE 'GRANT USAGE ON SCHEMA whatsmeow TO chasqui_app';
        EXECUTE 'GRANT SELECT, UPDATE, DELETE ON ALL TABLES IN SCHEMA whatsmeow TO chasqui_app';
    END IF;
END $$;
-- +goose StatementEnd

-- How fast a number may send is decided by people: the scope is no more.
SET LOCAL app.system = 'on';
UPDATE api_keys SET scopes = array_remove(scopes, 'limits:write') WHERE 'limits:write' = ANY (scopes);
SET LOCAL app.system = '';
