-- What was read in the inbox is told to whoever wrote it.

-- +goose Up

-- A number tells by default: a person at the other end expects of a person that
-- reading shows. For messages that came in, messages.read_at is when they were
-- first read here; those of before stay without, and are not told any more.
ALTER TABLE clients ADD COLUMN send_read_receipts boolean NOT NULL DEFAULT true;

-- What is still to be told, by the worker that holds the number. It is empty
-- but for moments, and for numbers that are offline or held. A row goes when
-- WhatsApp has it.
CREATE TABLE read_receipts (
    message_id uuid PRIMARY KEY REFERENCES messages ON DELETE CASCADE,
    org_id     uuid NOT NULL,
    client_id  uuid NOT NULL REFERENCES clients ON DELETE CASCADE,
    read_at    timestamptz NOT NULL DEFAULT now(),
    attempts   integer NOT NULL DEFAULT 0,
    not_before timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 70);
SELECT guard_tenant('read_receipts');
CREATE INDEX read_receipts_client ON read_receipts (client_id, read_at, message_id);
CREATE INDEX read_receipts_age ON read_receipts (read_at);
