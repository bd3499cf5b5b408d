#!/bin/sh
# Runs once, when the database volume is empty. The platform's role owns its
# database and is no superuser: superusers walk through row-level security,
# which keeps tenants apart.
set -eu
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d postgres -v password="$CHASQUI_DB_PASSWORD" <<'SQL'
CREATE ROLE chasqui LOGIN PASSWORD :'password';
CREATE DATABASE chasqui OWNER chasqui;
REVOKE CONNECT ON DATABASE chasqui FROM PUBLIC;
SQL
