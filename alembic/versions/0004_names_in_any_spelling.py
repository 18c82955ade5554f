"""Names are found and sorted in any spelling, and a page of people costs a page."""

from textwrap import dedent

import sqlalchemy as sa

from alembic import op

revision = "0004"
down_revision = "0003"

_INDEX = "ix_users_organization_id_sort_name_id"


def _sort_by(expression: str) -> None:
    # PostgreSQL 16 cannot change what a column is generated from.
    op.drop_index(op.f(_INDEX), table_name="users")
    op.drop_column("users", "sort_name")
    op.add_column(
        "users",
        sa.Column(
            "sort_name",
            sa.Text(collation="C"),
            sa.Computed(expression, persisted=True),
            nullable=False,
        ),
    )
    op.create_index(op.f(_INDEX), "users", ["organization_id", "sort_name", "id"], unique=False)


# As in the first migration. A table that is written anew has forgotten its statistics, and one with
# a new index how many rows it had.
_TYPICAL_ROWS = """
INSERT INTO organizations (workos_id, name, directory_managed, occurred_at, event_id)
VALUES ('org_typical', 'Typical', true, now(), 'event_1');

INSERT INTO users (
    organization_id, id, key, name, email, profile_rank, profile_at, profile_event_id, joined_at
)
SELECT 'org_typical', md5(n::text)::uuid, 'idp_' || n, 'Person ' || n, n || '@typical.example', 1,
    now(), 'event_' || n, now()
FROM generate_series(1, 2000) AS n;

INSERT INTO directory_groups (
    organization_id, id, directory_id, name, rank, occurred_at, event_id
)
SELECT 'org_typical', 'directory_group_' || n, 'directory_1', 'Group ' || n, 1, now(), 'event_' || n
FROM generate_series(1, 500) AS n
"""


def _teach_the_planner() -> None:
    connection = op.get_bind()
    if connection.scalar(sa.text("SELECT EXISTS (SELECT FROM users)")):
        connection.exec_driver_sql("ANALYZE users, directory_groups")
        return
    for statement in _TYPICAL_ROWS.split(";\n"):
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql("ANALYZE users, directory_groups")
    connection.exec_driver_sql("DELETE FROM users")
    connection.exec_driver_sql("DELETE FROM directory_groups")
    connection.exec_driver_sql("DELETE FROM organizations WHERE workos_id = 'org_typical'")


def _find_by_index() -> None:
    # Both are part of PostgreSQL, and whoever may create something in the database may have them.
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gin")
    op.drop_index(op.f("ix_directory_groups_organization_id_name"), table_name="directory_groups")
    op.create_index(
        "ix_directory_groups_name",
        "directory_groups",
        ["organization_id", sa.literal_column("normalize(name)")],
        unique=False,
    )
    op.create_index(
        "ix_users_not_joined",
        "users",
        ["organization_id", "sort_name", "id"],
        unique=False,
        postgresql_where=sa.text("joined_at IS NULL"),
    )
    op.create_index(
        "ix_users_search_text",
        "users",
        ["organization_id", "search_text"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
        postgresql_with={"gin_pending_list_limit": 64},
    )


def _find_as_before() -> None:
    # The extensions stay: something else may use them.
    op.drop_index(
        "ix_users_search_text",
        table_name="users",
        postgresql_using="gin",
        postgresql_ops={"search_text": "gin_trgm_ops"},
    )
    op.drop_index(
        "ix_users_not_joined", table_name="users", postgresql_where=sa.text("joined_at IS NULL")
    )
    op.drop_index("ix_directory_groups_name", table_name="directory_groups")
    op.create_index(
        op.f("ix_directory_groups_organization_id_name"),
        "directory_groups",
        ["organization_id", "name"],
        unique=False,
    )


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        dedent(r"""
    -- A name or an address as it is looked for and sorted by: in one spelling (NFKD), without accents
    -- and capitals. Letters that no accent makes are spelt out, and those that lower() leaves alone in
    -- a database of the locale C; one apostrophe and one hyphen stand for all. Sorting by it needs no
    -- ICU, which not every PostgreSQL has. Columns of users are made by it: with a change of it, write
    -- them anew in the same migration, as the one that added them does. Not STRICT: the planner
    -- would not put a CASE in the place of the call.
    CREATE OR REPLACE FUNCTION folded(given text)
    RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN octet_length(given) = length(given) THEN lower(given) ELSE
        replace(replace(replace(replace(
            translate(
                lower(regexp_replace(normalize(given, NFKD), '[\u0300-\u036F]', '', 'g')),
                'ÆŒÞẞςıøØłŁđĐðÐħĦ' || 'ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ'
                || 'АБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯІЄЂЈЉЊЋЏҐ‘’ʼ‐–',
                'æœþßσioollddddhh' || 'αβγδεζηθικλμνξοπρστυφχψω'
                || 'абвгдежзиклмнопрстуфхцчшщъыьэюяієђјљњћџґ''''''--'
            ),
            'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th') END
    $$;
    """)
    )
    _sort_by("folded(name)")
    op.add_column(
        "users",
        sa.Column(
            "search_text",
            sa.Text(collation="C"),
            sa.Computed("folded(((name || chr(10)) || COALESCE(email, ''::text)))", persisted=True),
            nullable=False,
        ),
    )
    _find_by_index()
    _teach_the_planner()


def downgrade() -> None:
    _find_as_before()
    op.drop_column("users", "search_text")
    _sort_by("lower(name)")
    _teach_the_planner()
    op.get_bind().exec_driver_sql("DROP FUNCTION folded(text)")
