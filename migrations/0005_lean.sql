-- What every accepted message pays for and nobody needs.

-- +goose Up

-- A message hangs on its conversation, which hangs on its client, which hangs
-- on its org: one key says it all. The others were one more look and one more
-- lock on the same few rows for every message, by everybody at once.
ALTER TABLE messages DROP CONSTRAINT messages_org_id_fkey, DROP CONSTRAINT messages_client_id_fkey;
ALTER TABLE events DROP CONSTRAINT events_org_id_fkey;
ALTER TABLE message_events DROP CONSTRAINT message_events_message_id_fkey;

-- That a message was accepted, and when, is what its own row says.
DELETE FROM message_events WHERE note = 'accepted';

-- Event data is kept and handed out, never looked into.
ALTER TABLE events ALTER COLUMN data TYPE json;
