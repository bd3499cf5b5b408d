-- What was sent is made again when somebody wants to see it. The signature that
-- went with it tells whether it is still the same.

-- +goose Up

ALTER TABLE webhook_attempts ADD COLUMN signature text NOT NULL DEFAULT ''; -- '': from before this, or nothing was sent
