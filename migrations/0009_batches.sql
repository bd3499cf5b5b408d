-- An ordered endpoint can take several events of a chat in one request.

-- +goose Up

ALTER TABLE webhook_endpoints ADD COLUMN batch integer NOT NULL DEFAULT 1 CHECK (batch BETWEEN 1 AND 50 AND (batch = 1 OR ordered));
