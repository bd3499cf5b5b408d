-- How many messages came to what, counted once instead of whenever somebody
-- looks.

-- +goose Up

-- By client and quarter of an hour, because every time zone begins its days on
-- one. A message belongs to the quarter in which it was accepted or received,
-- and counts for all that became of it so far. The rows are made from messages,
-- again whenever one of the quarter moves, so that counting twice is the same as
-- once. They outlive the messages they count.
CREATE TABLE message_figures (
    client_id uuid NOT NULL,
    at        timestamptz NOT NULL, -- the quarter's beginning
    org_id    uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    accepted  integer NOT NULL DEFAULT 0,
    sent      integer NOT NULL DEFAULT 0,
    delivered integer NOT NULL DEFAULT 0,
    read      integer NOT NULL DEFAULT 0,
    failed    integer NOT NULL DEFAULT 0,
    received  integer NOT NULL DEFAULT 0,
    PRIMARY KEY (client_id, at)
) WITH (fillfactor = 80);
SELECT guard_tenant('message_figures');
CREATE INDEX message_figures_org ON message_figures (org_id, at);

-- The quarters that are to be counted again. Who writes one that is there
-- already must lock it (DO UPDATE, not DO NOTHING), or it may be counted and
-- taken away before what is new can be seen.
CREATE TABLE message_figures_due (
    client_id uuid NOT NULL,
    at        timestamptz NOT NULL,
    org_id    uuid NOT NULL REFERENCES orgs ON DELETE CASCADE,
    fewer     boolean NOT NULL DEFAULT false, -- messages were found to be one: there may be fewer than were counted
    since     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (client_id, at)
);
SELECT guard_tenant('message_figures_due');
CREATE INDEX message_figures_due_since ON message_figures_due (since);

-- How far each org's feed of events was looked through for what moved.
CREATE TABLE message_figures_marks (
    org_id   uuid PRIMARY KEY REFERENCES orgs ON DELETE CASCADE,
    tx       xid8 NOT NULL DEFAULT '0',
    position bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
SELECT guard_tenant('message_figures_marks');

-- Everything that is there is counted once; the feed is followed from here on.
-- The owner of the tables is held to the policies too.
SET LOCAL app.system = 'on';
INSERT INTO message_figures_marks (org_id, tx, position)
SELECT id, (pg_snapshot_xmin(pg_current_snapshot())::text::numeric - 1)::text::xid8, 9223372036854775807 FROM orgs;
INSERT INTO message_figures_due (client_id, at, org_id)
SELECT client_id, date_bin('15 minutes', created_at, 'epoch'), org_id FROM messages GROUP BY 1, 2, 3;
SET LOCAL app.system = '';
