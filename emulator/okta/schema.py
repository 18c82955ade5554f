"""The tables of the Okta half."""

SCHEMA = """
create table if not exists companies (
  id text primary key, name text not null, organization_id text not null,
  directory_id text not null, connection_id text not null,
  scim_path text not null, scim_token text not null,
  app text not null default 'catalogue', saml_id text not null default 'user.id');

create table if not exists people (
  id text primary key, company_id text not null, first_name text not null, last_name text not null,
  email text not null, email_key text not null, department text, job_title text,
  status text not null default 'ACTIVE', assigned integer not null default 1,
  scim_id text, problem text not null default '', created_at integer not null,
  unique (company_id, email_key));
create index if not exists people_names on people (company_id, first_name, last_name, id);
create index if not exists people_scim on people (scim_id);

create table if not exists groups (
  id text primary key, company_id text not null, name text not null,
  scim_id text, problem text not null default '', created_at integer not null,
  unique (company_id, name));
create index if not exists groups_scim on groups (scim_id);

create table if not exists members (
  group_id text not null, person_id text not null,
  primary key (group_id, person_id)) without rowid;
create index if not exists members_person on members (person_id, group_id);

create table if not exists signing_keys (
  company_id text primary key, kid text not null, pem text not null) without rowid;

create table if not exists revocations (
  id integer primary key, company_id text not null, person_id text not null,
  at integer not null, url text not null,
  token text not null, claims text not null, body text not null, wrong text not null,
  status integer, answer text not null, ms integer not null);
create index if not exists revocations_person on revocations (person_id, id);

create table if not exists progress (name text primary key, value integer not null);

create table if not exists exchanges (
  id integer primary key, company_id text not null, at integer not null, method text not null,
  path text not null, request text not null, status integer, response text not null,
  ms integer not null);
"""

ADDED = (
    ("companies", "revocation_url", "text not null default ''"),
    ("companies", "subject_format", "text not null default 'email'"),
    ("companies", "subject_member", "text not null default 'sub_id'"),
)
