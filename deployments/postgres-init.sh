#!/bin/sh
# A database of nightwork's own beside Prefect's: workers know its password, and not that of Prefect's.
set -eu
psql --no-psqlrc --set ON_ERROR_STOP=1 --set password="$NIGHTWORK_POSTGRES_PASSWORD" \
    --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE nightwork LOGIN PASSWORD :'password';
CREATE DATABASE nightwork OWNER nightwork;
REVOKE CONNECT ON DATABASE nightwork FROM PUBLIC;
REVOKE CONNECT ON DATABASE prefect FROM PUBLIC;
SQL
