-- The kill switch: what nothing may leave at the moment, and who said so.

-- +goose Up

-- Asked at every claim; almost always empty.
CREATE TABLE stops (
    org_id     uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    client_id  uuid REFERENCES clients ON DELETE CASCADE, -- NULL: all of the org's
    reason     text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    set_by     text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE NULLS NOT DISTINCT (org_id, client_id)
);
SELECT guard_tenant('stops');

-- Everything there is, at once: one row or none.
CREATE TABLE installation_stop (
    id         boolean PRIMARY KEY DEFAULT true CHECK (id),
    reason     text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
    set_by     text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
