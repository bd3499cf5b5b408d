-- The keys of linked devices. What the library keeps of a device is a set of
-- named values, each sealed under its org's data key for exactly its place.

-- +goose Up

CREATE TABLE devices (
    org_id     uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    id         uuid NOT NULL,
    client_id  uuid NOT NULL REFERENCES clients ON DELETE CASCADE,
    jid        text NOT NULL,
    -- Whoever opens a device says in which epoch he owns its client, and is
    -- given a number. A write under an older number is refused: a process that
    -- stood still must not store over what its heir has changed.
    epoch      bigint NOT NULL,
    opened     bigint NOT NULL DEFAULT 1,
    sealed     bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, client_id, jid)
) WITH (fillfactor = 50);
SELECT guard_tenant('devices');
CREATE INDEX devices_client ON devices (client_id);

CREATE TABLE device_values (
    org_id    uuid NOT NULL,
    device_id uuid NOT NULL,
    kind      text NOT NULL,
    key       bytea NOT NULL,
    sealed    bytea, -- null: it was there, and what it said is not needed any more
    mark      boolean NOT NULL DEFAULT false,
    at        timestamptz, -- of what is forgotten by age
    PRIMARY KEY (org_id, device_id, kind, key),
    FOREIGN KEY (org_id, device_id) REFERENCES devices ON DELETE CASCADE
) WITH (fillfactor = 80);
SELECT guard_tenant('device_values');
-- What is sealed cannot be compressed.
ALTER TABLE device_values ALTER COLUMN sealed SET STORAGE EXTERNAL;
CREATE INDEX device_values_age ON device_values (org_id, device_id, kind, at) WHERE at IS NOT NULL;

-- Which hidden address belongs to which phone, as an org's numbers have learned.
CREATE TABLE lids (
    org_id uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    lid    text NOT NULL,
    phone  text NOT NULL,
    PRIMARY KEY (org_id, lid),
    UNIQUE (org_id, phone)
);
SELECT guard_tenant('lids');

-- +goose StatementBegin
-- Devices that were linked before are taken over when they are first opened.
-- The role that row-level security binds must be able to reach them.
DO $$
BEGIN
    IF to_regnamespace('whatsmeow') IS NOT NULL AND EXISTS (SELECT FROM pg_roles WHERE rolname = 'chasqui_app')
        AND (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        GRANT USAGE ON SCHEMA whatsmeow TO chasqui_app;
        GRANT SELECT, UPDATE, DELETE ON ALL TABLES IN SCHEMA whatsmeow TO chasqui_app;
    END IF;
END $$;
-- +goose StatementEnd
