-- A line that does not pause takes its next message while one is under way.

-- +goose Up

-- At most two of a client are in flight, whoever claims: the one that is under
-- way and the one that goes next. They take turns with the berths. Those without
-- an answer stop only their conversation.
ALTER TABLE messages ADD COLUMN berth smallint NOT NULL DEFAULT 0 CHECK (berth IN (0, 1));
CREATE UNIQUE INDEX messages_berths ON messages (client_id, berth) WHERE status = 'sending' AND NOT unconfirmed;
DROP INDEX messages_one_in_flight;
