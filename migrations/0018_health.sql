-- How numbers were: every change of status with its reason, and since when a
-- worker has each.

-- +goose Up

-- Kept for longer than events: it is what a number's condition is judged by and
-- what its owner reads when something went wrong weeks ago.
CREATE TABLE client_history (
    id        uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    org_id    uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    client_id uuid NOT NULL REFERENCES clients ON DELETE CASCADE,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(), -- not now(): two changes in one transaction have an order
    status    text NOT NULL,
    reason    text NOT NULL DEFAULT '',
    until     timestamptz,
    event     text NOT NULL DEFAULT '' -- the event that goes with the change; '' when it is no news, such as a change of worker
);
SELECT guard_tenant('client_history');
CREATE INDEX client_history_page ON client_history (client_id, at DESC, id DESC);
CREATE INDEX client_history_age ON client_history (at);

ALTER TABLE clients ADD COLUMN owned_at timestamptz;

-- What is known of the numbers there are: how they are now. The owner of the
-- tables is held to the policies too.
SET LOCAL app.system = 'on';
INSERT INTO client_history (org_id, client_id, at, status, reason, until)
SELECT org_id, id, status_at, status, status_reason, until FROM clients WHERE deleted_at IS NULL;
SET LOCAL app.system = '';
