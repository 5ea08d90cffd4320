-- Run at every start: makes what is not there yet. SECRETS is the folder of the passwords.
\set owner_password    `cat "$SECRETS/postgres-owner"`
\set worker_password   `cat "$SECRETS/postgres-worker"`
\set operator_password `cat "$SECRETS/postgres-operator"`
\set reader_password   `cat "$SECRETS/postgres-reader"`

select format('create role %I login nosuperuser nobypassrls nocreatedb nocreaterole password %L', role, password)
from (values
  ('callseal_owner', :'owner_password'),
  ('callseal_worker', :'worker_password'),
  ('callseal_operator', :'operator_password'),
  ('callseal_reader', :'reader_password')
) as wanted (role, password)
where not exists (select from pg_roles where rolname = role)
\gexec

select 'create database callseal owner callseal_owner'
where not exists (select from pg_database where datname = 'callseal')
\gexec

revoke all on database callseal from public;
grant connect on database callseal to callseal_worker, callseal_operator, callseal_reader;

\connect callseal
alter schema public owner to callseal_owner;
grant usage on schema public to callseal_worker, callseal_operator, callseal_reader;
