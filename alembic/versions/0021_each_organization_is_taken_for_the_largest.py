"""Each organization is taken for the largest

Of an organization nothing is known when a statement is planned. Where most have one or two people it
was taken for one of these: any index that begins with the organization was as good as the right one,
and a company of a thousand was gone through for each row of a page. Of one distinct organization the
planner takes what the most frequent has, as ANALYZE has seen it.
"""

import sqlalchemy as sa

from alembic import op

revision = "0021"
down_revision = "0020"

# Not those of which there are a few in each: nobody has many.
_TABLES = (
    "admissions",
    "api_tokens",
    "audit_erasures",
    "audit_events",
    "audit_seals",
    "deleted_posts",
    "directory_events",
    "directory_groups",
    "directory_memberships",
    "directory_users",
    "invitations",
    "mapping_versions",
    "posts",
    "reconciliations",
    "refusal_counts",
    "role_grants",
    "role_mappings",
    "sessions",
    "sso_identities",
    "users",
)


def upgrade() -> None:
    connection = op.get_bind()
    used = connection.scalar(sa.text("SELECT EXISTS (SELECT FROM organizations)"))
    for table in _TABLES:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN organization_id SET (n_distinct = 1)")
        # It is heeded at the next ANALYZE. What was taught about an empty table is of one
        # organization as it is, and ANALYZE would tell that the table is empty; or, of the audit
        # trail, that it has nothing but what the typical organizations left behind.
        if used and connection.scalar(sa.text(f"SELECT EXISTS (SELECT FROM {table})")):
            connection.exec_driver_sql(f"ANALYZE {table}")


def downgrade() -> None:
    for table in _TABLES:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN organization_id RESET (n_distinct)")
