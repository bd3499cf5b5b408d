-- Work that waits here finds the trace again that it is part of. NULL, which
-- costs nothing, is what is not traced: almost everything.

-- +goose Up

ALTER TABLE messages ADD COLUMN trace text;
ALTER TABLE events ADD COLUMN trace text;
