-- A person can be erased.

-- +goose Up

-- From the moment on at which somebody is to be erased, their row says nothing of
-- them any more: nothing can be sent to it, and whoever writes from the same
-- number is somebody new. It goes when all that hangs on it is gone.
ALTER TABLE contacts ADD COLUMN erased_at timestamptz;
ALTER TABLE contacts DROP CONSTRAINT contacts_check;
ALTER TABLE contacts ADD CONSTRAINT contacts_check CHECK (phone IS NOT NULL OR lid IS NOT NULL OR erased_at IS NOT NULL);

-- The work of erasing people, and afterwards the receipts. Their addresses stand
-- here only as long as there is something left to look for.
CREATE TABLE erasures (
    id          uuid PRIMARY KEY,
    org_id      uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    contact_id  uuid NOT NULL,
    asked_by    uuid, -- the person; no reference: the receipt outlives them
    phone       text NOT NULL DEFAULT '', -- digits
    lid         text NOT NULL DEFAULT '',
    stage       text NOT NULL DEFAULT 'messages',
    mark        text NOT NULL DEFAULT '', -- how far the stage has come
    removed     jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    CHECK (finished_at IS NULL OR phone = '' AND lid = '' AND mark = '')
) WITH (fillfactor = 80);
SELECT guard_tenant('erasures');
CREATE INDEX erasures_page ON erasures (org_id, created_at DESC, id DESC);
CREATE INDEX erasures_open ON erasures (created_at) WHERE finished_at IS NULL;

-- What erased messages still count for: when something was sent, because the
-- limits of the last day hold all the same, and how many there were.
CREATE TABLE erased_sends (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org_id    uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    client_id uuid NOT NULL,
    sent_at   timestamptz NOT NULL
);
SELECT guard_tenant('erased_sends');
CREATE INDEX erased_sends_client ON erased_sends (client_id, sent_at);
CREATE INDEX erased_sends_age ON erased_sends (sent_at);

CREATE TABLE erased_figures (
    client_id uuid NOT NULL,
    at        timestamptz NOT NULL, -- a quarter of an hour, as in message_figures
    org_id    uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    accepted  integer NOT NULL DEFAULT 0,
    sent      integer NOT NULL DEFAULT 0,
    delivered integer NOT NULL DEFAULT 0,
    read      integer NOT NULL DEFAULT 0,
    failed    integer NOT NULL DEFAULT 0,
    received  integer NOT NULL DEFAULT 0,
    PRIMARY KEY (client_id, at)
);
SELECT guard_tenant('erased_figures');
