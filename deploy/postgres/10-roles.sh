#!/bin/sh
# Two roles: the owner of the tables, who migrates, and the broker, who may do only what the migrations grant.
# Run once by PostgreSQL's container on an empty data directory; elsewhere by hand as a superuser, with
# PGDATABASE and the two password files set.
set -eu

: "${PGDATABASE:=${POSTGRES_DB:-rondom}}"
: "${PGUSER:=${POSTGRES_USER:-postgres}}"
: "${OWNER_PASSWORD_FILE:=/run/secrets/broker_owner_password}"
: "${APP_PASSWORD_FILE:=/run/secrets/broker_app_password}"
export PGDATABASE PGUSER OWNER_PASSWORD_FILE APP_PASSWORD_FILE

for file in "$OWNER_PASSWORD_FILE" "$APP_PASSWORD_FILE"; do
  [ -s "$file" ] || { echo "$file is missing or empty: put a password in it (openssl rand -hex 32)" >&2; exit 1; }
done

# The passwords reach psql from their files, never as arguments that others on the machine could see.
psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --set database="$PGDATABASE" <<'SQL'
\set owner_password `cat "$OWNER_PASSWORD_FILE"`
\set app_password `cat "$APP_PASSWORD_FILE"`
SET password_encryption = 'scram-sha-256';
SET log_statement = 'none';
SET log_min_duration_statement = -1;
CREATE ROLE broker_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'owner_password';
CREATE ROLE broker_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'app_password';
ALTER DATABASE :"database" OWNER TO broker_owner;
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO broker_app;
SQL
