"""Names are found and sorted in any spelling."""

from textwrap import dedent

import sqlalchemy as sa

from alembic import op

revision = "0003"
down_revision = "0002"

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


# As in the first migration. A table that is written anew has forgotten its statistics.
_TYPICAL_ROWS = """
INSERT INTO organizations (workos_id, name, directory_managed, occurred_at, event_id)
VALUES ('org_typical', 'Typical', true, now(), 'event_1');

INSERT INTO users (
    organization_id, id, key, name, email, profile_rank, profile_at, profile_event_id, joined_at
)
SELECT 'org_typical', md5(n::text)::uuid, 'idp_' || n, 'Person ' || n, n || '@typical.example', 1,
    now(), 'event_' || n, now()
FROM generate_series(1, 2000) AS n
"""


def _teach_the_planner() -> None:
    connection = op.get_bind()
    if connection.scalar(sa.text("SELECT EXISTS (SELECT FROM users)")):
        connection.exec_driver_sql("ANALYZE users")
        return
    for statement in _TYPICAL_ROWS.split(";\n"):
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql("ANALYZE users")
    connection.exec_driver_sql("DELETE FROM users")
    connection.exec_driver_sql("DELETE FROM organizations WHERE workos_id = 'org_typical'")


def upgrade() -> None:
    op.get_bind().exec_driver_sql(
        dedent(r"""
    -- A name or an address as it is looked for and sorted by: in one spelling (NFKD), without accents
    -- and capitals. Letters that no accent makes are spelt out, and those that lower() leaves alone in
    -- a database of the locale C. Sorting by it needs no ICU, which not every PostgreSQL has.
    CREATE OR REPLACE FUNCTION folded(given text)
    RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT replace(replace(replace(replace(
        translate(
            lower(regexp_replace(normalize(given, NFKD), '[\u0300-\u036F]', '', 'g')),
            'ÆŒÞẞςıøØłŁđĐðÐħĦΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩАБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯІЄЂЈЉЊЋЏҐ',
            'æœþßσioollddddhhαβγδεζηθικλμνξοπρστυφχψωабвгдежзиклмнопрстуфхцчшщъыьэюяієђјљњћџґ'
        ),
        'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th')
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
    _teach_the_planner()


def downgrade() -> None:
    op.drop_column("users", "search_text")
    _sort_by("lower(name)")
    _teach_the_planner()
    op.get_bind().exec_driver_sql("DROP FUNCTION folded(text)")
