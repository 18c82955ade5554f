"""The tables of the WorkOS half."""

SCHEMA = """
create table if not exists settings (name text primary key, value text not null);

create table if not exists organizations (
  id text primary key, name text not null, external_id text, domains text not null,
  metadata text not null, created_at integer not null, updated_at integer not null);

create table if not exists connections (
  id text primary key, organization_id text not null, name text not null, type text not null,
  sign_in_url text not null, created_at integer not null, updated_at integer not null);

create table if not exists directories (
  id text primary key, organization_id text not null, name text not null, type text not null,
  state text not null, external_key text not null, token text not null,
  created_at integer not null, updated_at integer not null);

create table if not exists directory_tokens (
  id text primary key, directory_id text not null, token text not null,
  created_at integer not null, revoked_at integer);
create index if not exists directory_tokens_directory on directory_tokens (directory_id);
insert into directory_tokens
  select 'directory_token_' || substr(id, 11), id, token, created_at, null from directories d
  where not exists (select 1 from directory_tokens t where t.directory_id = d.id);

create table if not exists role_assignments (
  group_id text primary key, directory_id text not null, slug text not null) without rowid;
create index if not exists role_assignments_directory on role_assignments (directory_id);

create table if not exists scim_users (
  id text primary key, directory_id text not null, user_name_key text not null,
  external_id text, active integer not null, document text not null, extra text not null,
  last_directory_user_id text, version integer not null,
  created_at integer not null, updated_at integer not null,
  unique (directory_id, user_name_key));
create index if not exists scim_users_external on scim_users (external_id, directory_id);
create index if not exists scim_users_last on scim_users (last_directory_user_id);

create table if not exists held_users (scim_id text primary key) without rowid;

create table if not exists scim_groups (
  id text primary key, directory_id text not null, name_key text not null, external_id text,
  document text not null, version integer not null,
  created_at integer not null, updated_at integer not null);
create index if not exists scim_groups_name on scim_groups (directory_id, name_key);

create table if not exists scim_members (
  group_id text not null, user_id text not null, display text,
  primary key (group_id, user_id)) without rowid;
create index if not exists scim_members_user on scim_members (user_id, group_id);

create table if not exists directory_users (
  id text primary key, directory_id text not null, organization_id text not null,
  scim_id text not null unique, idp_id text not null, email text, email_key text,
  first_name text, last_name text, name text, state text not null,
  custom_attributes text not null, created_at integer not null, updated_at integer not null);
create index if not exists directory_users_directory on directory_users (directory_id, id);
create index if not exists directory_users_email on directory_users (directory_id, email_key);
create index if not exists directory_users_idp on directory_users (directory_id, idp_id);

create table if not exists directory_groups (
  id text primary key, directory_id text not null, organization_id text not null,
  scim_id text not null unique, idp_id text not null, name text not null,
  created_at integer not null, updated_at integer not null);
create index if not exists directory_groups_directory on directory_groups (directory_id, id);
create index if not exists directory_groups_idp on directory_groups (directory_id, idp_id);

create table if not exists events (
  id text primary key, created_at integer not null, event text not null,
  organization_id text, body text not null);
create index if not exists events_created on events (created_at);

create table if not exists deliveries (
  id integer primary key, event_id text not null, state text not null, due_at integer not null,
  attempts integer not null default 0, corrupt integer not null default 0,
  note text not null default '', last_status integer, last_answer text, last_ms integer,
  last_at integer, created_at integer not null);
create index if not exists deliveries_due on deliveries (due_at, id) where state = 'pending';
create index if not exists deliveries_new on deliveries (due_at)
  where state = 'pending' and attempts = 0;
create index if not exists deliveries_event on deliveries (event_id);

create table if not exists attempts (
  id integer primary key, delivery_id integer not null, at integer not null, ms integer not null,
  status integer, answer text not null);
create index if not exists attempts_delivery on attempts (delivery_id);

create table if not exists sign_ins (
  id text primary key, connection_id text not null, redirect_uri text not null, state text,
  login_hint text, expires_at integer not null);

create table if not exists codes (
  code text primary key, profile text not null, redirect_uri text not null,
  expires_at integer not null, used integer not null default 0);

create table if not exists profiles (
  id text primary key, connection_id text not null, idp_id text not null,
  unique (connection_id, idp_id));

create table if not exists portal_links (
  token text primary key, organization_id text not null, intent text not null,
  return_url text, success_url text, expires_at integer not null);

create table if not exists portal_sessions (
  id text primary key, organization_id text not null, intent text not null, return_url text,
  success_url text, external_user_id text, expires_at integer not null);
"""

ADDED = (
    ("connections", "state", "text not null default 'active'"),
    ("connections", "certificate_expires_at", "integer"),
    ("directory_users", "roles", "text not null default '[\"member\"]'"),
    ("portal_links", "external_user_id", "text"),
)
