"""The first schema: tables, the views that derive access, the functions that merge."""

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0001"
down_revision = None

_SQL = Path(__file__).parent.parent / "sql" / "0001"
_VIEWS = ("counting_users", "counting_memberships", "access")
_FUNCTIONS = ("merge_directory_facts", "apply_directory_event", "refuse_change")


def upgrade() -> None:
    op.create_table(
        "audit_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Text(collation="C"), nullable=True),
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
    )
    op.create_index(
        op.f("ix_audit_events_organization_id_at_id"),
        "audit_events",
        ["organization_id", "at", "id"],
        unique=False,
    )
    op.create_table(
        "directories",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("organization_id", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("complete_as_of", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rank", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("event_id", sa.Text(collation="C"), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directories")),
    )
    op.create_index(
        op.f("ix_directories_organization_id"), "directories", ["organization_id"], unique=False
    )
    op.create_table(
        "directory_events",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(collation="C"), nullable=True),
        sa.Column("directory_id", sa.Text(collation="C"), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_events")),
    )
    op.create_index(
        "ix_directory_events_parked",
        "directory_events",
        ["received_at"],
        unique=False,
        postgresql_where=sa.text("outcome = 'parked'"),
    )
    op.create_index(
        op.f("ix_directory_events_received_at_id"),
        "directory_events",
        ["received_at", "id"],
        unique=False,
    )
    op.create_table(
        "directory_groups",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("directory_id", sa.Text(collation="C"), nullable=False),
        sa.Column("organization_id", sa.Text(collation="C"), nullable=False),
        sa.Column("idp_id", sa.Text(collation="C"), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("rank", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("event_id", sa.Text(collation="C"), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_groups")),
    )
    op.create_index(
        op.f("ix_directory_groups_organization_id_name"),
        "directory_groups",
        ["organization_id", "name"],
        unique=False,
    )
    op.create_table(
        "directory_memberships",
        sa.Column("user_id", sa.Text(collation="C"), nullable=False),
        sa.Column("group_id", sa.Text(collation="C"), nullable=False),
        sa.Column("directory_id", sa.Text(collation="C"), nullable=False),
        sa.Column("organization_id", sa.Text(collation="C"), nullable=False),
        sa.Column("present", sa.Boolean(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event_id", sa.Text(collation="C"), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "group_id", name=op.f("pk_directory_memberships")),
    )
    op.create_index(
        op.f("ix_directory_memberships_group_id"),
        "directory_memberships",
        ["group_id"],
        unique=False,
    )
    op.create_table(
        "directory_users",
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("directory_id", sa.Text(collation="C"), nullable=False),
        sa.Column("organization_id", sa.Text(collation="C"), nullable=False),
        sa.Column("idp_id", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "account_key",
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
        sa.Column("read_as_of", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rank", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("event_id", sa.Text(collation="C"), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_directory_users")),
    )
    op.create_index(
        op.f("ix_directory_users_directory_id_idp_id"),
        "directory_users",
        ["directory_id", "idp_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_directory_users_organization_id_account_key"),
        "directory_users",
        ["organization_id", "account_key"],
        unique=False,
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
        sa.Column("group_id", sa.Text(collation="C"), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(collation="C"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("removed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("event_id", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("group_id", "role", name=op.f("pk_role_mappings")),
    )
    op.create_index(
        op.f("ix_role_mappings_organization_id"), "role_mappings", ["organization_id"], unique=False
    )
    op.create_table(
        "used_states",
        sa.Column("state_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("state_hash", name=op.f("pk_used_states")),
    )
    op.create_index(op.f("ix_used_states_expires_at"), "used_states", ["expires_at"], unique=False)
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Text(collation="C"), nullable=False),
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("organization_id", "key", name=op.f("uq_users_organization_id_key")),
    )
    op.create_index(
        op.f("ix_users_organization_id_sort_name_id"),
        "users",
        ["organization_id", "sort_name", "id"],
        unique=False,
    )
    op.create_table(
        "invitations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("organization_id", sa.Text(collation="C"), nullable=False),
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
            ["invited_by"], ["users.id"], name=op.f("fk_invitations_invited_by")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.workos_id"],
            name=op.f("fk_invitations_organization_id"),
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_invitations_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitations_token_hash")),
    )
    op.create_index(
        "uq_invitations_open",
        "invitations",
        ["user_id"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "posts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Text(collation="C"), nullable=False),
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
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_posts_author_id")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.workos_id"], name=op.f("fk_posts_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posts")),
    )
    op.create_index(op.f("ix_posts_author_id"), "posts", ["author_id"], unique=False)
    op.create_index(
        op.f("ix_posts_organization_id_created_at_id"),
        "posts",
        ["organization_id", "created_at", "id"],
        unique=False,
    )
    op.create_table(
        "role_grants",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(collation="C"), nullable=False),
        sa.Column("granted_by", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["granted_by"], ["users.id"], name=op.f("fk_role_grants_granted_by")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.workos_id"],
            name=op.f("fk_role_grants_organization_id"),
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_role_grants_user_id")),
        sa.PrimaryKeyConstraint("user_id", "role", name=op.f("pk_role_grants")),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("organization_id", sa.Text(collation="C"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.workos_id"],
            name=op.f("fk_sessions_organization_id"),
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sessions_token_hash")),
    )
    op.create_index(op.f("ix_sessions_user_id"), "sessions", ["user_id"], unique=False)
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
            ["organization_id"],
            ["organizations.workos_id"],
            name=op.f("fk_sso_identities_organization_id"),
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sso_identities_user_id")),
        sa.PrimaryKeyConstraint(
            "organization_id", "connection_id", "subject", name=op.f("pk_sso_identities")
        ),
    )
    op.create_index(op.f("ix_sso_identities_user_id"), "sso_identities", ["user_id"], unique=False)
    for name in (*_VIEWS, *_FUNCTIONS, "audit_events_append_only"):
        op.get_bind().exec_driver_sql((_SQL / f"{name}.sql").read_text())


def downgrade() -> None:
    for name in reversed(_VIEWS):
        op.execute(f"DROP VIEW {name}")
    op.execute("DROP TRIGGER audit_events_append_only ON audit_events")
    for name in reversed(_FUNCTIONS):
        op.execute(f"DROP FUNCTION {name}")
    op.drop_index(op.f("ix_sso_identities_user_id"), table_name="sso_identities")
    op.drop_table("sso_identities")
    op.drop_index(op.f("ix_sessions_user_id"), table_name="sessions")
    op.drop_table("sessions")
    op.drop_table("role_grants")
    op.drop_index(op.f("ix_posts_organization_id_created_at_id"), table_name="posts")
    op.drop_index(op.f("ix_posts_author_id"), table_name="posts")
    op.drop_table("posts")
    op.drop_index(
        "uq_invitations_open",
        table_name="invitations",
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.drop_table("invitations")
    op.drop_index(op.f("ix_users_organization_id_sort_name_id"), table_name="users")
    op.drop_table("users")
    op.drop_index(op.f("ix_used_states_expires_at"), table_name="used_states")
    op.drop_table("used_states")
    op.drop_index(op.f("ix_role_mappings_organization_id"), table_name="role_mappings")
    op.drop_table("role_mappings")
    op.drop_table("organizations")
    op.drop_index(
        op.f("ix_directory_users_organization_id_account_key"), table_name="directory_users"
    )
    op.drop_index(op.f("ix_directory_users_directory_id_idp_id"), table_name="directory_users")
    op.drop_table("directory_users")
    op.drop_index(op.f("ix_directory_memberships_group_id"), table_name="directory_memberships")
    op.drop_table("directory_memberships")
    op.drop_index(op.f("ix_directory_groups_organization_id_name"), table_name="directory_groups")
    op.drop_table("directory_groups")
    op.drop_index(op.f("ix_directory_events_received_at_id"), table_name="directory_events")
    op.drop_index(
        "ix_directory_events_parked",
        table_name="directory_events",
        postgresql_where=sa.text("outcome = 'parked'"),
    )
    op.drop_table("directory_events")
    op.drop_index(op.f("ix_directories_organization_id"), table_name="directories")
    op.drop_table("directories")
    op.drop_index(op.f("ix_audit_events_organization_id_at_id"), table_name="audit_events")
    op.drop_table("audit_events")
