-- How fast the next number of an organisation may send.

-- +goose Up

ALTER TABLE orgs ADD COLUMN new_limits jsonb; -- NULL: the usual ones, whatever these are by then
