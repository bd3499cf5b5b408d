#!/bin/sh
# Runs once, when the database volume is empty. The role chasqui_owner owns the
# database and migrates it; the programs come in as chasqui, which works with
# rows and can change no table. Neither is a superuser: superusers walk through
# row-level security, which keeps tenants apart.
set -eu
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d postgres -v owner="$CHASQUI_OWNER_PASSWORD" -v password="$CHASQUI_DB_PASSWORD" <<'SQL'
CREATE ROLE chasqui_app NOLOGIN;
CREATE ROLE chasqui_owner LOGIN PASSWORD :'owner';
CREATE ROLE chasqui LOGIN PASSWORD :'password' IN ROLE chasqui_app;
CREATE DATABASE chasqui OWNER chasqui_owner;
REVOKE CONNECT ON DATABASE chasqui FROM PUBLIC;
GRANT CONNECT ON DATABASE chasqui TO chasqui;
SQL
