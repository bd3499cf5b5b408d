-- Organisations that are being deleted: asked for, held for a while in which it
-- can be taken back, then erased bit by bit.

-- +goose Up

CREATE TABLE org_deletions (
    org_id     uuid PRIMARY KEY, -- no foreign key: the row stays until nothing else of the org is left
    asked_by   text NOT NULL DEFAULT '', -- id of the admin; '': the operator
    asked_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at     timestamptz NOT NULL, -- until then it can be taken back
    stopped    boolean NOT NULL, -- the kill switch was thrown for it, and is released when it is taken back
    erasing_at timestamptz, -- erasing has begun: there is no way back
    gone_at    timestamptz, -- the org's own row is gone
    counts     jsonb NOT NULL DEFAULT '{}', -- rows erased, by table
    CHECK (gone_at IS NULL OR erasing_at IS NOT NULL)
);
SELECT guard_tenant('org_deletions');

-- What lists leave out is erased too, and must be found.
CREATE INDEX clients_whole ON clients (org_id, id);
CREATE INDEX webhook_endpoints_whole ON webhook_endpoints (org_id, id);
CREATE INDEX sessions_person ON sessions (user_id);
CREATE INDEX mailed_links_org ON mailed_links (org_id);
CREATE INDEX oidc_flows_org ON oidc_flows (org_id);

-- A client's past hangs on its client, which hangs on its org: one key says it
-- all, and the other has no index to go by when an org goes.
ALTER TABLE client_history DROP CONSTRAINT client_history_org_id_fkey;
