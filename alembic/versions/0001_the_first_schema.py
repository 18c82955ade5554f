"""The first schema: tables, the functions that merge, the views that derive access, a queue."""

from textwrap import dedent
from typing import Any

import sqlalchemy as sa
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0001"
down_revision = None


def _run_script(script: str) -> None:
    # Several statements at once, which only the driver itself takes.
    driver: Any = op.get_bind().connection.dbapi_connection
    driver.run_async(lambda connection: connection.execute(script))


# An organization of two thousand people among a thousand others.
_TYPICAL_ROWS = """
INSERT INTO organizations (workos_id, name, directory_managed, occurred_at, event_id)
SELECT 'org_' || n, 'Typical', true, now(), 'event_' || n FROM generate_series(1, 1000) AS n;

INSERT INTO directories (organization_id, id, name, type, rank, occurred_at, event_id)
SELECT 'org_' || n, 'directory_' || n, 'Typical', 'okta scim v2.0', 1, now(), 'event_' || n
FROM generate_series(1, 1000) AS n;

INSERT INTO users (
    organization_id, id, key, name, email, profile_rank, profile_at, profile_event_id, joined_at
)
SELECT 'org_1', md5(n::text)::uuid, 'idp_' || n, 'Person ' || n, n || '@typical.example', 1, now(),
    'event_' || n, now()
FROM generate_series(1, 2000) AS n;

INSERT INTO directory_users (
    organization_id, id, directory_id, idp_id, email, name, state, rank, occurred_at, event_id,
    removed_at
)
SELECT 'org_1', 'directory_user_' || n, 'directory_1', 'idp_' || n, n || '@typical.example',
    'Person ' || n, 'active', 1, now(), 'event_' || n,
    CASE WHEN n % 20 = 0 THEN now() - interval '1 day' END
FROM generate_series(1, 2000) AS n;

INSERT INTO directory_groups (
    organization_id, id, directory_id, name, rank, occurred_at, event_id
)
SELECT 'org_1', 'directory_group_' || n, 'directory_1', 'Group ' || n, 1, now(), 'event_' || n
FROM generate_series(1, 500) AS n;

INSERT INTO directory_memberships (
    organization_id, directory_user_id, group_id, present, occurred_at, event_id
)
SELECT 'org_1', 'directory_user_' || n, 'directory_group_' || 1 + (n * k) % 500, true, now(),
    'event_' || n
FROM generate_series(1, 2000) AS n, generate_series(1, 5) AS k
ON CONFLICT DO NOTHING;

INSERT INTO role_mappings (organization_id, group_id, role, source)
SELECT 'org_1', 'directory_group_' || n, 'author', 'admin' FROM generate_series(1, 500) AS n;

INSERT INTO role_grants (organization_id, user_id, role)
SELECT 'org_1', md5(n::text)::uuid, 'author' FROM generate_series(1, 500) AS n;

INSERT INTO sessions (organization_id, id, token_hash, user_id, expires_at)
SELECT 'org_1', md5(n::text)::uuid, sha256(n::text::bytea), md5(n::text)::uuid,
    now() + interval '1 day'
FROM generate_series(1, 2000) AS n;

INSERT INTO sso_identities (organization_id, connection_id, subject, user_id, matched_by)
SELECT 'org_1', 'connection_1', 'idp_' || n, md5(n::text)::uuid, 'idp_id'
FROM generate_series(1, 2000) AS n;

INSERT INTO posts (organization_id, id, author_id, title, content, created_at)
SELECT 'org_1', md5(n::text)::uuid, md5((1 + n % 100)::text)::uuid, 'Typical', repeat('x', 200),
    now() - n * interval '1 minute'
FROM generate_series(1, 2000) AS n;

INSERT INTO invitations (organization_id, id, token_hash, user_id, invited_by, expires_at)
SELECT 'org_1', md5(n::text)::uuid, sha256(n::text::bytea), md5(n::text)::uuid, md5('1')::uuid,
    now() + interval '1 day'
FROM generate_series(1, 500) AS n;

INSERT INTO directory_events (
    organization_id, id, type, source, directory_id, directory_user_id, group_id, occurred_at,
    received_at, body, outcome
)
SELECT 'org_1', 'event_' || n,
    (ARRAY['dsync.user.created', 'dsync.group.user_added', 'dsync.user.updated'])[1 + n % 3],
    'webhook', 'directory_1', 'directory_user_' || n, 'directory_group_' || n % 500, now(),
    now() - n * interval '1 second', repeat('x', 500)::bytea,
    CASE WHEN n % 100 = 0 THEN 'superseded' ELSE 'applied' END
FROM generate_series(1, 2000) AS n;

INSERT INTO audit_events (organization_id, id, at, action, event_id, subject_id)
SELECT 'org_1', md5(n::text)::uuid, now() - n * interval '1 second', 'dsync.user.created',
    'event_' || n, 'directory_user_' || n
FROM generate_series(1, 2000) AS n;

INSERT INTO reconciliations (organization_id, id, trigger, state, created_at)
SELECT 'org_1', md5(n::text)::uuid, 'schedule', 'completed', now() - n * interval '1 hour'
FROM generate_series(1, 500) AS n
"""
_TAUGHT = (
    "reconciliations",
    "audit_events",
    "directory_events",
    "invitations",
    "posts",
    "sso_identities",
    "sessions",
    "role_grants",
    "role_mappings",
    "directory_memberships",
    "directory_groups",
    "directory_users",
    "users",
    "directories",
    "organizations",
)


def _teach_the_planner() -> None:
    """Leave statistics of a typical company, and nothing else.

    Every index begins with the organization. Of an empty table the planner believes that one
    organization has one row, takes any of its indexes, and keeps the plan: a first synchronization
    would then read the whole organization at every event, until a table happens to be analysed.
    """
    for statement in _TYPICAL_ROWS.split(";\n"):
        op.get_bind().exec_driver_sql(statement)
    op.get_bind().exec_driver_sql(f"ANALYZE {', '.join(_TAUGHT)}")
    for table in _TAUGHT:
        op.get_bind().exec_driver_sql(f"DELETE FROM {table}")


def upgrade() -> None:
    op.create_table(
        "audit_events",
        sa.Column("organization_id", sa.Text(collation="C"), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("event_id", sa.Text(collation="C"), nullable=True),
        sa.Column("subject_id", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "detail",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_audit_events")),
    )
    op.create_index(
        op.f("ix_audit_events_organization_id_at_id"),
        "audit_events",
        ["organization_id", "at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_audit_events_organization_id_event_id"),
        "audit_events",
        ["organization_id", "event_id"],
        unique=False,
        postgresql_where=sa.text("event_id IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_audit_events_organization_id_subject_id_at"),
        "audit_events",
        ["organization_id", "subject_id", "at"],
        unique=False,
    )
    op.create_table(
        "directories",
        sa.Column("organization_id", sa.Text(collation="C"), nullable=False),
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("complete_as_of", sa.DateTime(timezone=True), nullable=True),
        sa.Column("complete_id", sa.Text(collation="C"), nullable=True),
        sa.Column("rank", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("event_id", sa.Text(collation="C"), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_by", sa.Text(collation="C"), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_directories")),
    )
    op.create_table(
        "directory_events",
        sa.Column("organization_id", sa.Text(collation="C"), nullable=False),
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("directory_id", sa.Text(collation="C"), nullable=True),
        sa.Column("directory_user_id", sa.Text(collation="C"), nullable=True),
        sa.Column("group_id", sa.Text(collation="C"), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("field", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="1", nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_directory_events")),
    )
    op.create_index(
        op.f("ix_directory_events_organization_id_directory_user_id_received_at_id"),
        "directory_events",
        ["organization_id", "directory_user_id", "received_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_directory_events_organization_id_group_id_received_at_id"),
        "directory_events",
        ["organization_id", "group_id", "received_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_directory_events_organization_id_received_at_id"),
        "directory_events",
        ["organization_id", "received_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_directory_events_organization_id_type_received_at_id"),
        "directory_events",
        ["organization_id", "type", "received_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_directory_events_parked",
        "directory_events",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("outcome = 'parked'"),
    )
    op.create_index(
        op.f("ix_directory_events_received_at_id"),
        "directory_events",
        ["received_at", "id"],
        unique=False,
    )
    op.create_index(
        "ix_directory_events_unapplied",
        "directory_events",
        ["organization_id", "outcome", "received_at", "id"],
        unique=False,
        postgresql_where=sa.text("outcome <> 'applied'"),
    )
    op.create_table(
        "directory_groups",
        sa.Column("organization_id", sa.Text(collation="C"), nullable=False),
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("directory_id", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("rank", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("event_id", sa.Text(collation="C"), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_by", sa.Text(collation="C"), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_directory_groups")),
    )
    op.create_index(
        op.f("ix_directory_groups_organization_id_name"),
        "directory_groups",
        ["organization_id", "name"],
        unique=False,
    )
    op.create_table(
        "directory_memberships",
        sa.Column("organization_id", sa.Text(collation="C"), nullable=False),
        sa.Column("directory_user_id", sa.Text(collation="C"), nullable=False),
        sa.Column("group_id", sa.Text(collation="C"), nullable=False),
        sa.Column("present", sa.Boolean(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event_id", sa.Text(collation="C"), nullable=False),
        sa.PrimaryKeyConstraint(
            "organization_id",
            "directory_user_id",
            "group_id",
            name=op.f("pk_directory_memberships"),
        ),
        postgresql_with={"fillfactor": 50},
    )
    op.create_index(
        op.f("ix_directory_memberships_organization_id_group_id_directory_user_id"),
        "directory_memberships",
        ["organization_id", "group_id", "directory_user_id"],
        unique=False,
    )
    op.create_table(
        "directory_users",
        sa.Column("organization_id", sa.Text(collation="C"), nullable=False),
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("directory_id", sa.Text(collation="C"), nullable=False),
        sa.Column("idp_id", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "user_key",
            sa.Text(collation="C"),
            sa.Computed("coalesce(nullif(idp_id, ''), id)", persisted=True),
            nullable=False,
        ),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column(
            "custom_attributes",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("snapshot_as_of", sa.DateTime(timezone=True), nullable=True),
        sa.Column("snapshot_id", sa.Text(collation="C"), nullable=True),
        sa.Column("rank", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("event_id", sa.Text(collation="C"), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_by", sa.Text(collation="C"), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_directory_users")),
        postgresql_with={"fillfactor": 50},
    )
    op.create_index(
        "ix_directory_users_left",
        "directory_users",
        ["organization_id", "user_key"],
        unique=False,
        postgresql_where=sa.text("removed_at IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_directory_users_organization_id_user_key"),
        "directory_users",
        ["organization_id", "user_key"],
        unique=False,
    )
    op.create_table(
        "event_cursor",
        sa.Column("id", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("after", sa.Text(collation="C"), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("polled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_poll_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_event_cursor_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_cursor")),
    )
    op.create_table(
        "organizations",
        sa.Column("workos_id", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "directory_managed", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column("default_mappings", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("deleted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("event_id", sa.Text(collation="C"), nullable=True),
        sa.PrimaryKeyConstraint("workos_id", name=op.f("pk_organizations")),
    )
    op.create_table(
        "role_mappings",
        sa.Column("organization_id", sa.Text(collation="C"), nullable=False),
        sa.Column("group_id", sa.Text(collation="C"), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("removed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("event_id", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint(
            "organization_id", "group_id", "role", name=op.f("pk_role_mappings")
        ),
    )
    op.create_table(
        "used_states",
        sa.Column("organization_id", sa.Text(collation="C"), nullable=False),
        sa.Column("state_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "state_hash", name=op.f("pk_used_states")),
    )
    op.create_index(
        op.f("ix_used_states_organization_id_expires_at"),
        "used_states",
        ["organization_id", "expires_at"],
        unique=False,
    )
    op.create_table(
        "users",
        sa.Column("organization_id", sa.Text(collation="C"), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "sort_name",
            sa.Text(collation="C"),
            sa.Computed("lower(name)", persisted=True),
            nullable=False,
        ),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("job_title", sa.Text(), nullable=True),
        sa.Column("department", sa.Text(), nullable=True),
        sa.Column("profile_rank", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("profile_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("profile_event_id", sa.Text(collation="C"), nullable=True),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("blocked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.workos_id"], name=op.f("fk_users_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_users")),
        sa.UniqueConstraint("organization_id", "key", name=op.f("uq_users_organization_id_key")),
        postgresql_with={"fillfactor": 50},
    )
    op.create_index(
        op.f("ix_users_organization_id_sort_name_id"),
        "users",
        ["organization_id", "sort_name", "id"],
        unique=False,
    )
    op.create_table(
        "invitations",
        sa.Column("organization_id", sa.Text(collation="C"), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("invited_by", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id", "invited_by"],
            ["users.organization_id", "users.id"],
            name=op.f("fk_invitations_organization_id_invited_by"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "user_id"],
            ["users.organization_id", "users.id"],
            name=op.f("fk_invitations_organization_id_user_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_invitations")),
        sa.UniqueConstraint(
            "organization_id", "token_hash", name=op.f("uq_invitations_organization_id_token_hash")
        ),
    )
    op.create_index(
        "uq_invitations_open",
        "invitations",
        ["organization_id", "user_id"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "posts",
        sa.Column("organization_id", sa.Text(collation="C"), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "author_id"],
            ["users.organization_id", "users.id"],
            name=op.f("fk_posts_organization_id_author_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_posts")),
    )
    op.create_index(
        op.f("ix_posts_organization_id_author_id"),
        "posts",
        ["organization_id", "author_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_posts_organization_id_created_at_id"),
        "posts",
        ["organization_id", "created_at", "id"],
        unique=False,
    )
    op.create_table(
        "reconciliations",
        sa.Column("organization_id", sa.Text(collation="C"), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column(
            "cancel_requested", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "checkpoint",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "progress",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "drift",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("held", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id", "confirmed_by"],
            ["users.organization_id", "users.id"],
            name=op.f("fk_reconciliations_organization_id_confirmed_by"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "requested_by"],
            ["users.organization_id", "users.id"],
            name=op.f("fk_reconciliations_organization_id_requested_by"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.workos_id"],
            name=op.f("fk_reconciliations_organization_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_reconciliations")),
    )
    op.create_index(
        op.f("ix_reconciliations_organization_id_created_at_id"),
        "reconciliations",
        ["organization_id", "created_at", "id"],
        unique=False,
    )
    op.create_index(
        "uq_reconciliations_unfinished",
        "reconciliations",
        ["organization_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.create_table(
        "role_grants",
        sa.Column("organization_id", sa.Text(collation="C"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("granted_by", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "granted_by"],
            ["users.organization_id", "users.id"],
            name=op.f("fk_role_grants_organization_id_granted_by"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "user_id"],
            ["users.organization_id", "users.id"],
            name=op.f("fk_role_grants_organization_id_user_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "user_id", "role", name=op.f("pk_role_grants")),
    )
    op.create_table(
        "sessions",
        sa.Column("organization_id", sa.Text(collation="C"), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "user_id"],
            ["users.organization_id", "users.id"],
            name=op.f("fk_sessions_organization_id_user_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_sessions")),
        sa.UniqueConstraint(
            "organization_id", "token_hash", name=op.f("uq_sessions_organization_id_token_hash")
        ),
    )
    op.create_index(
        op.f("ix_sessions_organization_id_user_id"),
        "sessions",
        ["organization_id", "user_id"],
        unique=False,
    )
    op.create_table(
        "sso_identities",
        sa.Column("organization_id", sa.Text(collation="C"), nullable=False),
        sa.Column("connection_id", sa.Text(collation="C"), nullable=False),
        sa.Column("subject", sa.Text(collation="C"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("matched_by", sa.Text(), nullable=False),
        sa.Column("directory_user_id", sa.Text(collation="C"), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column(
            "last_used_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "user_id"],
            ["users.organization_id", "users.id"],
            name=op.f("fk_sso_identities_organization_id_user_id"),
        ),
        sa.PrimaryKeyConstraint(
            "organization_id", "connection_id", "subject", name=op.f("pk_sso_identities")
        ),
    )
    op.create_index(
        op.f("ix_sso_identities_organization_id_user_id"),
        "sso_identities",
        ["organization_id", "user_id"],
        unique=False,
    )
    _teach_the_planner()
    op.get_bind().exec_driver_sql(
        dedent("""
    -- One event, one statement: dedupe, merge, inbox and audit; returns the outcome. `event` is of the
    -- type EventRow in services/mirror/rows.py; `facts` is NULL where there is nothing to merge.
    -- `replayed` is for a replay by hand, noted with the `actor` even when it changed nothing.
    CREATE OR REPLACE FUNCTION apply_event(
        event jsonb, body bytea, facts jsonb, audit_id uuid, replayed boolean, actor uuid
    )
    RETURNS text LANGUAGE plpgsql AS $$
    DECLARE
        new directory_events := jsonb_populate_record(NULL::directory_events, event);
        kept_under text;
        known text;
        with_access boolean;
        before jsonb;
        after jsonb;
    BEGIN
        -- What names no organization may name a directory: its administrators are to see it.
        IF new.organization_id = '' AND new.directory_id IS NOT NULL THEN
            SELECT CASE count(*) WHEN 1 THEN min(d.organization_id) ELSE '' END
            INTO new.organization_id
            FROM directories AS d
            WHERE d.id = new.directory_id;
        END IF;
        SELECT e.organization_id, e.outcome INTO kept_under, known
        FROM directory_events AS e
        WHERE e.organization_id = ANY (ARRAY[new.organization_id, '']) AND e.id = new.id
        ORDER BY e.organization_id DESC
        LIMIT 1
        FOR UPDATE;
        IF kept_under <> new.organization_id THEN
            -- It was kept as nobody's while it could not be read.
            UPDATE directory_events AS e SET organization_id = new.organization_id
            WHERE e.organization_id = kept_under AND e.id = new.id;
        END IF;
        IF known <> 'parked' AND NOT replayed THEN
            RETURN 'duplicate';
        END IF;

        IF facts IS NOT NULL THEN
            -- What is noted as before and after must be this event's doing alone.
            IF new.directory_user_id IS NOT NULL THEN
                PERFORM pg_advisory_xact_lock(
                    hashtextextended(new.organization_id || ' ' || new.directory_user_id, 0)
                );
            END IF;
            with_access := may_change_access(facts);
            before := mirror_state(
                new.organization_id, new.directory_user_id, event ->> 'user_key', new.group_id,
                new.directory_id, with_access
            );
            new.outcome := 'superseded';
            IF merge_facts(facts) > 0 THEN
                after := mirror_state(
                    new.organization_id, new.directory_user_id, event ->> 'user_key', new.group_id,
                    new.directory_id, with_access
                );
                -- What is older than the directory's complete listing, or than the person's snapshot,
                -- is written by its version as ever, but is not live, so that nothing was done; unless
                -- it has taken the place of a newer hint.
                IF (
                    coalesce(before #> '{access,active}', 'false'),
                    coalesce(before #> '{access,roles}', '[]'),
                    coalesce(before #> '{group,live}', 'false'),
                    coalesce(before #> '{group,roles}', '[]')
                ) <> (
                    coalesce(after #> '{access,active}', 'false'),
                    coalesce(after #> '{access,roles}', '[]'),
                    coalesce(after #> '{group,live}', 'false'),
                    coalesce(after #> '{group,roles}', '[]')
                ) OR NOT EXISTS (
                    SELECT FROM directories AS d
                    WHERE d.organization_id = new.organization_id AND d.id = new.directory_id
                        AND (d.complete_as_of, d.complete_id) > (new.occurred_at, new.id)
                    UNION ALL
                    SELECT FROM directory_users AS u
                    WHERE u.organization_id = new.organization_id AND u.id = new.directory_user_id
                        AND new.group_id IS NOT NULL
                        AND (u.snapshot_as_of, u.snapshot_id) > (new.occurred_at, new.id)
                ) THEN
                    new.outcome := 'applied';
                END IF;
            END IF;
        END IF;

        new.body := body;
        new.received_at := now();
        new.attempts := 1;
        new.next_attempt_at := CASE WHEN new.outcome = 'parked' THEN now() + interval '1 minute' END;
        INSERT INTO directory_events AS e VALUES (new.*)
        -- What was once applied or superseded stays so, whatever a replay finds.
        ON CONFLICT (organization_id, id) DO UPDATE
        SET outcome = CASE
                WHEN excluded.outcome = 'applied' OR e.outcome IN ('parked', 'ignored')
                    THEN excluded.outcome
                ELSE e.outcome
            END,
            reason = CASE WHEN e.outcome IN ('parked', 'ignored') THEN excluded.reason END,
            field = CASE WHEN e.outcome IN ('parked', 'ignored') THEN excluded.field END,
            detail = CASE WHEN e.outcome IN ('parked', 'ignored') THEN excluded.detail END,
            type = excluded.type, occurred_at = excluded.occurred_at, body = excluded.body,
            directory_id = excluded.directory_id, directory_user_id = excluded.directory_user_id,
            group_id = excluded.group_id,
            attempts = e.attempts + 1,
            -- Twice as long after each try, a day at most.
            next_attempt_at = CASE
                WHEN excluded.outcome = 'parked' AND e.outcome IN ('parked', 'ignored') THEN
                    now() + least(interval '1 day', interval '1 minute' * 2 ^ least(e.attempts, 20))
            END
        WHERE e.outcome = 'parked' OR replayed
        RETURNING e.attempts INTO new.attempts;
        IF NOT FOUND THEN
            RETURN 'duplicate';
        END IF;

        IF new.outcome = 'applied' OR replayed THEN
            INSERT INTO audit_events (
                organization_id, id, action, actor_id, event_id, subject_id, detail
            )
            VALUES (
                new.organization_id, audit_id,
                CASE WHEN replayed THEN 'event.replayed' ELSE new.type END, actor, new.id,
                coalesce(
                    new.directory_user_id, new.group_id, new.directory_id, new.organization_id
                ),
                jsonb_strip_nulls(jsonb_build_object(
                    'outcome', new.outcome, 'reason', new.reason, 'detail', new.detail,
                    'source', new.source, 'attempt', new.attempts,
                    'group_id', CASE WHEN new.directory_user_id IS NOT NULL THEN new.group_id END,
                    'before', CASE WHEN new.outcome = 'applied' THEN before END,
                    'after', CASE WHEN new.outcome = 'applied' THEN after END
                ))
            );
        END IF;
        RETURN new.outcome;
    END
    $$;
    """)
    )
    op.get_bind().exec_driver_sql(
        dedent("""
    -- Whether something in the mirror is live. Nothing cascades: its own version must be newer than the
    -- removal of itself and of its directory, and no older than the last complete listing of the
    -- directory. A removal that is not newer than that listing is superseded by it.
    -- In one expression, so that the planner puts it in the place of the call.
    CREATE OR REPLACE FUNCTION is_live(
        occurred_at timestamptz, event_id text, removed_at timestamptz,
        directory_removed_at timestamptz, complete_as_of timestamptz, complete_id text
    )
    RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT occurred_at IS NOT NULL
        AND (
            removed_at IS NULL OR occurred_at > removed_at
            OR coalesce(removed_at <= complete_as_of, false)
        )
        AND (
            directory_removed_at IS NULL OR occurred_at > directory_removed_at
            OR coalesce(directory_removed_at <= complete_as_of, false)
        )
        AND (complete_as_of IS NULL OR (occurred_at, event_id) >= (complete_as_of, complete_id))
    $$;
    """)
    )
    op.get_bind().exec_driver_sql(
        dedent("""
    -- Whether the facts of an event about a person could change their access; false spares its
    -- derivation. They cannot where a group without a mapping gains or loses somebody well known, nor
    -- where somebody live stays live under the same key with the same state.
    CREATE OR REPLACE FUNCTION may_change_access(facts jsonb)
    RETURNS boolean LANGUAGE plpgsql STABLE AS $$
    BEGIN
        IF facts ? 'memberships' AND EXISTS (
            SELECT FROM jsonb_populate_recordset(
                NULL::directory_memberships, facts -> 'memberships'
            ) AS r
            WHERE (
                SELECT count(*) FROM role_mappings AS k
                WHERE k.organization_id = r.organization_id AND k.group_id = r.group_id
            ) > 0
        ) OR facts ? 'groups' AND EXISTS (
            SELECT FROM jsonb_to_recordset(facts -> 'groups') AS r (default_role text)
            WHERE r.default_role IS NOT NULL
        ) THEN
            RETURN true;
        END IF;
        RETURN facts ? 'removed_directory_users' OR EXISTS (
            SELECT FROM jsonb_to_recordset(facts -> 'directory_users') AS r (
                organization_id text, id text, directory_id text, user_key text, state text, rank int
            )
            WHERE CASE WHEN r.rank = 1 THEN (
                SELECT (k.directory_id, k.user_key, k.state) = (r.directory_id, r.user_key, r.state)
                FROM live_directory_users AS k
                WHERE k.organization_id = r.organization_id AND k.id = r.id AND k.rank = 1
            ) ELSE (
                SELECT k.rank = 1 FROM directory_users AS k
                WHERE k.organization_id = r.organization_id AND k.id = r.id
            ) END IS NOT TRUE
        );
    END
    $$;
    """)
    )
    op.get_bind().exec_driver_sql(
        dedent("""
    -- The one way into the mirror (invariant 7), for the facts of any number of events and snapshots;
    -- returns how many rows were written. `facts` is of the type Facts in services/mirror/rows.py: of
    -- each row its newest version, which it carries itself. Every write is a maximum over versions or
    -- a union, so the mirror is a function of the set of events (invariant 3). Locks are taken in one
    -- order: organization, directory, user, directory user, group, mapping, membership.
    -- What a row is compared with is looked up row by row, by scalar subqueries: a join with what JSON
    -- brings would be planned for a hundred rows, and read whole tables at every event.
    CREATE OR REPLACE FUNCTION merge_facts(facts jsonb)
    RETURNS integer LANGUAGE plpgsql AS $$
    DECLARE
        written integer := 0;
        n integer;
        snapshot directory_users;
    BEGIN
        IF facts ? 'managed' THEN
            INSERT INTO organizations AS o (workos_id, directory_managed)
            SELECT m.id, true
            FROM jsonb_array_elements_text(facts -> 'managed') AS m (id)
            WHERE (
                SELECT k.directory_managed FROM organizations AS k WHERE k.workos_id = m.id
            ) IS NOT TRUE
            ORDER BY m.id
            ON CONFLICT (workos_id) DO UPDATE SET directory_managed = true
            WHERE NOT o.directory_managed;
        END IF;

        IF facts ? 'organizations' THEN
            INSERT INTO organizations AS o (workos_id, name, occurred_at, event_id)
            SELECT r.workos_id, r.name, r.occurred_at, r.event_id
            FROM jsonb_populate_recordset(NULL::organizations, facts -> 'organizations') AS r
            ORDER BY r.workos_id
            ON CONFLICT (workos_id) DO UPDATE
            SET name = excluded.name, occurred_at = excluded.occurred_at, event_id = excluded.event_id
            WHERE ((o.occurred_at, o.event_id) < (excluded.occurred_at, excluded.event_id))
                IS NOT FALSE;
            GET DIAGNOSTICS n = ROW_COUNT; written := written + n;
        END IF;

        IF facts ? 'deleted_organizations' THEN
            INSERT INTO organizations AS o (workos_id, deleted)
            SELECT r.workos_id, true
            FROM jsonb_populate_recordset(NULL::organizations, facts -> 'deleted_organizations') AS r
            ORDER BY r.workos_id
            ON CONFLICT (workos_id) DO UPDATE SET deleted = true WHERE NOT o.deleted;
            GET DIAGNOSTICS n = ROW_COUNT; written := written + n;
        END IF;

        IF facts ? 'directories' THEN
            INSERT INTO directories AS d (organization_id, id, name, type, rank, occurred_at, event_id)
            SELECT r.organization_id, r.id, r.name, r.type, r.rank, r.occurred_at, r.event_id
            FROM jsonb_populate_recordset(NULL::directories, facts -> 'directories') AS r
            ORDER BY r.organization_id, r.id
            ON CONFLICT (organization_id, id) DO UPDATE
            SET name = excluded.name, type = excluded.type, rank = excluded.rank,
                occurred_at = excluded.occurred_at, event_id = excluded.event_id
            WHERE ((d.rank, d.occurred_at, d.event_id)
                < (excluded.rank, excluded.occurred_at, excluded.event_id)) IS NOT FALSE;
            GET DIAGNOSTICS n = ROW_COUNT; written := written + n;
        END IF;

        IF facts ? 'removed_directories' THEN
            INSERT INTO directories AS d (organization_id, id, removed_at, removed_by)
            SELECT r.organization_id, r.id, r.occurred_at, r.event_id
            FROM jsonb_populate_recordset(NULL::directories, facts -> 'removed_directories') AS r
            ORDER BY r.organization_id, r.id
            ON CONFLICT (organization_id, id) DO UPDATE
            SET removed_at = excluded.removed_at, removed_by = excluded.removed_by
            WHERE ((d.removed_at, d.removed_by) < (excluded.removed_at, excluded.removed_by))
                IS NOT FALSE;
            GET DIAGNOSTICS n = ROW_COUNT; written := written + n;
        END IF;

        IF facts ? 'directory_users' THEN
            -- The profile is a copy for display.
            INSERT INTO users AS u (
                organization_id, key, id, name, email, job_title, department,
                profile_rank, profile_at, profile_event_id
            )
            SELECT DISTINCT ON (r.organization_id, r.user_key)
                r.organization_id, r.user_key, r.user_id, r.name, r.email, r.job_title, r.department,
                r.rank, r.occurred_at, r.event_id
            FROM jsonb_to_recordset(facts -> 'directory_users') AS r (
                organization_id text, id text, user_key text, user_id uuid, name text, email text,
                job_title text, department text, rank smallint, occurred_at timestamptz, event_id text
            )
            ORDER BY
                r.organization_id, r.user_key,
                r.rank DESC, r.occurred_at DESC, r.event_id DESC, r.id DESC
            ON CONFLICT (organization_id, key) DO UPDATE
            SET name = excluded.name, email = excluded.email, job_title = excluded.job_title,
                department = excluded.department, profile_rank = excluded.profile_rank,
                profile_at = excluded.profile_at, profile_event_id = excluded.profile_event_id
            WHERE ((u.profile_rank, u.profile_at, u.profile_event_id)
                < (excluded.profile_rank, excluded.profile_at, excluded.profile_event_id))
                IS NOT FALSE;

            INSERT INTO directory_users AS u (
                organization_id, id, directory_id, idp_id, email, name, state, custom_attributes,
                rank, occurred_at, event_id
            )
            SELECT
                r.organization_id, r.id, r.directory_id, r.idp_id, r.email, r.name, r.state,
                r.custom_attributes, r.rank, r.occurred_at, r.event_id
            FROM jsonb_populate_recordset(NULL::directory_users, facts -> 'directory_users') AS r
            -- A look before the lock: hints about someone well known must not queue on their row.
            WHERE (
                SELECT (k.rank, k.occurred_at, k.event_id) < (r.rank, r.occurred_at, r.event_id)
                FROM directory_users AS k
                WHERE k.organization_id = r.organization_id AND k.id = r.id
            ) IS NOT FALSE
            ORDER BY r.organization_id, r.id
            ON CONFLICT (organization_id, id) DO UPDATE
            SET directory_id = excluded.directory_id, idp_id = excluded.idp_id,
                email = excluded.email, name = excluded.name, state = excluded.state,
                custom_attributes = excluded.custom_attributes, rank = excluded.rank,
                occurred_at = excluded.occurred_at, event_id = excluded.event_id
            WHERE ((u.rank, u.occurred_at, u.event_id)
                < (excluded.rank, excluded.occurred_at, excluded.event_id)) IS NOT FALSE;
            GET DIAGNOSTICS n = ROW_COUNT; written := written + n;
        END IF;

        IF facts ? 'removed_directory_users' THEN
            INSERT INTO directory_users AS u (organization_id, id, directory_id, removed_at, removed_by)
            SELECT r.organization_id, r.id, r.directory_id, r.occurred_at, r.event_id
            FROM jsonb_populate_recordset(
                NULL::directory_users, facts -> 'removed_directory_users'
            ) AS r
            ORDER BY r.organization_id, r.id
            ON CONFLICT (organization_id, id) DO UPDATE
            SET removed_at = excluded.removed_at, removed_by = excluded.removed_by
            WHERE ((u.removed_at, u.removed_by) < (excluded.removed_at, excluded.removed_by))
                IS NOT FALSE;
            GET DIAGNOSTICS n = ROW_COUNT; written := written + n;
        END IF;

        IF facts ? 'groups' THEN
            INSERT INTO directory_groups AS g (
                organization_id, id, directory_id, name, rank, occurred_at, event_id
            )
            SELECT
                r.organization_id, r.id, r.directory_id, r.name, r.rank, r.occurred_at, r.event_id
            FROM jsonb_populate_recordset(NULL::directory_groups, facts -> 'groups') AS r
            WHERE (
                SELECT (k.rank, k.occurred_at, k.event_id) < (r.rank, r.occurred_at, r.event_id)
                FROM directory_groups AS k
                WHERE k.organization_id = r.organization_id AND k.id = r.id
            ) IS NOT FALSE
            ORDER BY r.organization_id, r.id
            ON CONFLICT (organization_id, id) DO UPDATE
            SET directory_id = excluded.directory_id, name = excluded.name, rank = excluded.rank,
                occurred_at = excluded.occurred_at, event_id = excluded.event_id
            WHERE ((g.rank, g.occurred_at, g.event_id)
                < (excluded.rank, excluded.occurred_at, excluded.event_id)) IS NOT FALSE;
            GET DIAGNOSTICS n = ROW_COUNT; written := written + n;

            -- A group seen with a default name is mapped once, whatever the version: by its id, so
            -- that a rename changes only the label.
            INSERT INTO role_mappings AS k (organization_id, group_id, role, source, event_id)
            SELECT r.organization_id, r.id, r.default_role, 'default', r.event_id
            FROM jsonb_to_recordset(facts -> 'groups')
                AS r (organization_id text, id text, default_role text, event_id text)
            WHERE r.default_role IS NOT NULL
            ORDER BY r.organization_id, r.id
            ON CONFLICT (organization_id, group_id, role) DO NOTHING;
            GET DIAGNOSTICS n = ROW_COUNT; written := written + n;
        END IF;

        IF facts ? 'removed_groups' THEN
            INSERT INTO directory_groups AS g (
                organization_id, id, directory_id, removed_at, removed_by
            )
            SELECT r.organization_id, r.id, r.directory_id, r.occurred_at, r.event_id
            FROM jsonb_populate_recordset(NULL::directory_groups, facts -> 'removed_groups') AS r
            ORDER BY r.organization_id, r.id
            ON CONFLICT (organization_id, id) DO UPDATE
            SET removed_at = excluded.removed_at, removed_by = excluded.removed_by
            WHERE ((g.removed_at, g.removed_by) < (excluded.removed_at, excluded.removed_by))
                IS NOT FALSE;
            GET DIAGNOSTICS n = ROW_COUNT; written := written + n;
        END IF;

        IF facts ? 'memberships' THEN
            INSERT INTO directory_memberships AS m (
                organization_id, directory_user_id, group_id, present, occurred_at, event_id
            )
            SELECT r.organization_id, u.id, r.group_id, r.present, r.occurred_at, r.event_id
            FROM jsonb_to_recordset(facts -> 'memberships') AS r (
                organization_id text, directory_user_ids jsonb, group_id text, present boolean,
                occurred_at timestamptz, event_id text
            )
            CROSS JOIN jsonb_array_elements_text(r.directory_user_ids) AS u (id)
            ORDER BY r.organization_id, u.id, r.group_id
            ON CONFLICT (organization_id, directory_user_id, group_id) DO UPDATE
            SET present = excluded.present, occurred_at = excluded.occurred_at,
                event_id = excluded.event_id
            WHERE (m.occurred_at, m.event_id) < (excluded.occurred_at, excluded.event_id);
            GET DIAGNOSTICS n = ROW_COUNT; written := written + n;
        END IF;

        -- Who was read with all their groups: an older membership that the snapshot lacks has ended.
        IF facts ? 'snapshots' THEN
            FOR snapshot IN
                SELECT * FROM jsonb_populate_recordset(NULL::directory_users, facts -> 'snapshots')
            LOOP
                UPDATE directory_users AS u
                SET snapshot_as_of = snapshot.occurred_at, snapshot_id = snapshot.event_id
                WHERE u.organization_id = snapshot.organization_id
                    AND u.id = snapshot.id
                    AND ((u.snapshot_as_of, u.snapshot_id)
                        < (snapshot.occurred_at, snapshot.event_id)) IS NOT FALSE;
                GET DIAGNOSTICS n = ROW_COUNT; written := written + n;
            END LOOP;
        END IF;

        RETURN written;
    END
    $$;
    """)
    )
    op.get_bind().exec_driver_sql(
        dedent("""
    -- The state of what an event is about, which the audit trail keeps as before and after; of the type
    -- MirrorState in schemas/audit.py. It is asked for twice an event: `with_access` derives the access
    -- of the person, which costs the most; of a group or a directory no more than 1,000 are counted.
    -- Somebody who is not in the mirror yet may be a user all the same: under this key, where they are
    -- back or in a second directory.
    CREATE OR REPLACE FUNCTION mirror_state(
        organization text, directory_user text, key text, grp text, directory text, with_access boolean
    )
    RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
    DECLARE
        state jsonb;
    BEGIN
        IF directory_user IS NOT NULL THEN
            state := jsonb_build_object('directory_user', (
                SELECT jsonb_build_object('name', d.name, 'email', d.email, 'state', d.state)
                FROM directory_users AS d
                WHERE d.organization_id = organization AND d.id = directory_user
            ));
            IF grp IS NOT NULL THEN
                state := state || jsonb_build_object('member', EXISTS (
                    SELECT FROM directory_memberships AS m
                    WHERE m.organization_id = organization
                        AND m.directory_user_id = directory_user
                        AND m.group_id = grp
                        AND m.present
                ));
            END IF;
            IF with_access THEN
                state := jsonb_set(state, '{directory_user,live}', to_jsonb(EXISTS (
                    SELECT FROM live_directory_users AS l
                    WHERE l.organization_id = organization AND l.id = directory_user
                ))) || jsonb_build_object('access', (
                    SELECT jsonb_build_object('active', a.active, 'roles', a.roles)
                    FROM users AS u
                    JOIN access AS a ON a.organization_id = u.organization_id AND a.user_id = u.id
                    WHERE u.organization_id = organization AND u.key = coalesce((
                        SELECT d.user_key FROM directory_users AS d
                        WHERE d.organization_id = organization AND d.id = directory_user
                    ), mirror_state.key)
                ));
            END IF;
        ELSIF grp IS NOT NULL THEN
            state := jsonb_build_object('group', (
                SELECT jsonb_build_object(
                    'name', g.name,
                    'live', l.id IS NOT NULL,
                    'members', (SELECT count(*) FROM (
                        SELECT FROM directory_memberships AS m
                        WHERE m.organization_id = organization AND m.group_id = l.id AND m.present
                            AND (g.removed_at IS NULL OR m.occurred_at > g.removed_at)
                        LIMIT 1000
                    ) AS counted),
                    'roles', (
                        SELECT coalesce(jsonb_agg(r.role ORDER BY r.role), '[]')
                        FROM role_mappings AS r
                        WHERE r.organization_id = organization AND r.group_id = grp AND NOT r.removed
                    )
                )
                FROM directory_groups AS g
                LEFT JOIN live_groups AS l ON l.organization_id = g.organization_id AND l.id = g.id
                WHERE g.organization_id = organization AND g.id = grp
            ));
        ELSE
            state := jsonb_build_object('directory', (
                SELECT jsonb_build_object(
                    'name', d.name,
                    'live', EXISTS (
                        SELECT FROM live_directories AS l
                        WHERE l.organization_id = organization AND l.id = directory
                    ),
                    'people', (SELECT count(*) FROM (
                        SELECT FROM directory_users AS u
                        WHERE u.organization_id = organization AND u.directory_id = directory
                        LIMIT 1000
                    ) AS counted)
                )
                FROM directories AS d
                WHERE d.organization_id = organization AND d.id = directory
            ));
        END IF;
        RETURN jsonb_strip_nulls(state);
    END
    $$;
    """)
    )
    op.get_bind().exec_driver_sql(
        dedent("""
    CREATE OR REPLACE FUNCTION refuse_change()
    RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is append only', TG_TABLE_NAME;
    END
    $$;
    """)
    )
    op.get_bind().exec_driver_sql(
        dedent("""
    CREATE OR REPLACE TRIGGER audit_events_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
    """)
    )
    op.get_bind().exec_driver_sql(
        dedent("""
    CREATE OR REPLACE VIEW live_directories AS
    SELECT d.organization_id, d.id, d.name, d.type, d.complete_as_of
    FROM directories AS d
    WHERE is_live(d.occurred_at, d.event_id, d.removed_at, NULL, d.complete_as_of, d.complete_id);
    """)
    )
    op.get_bind().exec_driver_sql(
        dedent("""
    -- Access is derived, never stored (invariant 1): the live_… views and access are its one
    -- definition. A directory that was never described counts as live.
    -- This view carries what live_memberships asks of the person and the directory: were they joined
    -- again there, access would join more tables than the planner reorders (collapse limits, 8), and
    -- it read every person to find one.
    CREATE OR REPLACE VIEW live_directory_users AS
    SELECT
        u.organization_id, u.id, u.directory_id, u.user_key, u.name, u.email, u.state, u.rank,
        u.occurred_at, u.event_id, u.removed_at, u.snapshot_as_of, u.snapshot_id,
        d.removed_at AS directory_removed_at, d.complete_as_of, d.complete_id
    FROM directory_users AS u
    LEFT JOIN directories AS d
        ON u.organization_id = d.organization_id AND u.directory_id = d.id
    WHERE is_live(
            u.occurred_at, u.event_id, u.removed_at, d.removed_at, d.complete_as_of, d.complete_id
        )
        -- Of namesakes (one person rehired under a new id) only the newest is live. By the key, which
        -- has an index: namesakes have the same.
        AND NOT EXISTS (
            SELECT FROM directory_users AS n
            WHERE n.organization_id = u.organization_id
                AND n.user_key = u.user_key
                AND n.idp_id = u.idp_id
                AND u.idp_id <> ''
                AND n.directory_id = u.directory_id
                AND (n.occurred_at, n.event_id, n.id) > (u.occurred_at, u.event_id, u.id)
        );
    """)
    )
    op.get_bind().exec_driver_sql(
        dedent("""
    CREATE OR REPLACE VIEW live_groups AS
    SELECT
        g.organization_id, g.id, g.directory_id, g.name, g.occurred_at, g.event_id, g.removed_at
    FROM directory_groups AS g
    LEFT JOIN directories AS d
        ON g.organization_id = d.organization_id AND g.directory_id = d.id
    WHERE is_live(
            g.occurred_at, g.event_id, g.removed_at, d.removed_at, d.complete_as_of, d.complete_id
        );
    """)
    )
    op.get_bind().exec_driver_sql(
        dedent("""
    -- A membership must be newer than the removal of its person, of its group and of the directory, and
    -- no older than the last snapshot of the person: one that lacked it has ended it.
    CREATE OR REPLACE VIEW live_memberships AS
    SELECT
        m.organization_id, m.directory_user_id, m.group_id, u.user_key, g.name AS group_name,
        u.state, u.directory_id
    FROM directory_memberships AS m
    INNER JOIN live_directory_users AS u
        ON m.organization_id = u.organization_id AND m.directory_user_id = u.id
    INNER JOIN directory_groups AS g
        ON m.organization_id = g.organization_id
            AND m.group_id = g.id
            AND u.directory_id = g.directory_id
    WHERE m.present
        AND is_live(
            g.occurred_at, g.event_id, g.removed_at, u.directory_removed_at, u.complete_as_of,
            u.complete_id
        )
        AND is_live(
            m.occurred_at, m.event_id, greatest(u.removed_at, g.removed_at), u.directory_removed_at,
            u.complete_as_of, u.complete_id
        )
        AND (
            u.snapshot_as_of IS NULL
            OR (m.occurred_at, m.event_id) >= (u.snapshot_as_of, u.snapshot_id)
        );
    """)
    )
    op.get_bind().exec_driver_sql(
        dedent("""
    -- Whether a user may enter, and with which roles.
    CREATE OR REPLACE VIEW access AS
    SELECT
        u.organization_id, u.id AS user_id, admitted.active,
        CASE WHEN admitted.active THEN ARRAY['member'] || held.roles ELSE '{}' END AS roles
    FROM users AS u
    INNER JOIN organizations AS o ON u.organization_id = o.workos_id
    CROSS JOIN LATERAL (
        SELECT NOT o.deleted AND CASE
            -- Not by EXISTS, which the planner may answer from a hash of everybody's people.
            WHEN o.directory_managed THEN (
                SELECT count(*) > 0 FROM live_directory_users AS d
                WHERE d.organization_id = u.organization_id
                    AND d.user_key = u.key
                    AND d.state = 'active'
            )
            ELSE u.joined_at IS NOT NULL AND u.blocked_at IS NULL
        END AS active
    ) AS admitted
    CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(DISTINCT source.role ORDER BY source.role), '{}') AS roles
        FROM (
            SELECT r.role
            FROM live_memberships AS m
            INNER JOIN role_mappings AS r
                ON m.organization_id = r.organization_id
                    AND m.group_id = r.group_id
                    AND NOT r.removed
                    AND (r.source <> 'default' OR o.default_mappings)
            WHERE m.organization_id = u.organization_id
                AND m.user_key = u.key
                AND m.state = 'active'
            UNION ALL
            SELECT g.role
            FROM role_grants AS g
            WHERE g.organization_id = u.organization_id AND g.user_id = u.id
        ) AS source
    ) AS held;
    """)
    )

    _run_script(QueryBuilderEnvironment().build_install_query())


def downgrade() -> None:
    _run_script(QueryBuilderEnvironment().build_uninstall_query())
    op.get_bind().exec_driver_sql("DROP VIEW access")
    op.get_bind().exec_driver_sql("DROP VIEW live_memberships")
    op.get_bind().exec_driver_sql("DROP VIEW live_groups")
    op.get_bind().exec_driver_sql("DROP VIEW live_directory_users")
    op.get_bind().exec_driver_sql("DROP VIEW live_directories")
    op.get_bind().exec_driver_sql("DROP TRIGGER audit_events_append_only ON audit_events")
    op.get_bind().exec_driver_sql("DROP FUNCTION refuse_change()")
    op.get_bind().exec_driver_sql("DROP FUNCTION mirror_state(text,text,text,text,text,boolean)")
    op.get_bind().exec_driver_sql("DROP FUNCTION merge_facts(jsonb)")
    op.get_bind().exec_driver_sql("DROP FUNCTION may_change_access(jsonb)")
    op.get_bind().exec_driver_sql(
        "DROP FUNCTION is_live(timestamp with time zone,text,timestamp with time zone,timestamp with time zone,timestamp with time zone,text)"
    )
    op.get_bind().exec_driver_sql("DROP FUNCTION apply_event(jsonb,bytea,jsonb,uuid,boolean,uuid)")
    op.drop_index(op.f("ix_sso_identities_organization_id_user_id"), table_name="sso_identities")
    op.drop_table("sso_identities")
    op.drop_index(op.f("ix_sessions_organization_id_user_id"), table_name="sessions")
    op.drop_table("sessions")
    op.drop_table("role_grants")
    op.drop_index(
        "uq_reconciliations_unfinished",
        table_name="reconciliations",
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.drop_index(
        op.f("ix_reconciliations_organization_id_created_at_id"), table_name="reconciliations"
    )
    op.drop_table("reconciliations")
    op.drop_index(op.f("ix_posts_organization_id_created_at_id"), table_name="posts")
    op.drop_index(op.f("ix_posts_organization_id_author_id"), table_name="posts")
    op.drop_table("posts")
    op.drop_index(
        "uq_invitations_open",
        table_name="invitations",
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.drop_table("invitations")
    op.drop_index(op.f("ix_users_organization_id_sort_name_id"), table_name="users")
    op.drop_table("users")
    op.drop_index(op.f("ix_used_states_organization_id_expires_at"), table_name="used_states")
    op.drop_table("used_states")
    op.drop_table("role_mappings")
    op.drop_table("organizations")
    op.drop_table("event_cursor")
    op.drop_index(op.f("ix_directory_users_organization_id_user_key"), table_name="directory_users")
    op.drop_index(
        "ix_directory_users_left",
        table_name="directory_users",
        postgresql_where=sa.text("removed_at IS NOT NULL"),
    )
    op.drop_table("directory_users")
    op.drop_index(
        op.f("ix_directory_memberships_organization_id_group_id_directory_user_id"),
        table_name="directory_memberships",
    )
    op.drop_table("directory_memberships")
    op.drop_index(op.f("ix_directory_groups_organization_id_name"), table_name="directory_groups")
    op.drop_table("directory_groups")
    op.drop_index(
        "ix_directory_events_unapplied",
        table_name="directory_events",
        postgresql_where=sa.text("outcome <> 'applied'"),
    )
    op.drop_index(op.f("ix_directory_events_received_at_id"), table_name="directory_events")
    op.drop_index(
        "ix_directory_events_parked",
        table_name="directory_events",
        postgresql_where=sa.text("outcome = 'parked'"),
    )
    op.drop_index(
        op.f("ix_directory_events_organization_id_type_received_at_id"),
        table_name="directory_events",
    )
    op.drop_index(
        op.f("ix_directory_events_organization_id_received_at_id"), table_name="directory_events"
    )
    op.drop_index(
        op.f("ix_directory_events_organization_id_group_id_received_at_id"),
        table_name="directory_events",
    )
    op.drop_index(
        op.f("ix_directory_events_organization_id_directory_user_id_received_at_id"),
        table_name="directory_events",
    )
    op.drop_table("directory_events")
    op.drop_table("directories")
    op.drop_index(op.f("ix_audit_events_organization_id_subject_id_at"), table_name="audit_events")
    op.drop_index(
        op.f("ix_audit_events_organization_id_event_id"),
        table_name="audit_events",
        postgresql_where=sa.text("event_id IS NOT NULL"),
    )
    op.drop_index(op.f("ix_audit_events_organization_id_at_id"), table_name="audit_events")
    op.drop_table("audit_events")
