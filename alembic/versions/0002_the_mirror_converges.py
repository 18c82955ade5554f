"""What convergence needs: readings as versions, reconciliations, a cursor, a queue of jobs."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment
from sqlalchemy.dialects import postgresql

from alembic import op

revision = "0002"
down_revision = "0001"

_SQL = Path(__file__).parent.parent / "sql"
_REPLACED = ("counting_users", "counting_memberships", "access", "merge_directory_facts")
_FUNCTIONS = (
    "new_uuid7",
    "directory_standing",
    "may_change_access",
    "apply_directory_event",
    "merge_directory_reading",
    "listing_changes",
    "merge_listing",
    "loss_limit",
    "complete_reading",
)
# A complete listing writes a new version of every row: room for it beside the old one spares
# the indexes.
_REWRITTEN = ("users", "directory_users", "directory_memberships")


def _run(name: str) -> None:
    op.get_bind().exec_driver_sql((_SQL / f"{name}.sql").read_text())


def _run_script(script: str) -> None:
    # Several statements at once, which only the driver itself takes.
    driver: Any = op.get_bind().connection.dbapi_connection
    driver.run_async(lambda connection: connection.execute(script))


def upgrade() -> None:
    op.create_table(
        "event_cursor",
        sa.Column("id", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("after", sa.Text(collation="C"), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("polled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_poll_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_event_cursor_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_cursor")),
    )
    op.create_table(
        "reconciliations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Text(collation="C"), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column(
            "cancel_requested", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "position",
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
            ["confirmed_by"], ["users.id"], name=op.f("fk_reconciliations_confirmed_by")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.workos_id"],
            name=op.f("fk_reconciliations_organization_id"),
        ),
        sa.ForeignKeyConstraint(
            ["requested_by"], ["users.id"], name=op.f("fk_reconciliations_requested_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliations")),
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
    op.create_index(
        op.f("ix_audit_events_event_id"),
        "audit_events",
        ["event_id"],
        unique=False,
        postgresql_where=sa.text("event_id IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_audit_events_organization_id_subject_id_at"),
        "audit_events",
        ["organization_id", "subject_id", "at"],
        unique=False,
    )
    op.add_column("directories", sa.Column("complete_id", sa.Text(collation="C"), nullable=True))
    op.add_column("directory_events", sa.Column("user_id", sa.Text(collation="C"), nullable=True))
    op.add_column("directory_events", sa.Column("group_id", sa.Text(collation="C"), nullable=True))
    op.add_column(
        "directory_events", sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.alter_column("directory_events", "body", existing_type=postgresql.BYTEA(), nullable=True)
    op.drop_index(
        op.f("ix_directory_events_parked"),
        table_name="directory_events",
        postgresql_where="(outcome = 'parked'::text)",
    )
    op.create_index(
        "ix_directory_events_parked",
        "directory_events",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("outcome = 'parked'"),
    )
    for columns in (("group_id",), ("user_id",), ("organization_id", "type")):
        op.create_index(
            op.f(f"ix_directory_events_{'_'.join(columns)}_received_at_id"),
            "directory_events",
            [*columns, "received_at", "id"],
            unique=False,
        )
    op.create_index(
        "ix_directory_events_unapplied",
        "directory_events",
        ["organization_id", "outcome", "received_at", "id"],
        unique=False,
        postgresql_where=sa.text("outcome <> 'applied'"),
    )
    op.create_index(
        op.f("ix_directory_events_organization_id_received_at_id"),
        "directory_events",
        ["organization_id", "received_at", "id"],
        unique=False,
    )
    op.add_column("directory_users", sa.Column("read_id", sa.Text(collation="C"), nullable=True))
    op.drop_index(op.f("ix_directory_users_directory_id_idp_id"), table_name="directory_users")
    op.create_index(
        op.f("ix_directory_users_idp_id"),
        "directory_users",
        ["idp_id"],
        unique=False,
    )
    op.drop_index(op.f("ix_directory_memberships_group_id"), table_name="directory_memberships")
    op.create_index(
        op.f("ix_directory_memberships_group_id_user_id"),
        "directory_memberships",
        ["group_id", "user_id"],
        unique=False,
    )
    op.create_index(
        "ix_directory_users_left",
        "directory_users",
        ["organization_id", "account_key"],
        unique=False,
        postgresql_where=sa.text("removed_at IS NOT NULL"),
    )
    op.execute("UPDATE directory_users SET read_id = 'reading' WHERE read_as_of IS NOT NULL")
    op.execute("UPDATE directory_events SET next_attempt_at = now() WHERE outcome = 'parked'")
    op.execute("DROP FUNCTION apply_directory_event")
    for table in _REWRITTEN:
        op.execute(f"ALTER TABLE {table} SET (fillfactor = 50)")
    for name in (*_REPLACED, "counting_groups", *_FUNCTIONS):
        _run(f"0002/{name}")
    _run_script(QueryBuilderEnvironment().build_install_query())


def downgrade() -> None:
    _run_script(QueryBuilderEnvironment().build_uninstall_query())
    for name in reversed(_FUNCTIONS):
        op.execute(f"DROP FUNCTION {name}")
    op.execute("DROP VIEW access, counting_memberships, counting_groups, counting_users")
    op.execute("DROP FUNCTION merge_directory_facts")
    for name in (*_REPLACED, "apply_directory_event"):
        _run(f"0001/{name}")
    for table in _REWRITTEN:
        op.execute(f"ALTER TABLE {table} RESET (fillfactor)")
    op.execute("UPDATE directory_events SET body = '' WHERE body IS NULL")
    op.drop_index(
        "ix_directory_users_left",
        table_name="directory_users",
        postgresql_where=sa.text("removed_at IS NOT NULL"),
    )
    op.drop_index(op.f("ix_directory_users_idp_id"), table_name="directory_users")
    op.create_index(
        op.f("ix_directory_users_directory_id_idp_id"),
        "directory_users",
        ["directory_id", "idp_id"],
        unique=False,
    )
    op.drop_index(
        op.f("ix_directory_memberships_group_id_user_id"), table_name="directory_memberships"
    )
    op.create_index(
        op.f("ix_directory_memberships_group_id"),
        "directory_memberships",
        ["group_id"],
        unique=False,
    )
    op.drop_column("directory_users", "read_id")
    op.drop_index("ix_directory_events_unapplied", table_name="directory_events")
    for columns in ("group_id", "user_id", "organization_id_type"):
        op.drop_index(
            op.f(f"ix_directory_events_{columns}_received_at_id"), table_name="directory_events"
        )
    op.drop_index(
        op.f("ix_directory_events_organization_id_received_at_id"), table_name="directory_events"
    )
    op.drop_index(
        "ix_directory_events_parked",
        table_name="directory_events",
        postgresql_where=sa.text("outcome = 'parked'"),
    )
    op.create_index(
        op.f("ix_directory_events_parked"),
        "directory_events",
        ["received_at"],
        unique=False,
        postgresql_where="(outcome = 'parked'::text)",
    )
    op.alter_column("directory_events", "body", existing_type=postgresql.BYTEA(), nullable=False)
    op.drop_column("directory_events", "next_attempt_at")
    op.drop_column("directory_events", "group_id")
    op.drop_column("directory_events", "user_id")
    op.drop_column("directories", "complete_id")
    op.drop_index(op.f("ix_audit_events_organization_id_subject_id_at"), table_name="audit_events")
    op.drop_index(
        op.f("ix_audit_events_event_id"),
        table_name="audit_events",
        postgresql_where=sa.text("event_id IS NOT NULL"),
    )
    op.drop_index(
        "uq_reconciliations_unfinished",
        table_name="reconciliations",
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    op.drop_index(
        op.f("ix_reconciliations_organization_id_created_at_id"), table_name="reconciliations"
    )
    op.drop_table("reconciliations")
    op.drop_table("event_cursor")
