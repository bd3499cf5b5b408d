-- Deliveries that were given up are listed, counted and recovered without
-- looking at the many that arrived.

-- +goose Up

CREATE INDEX webhook_deliveries_given_up ON webhook_deliveries (endpoint_id, created_at DESC, id DESC) WHERE status = 'exhausted';
