"""People are listed by department and by when they were last seen."""

import sqlalchemy as sa

from alembic import op

revision = "0013"
down_revision = "0012"

_BY_DEPARTMENT = "ix_users_organization_id_sort_department_sort_name_id"
_BY_LAST_SEEN = "ix_users_organization_id_unseen_sort_name_id"

# As in the migrations before: a table that is written anew has forgotten its statistics.
_TYPICAL_ROWS = """
INSERT INTO organizations (workos_id, name, directory_managed, occurred_at, event_id)
VALUES ('org_typical', 'Typical', true, now(), 'event_1');

INSERT INTO users (
    organization_id, id, key, name, email, department, profile_rank, profile_at, profile_event_id,
    joined_at
)
SELECT 'org_typical', md5(n::text)::uuid, 'idp_' || n, 'Person ' || n, n || '@typical.example',
    'Department ' || n % 5, 1, now(), 'event_' || n, now()
FROM generate_series(1, 2000) AS n;

ANALYZE users;

DELETE FROM users WHERE organization_id = 'org_typical';

DELETE FROM organizations WHERE workos_id = 'org_typical'
"""


# With what was taught before, more has come and gone than autovacuum waits for by 0006.
_THRESHOLD = """
ALTER TABLE users SET (autovacuum_analyze_threshold = {0}, autovacuum_vacuum_threshold = {0},
    autovacuum_vacuum_insert_threshold = {0})
"""


def _teach_the_planner() -> None:
    connection = op.get_bind()
    if connection.scalar(sa.text("SELECT EXISTS (SELECT FROM users)")):
        connection.exec_driver_sql("ANALYZE users")
        return
    for statement in _TYPICAL_ROWS.split(";\n"):
        connection.exec_driver_sql(statement)


def upgrade() -> None:
    op.add_column(
        "users",
        sa.Column(
            "sort_department",
            sa.Text(collation="C"),
            sa.Computed(
                "COALESCE(NULLIF(folded(department), ''::text), chr(1114111))", persisted=True
            ),
            nullable=False,
        ),
    )
    op.add_column(
        "users",
        sa.Column(
            "unseen",
            sa.Integer(),
            sa.Computed(
                "COALESCE('2200-01-01'::date - (last_seen_at AT TIME ZONE 'UTC'::text)::date,"
                " 2147483647)",
                persisted=True,
            ),
            nullable=False,
        ),
    )
    op.create_index(
        op.f(_BY_DEPARTMENT),
        "users",
        ["organization_id", "sort_department", "sort_name", "id"],
        unique=False,
    )
    op.create_index(
        op.f(_BY_LAST_SEEN),
        "users",
        ["organization_id", "unseen", "sort_name", "id"],
        unique=False,
    )
    op.create_index(
        "ix_users_blocked",
        "users",
        ["organization_id", "sort_name", "id"],
        unique=False,
        postgresql_where=sa.text("blocked_at IS NOT NULL"),
    )
    op.execute(_THRESHOLD.format(20_000))
    _teach_the_planner()


def downgrade() -> None:
    op.execute(_THRESHOLD.format(10_000))
    op.drop_index(
        "ix_users_blocked", table_name="users", postgresql_where=sa.text("blocked_at IS NOT NULL")
    )
    op.drop_index(op.f(_BY_LAST_SEEN), table_name="users")
    op.drop_index(op.f(_BY_DEPARTMENT), table_name="users")
    op.drop_column("users", "unseen")
    op.drop_column("users", "sort_department")
