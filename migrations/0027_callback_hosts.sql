-- Hosts that messages' callback_urls lead to are taken out when no message has
-- named them for long.

-- +goose Up

-- Of endpoints that stand for such a host: when a message last named it, to a
-- day. What was there before counts as named now.
ALTER TABLE webhook_endpoints ADD COLUMN named_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX webhook_endpoints_named ON webhook_endpoints (org_id, named_at) WHERE callback;
