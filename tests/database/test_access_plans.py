"""Access is derived at every request: its plan must find one person, not read everybody."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database import Database

MANY = 20_000


def filling(people: int) -> list[str]:
    """Statements that make one organization with so many people, each in three groups.

    There are more groups than fit into a few pages: those the planner would read whole, rightly.
    """
    return f"""
INSERT INTO organizations (workos_id, directory_managed) VALUES ('org_plan', true);
INSERT INTO directories (id, organization_id, rank, occurred_at, event_id)
VALUES ('directory_plan', 'org_plan', 1, '2026-01-01', 'event_0');
INSERT INTO directory_groups (id, directory_id, organization_id, name, rank, occurred_at, event_id)
SELECT 'group_plan_' || n, 'directory_plan', 'org_plan', 'G' || n, 1, '2026-01-01', 'event_0'
FROM generate_series(1, 1000) n;
INSERT INTO role_mappings (organization_id, group_id, role, source)
VALUES ('org_plan', 'group_plan_1', 'admin', 'admin');
INSERT INTO users (id, organization_id, key, name)
SELECT md5(n::text)::uuid, 'org_plan', 'plan' || n, 'P' || n FROM generate_series(1, {people}) n;
INSERT INTO directory_users (
    id, directory_id, organization_id, idp_id, name, state, rank, occurred_at, event_id
)
SELECT 'user_plan_' || n, 'directory_plan', 'org_plan', 'plan' || n, 'P' || n, 'active', 1,
    '2026-01-01', 'event_' || n
FROM generate_series(1, {people}) n;
INSERT INTO directory_memberships (
    organization_id, directory_user_id, group_id, present, occurred_at, event_id
)
SELECT 'org_plan', 'user_plan_' || n, 'group_plan_' || 1 + (n + k) % 200, true, '2026-01-01',
    'event_0'
FROM generate_series(1, {people}) n, generate_series(1, 3) k;
ANALYZE users, directory_users, directory_memberships, directory_groups, role_mappings
""".split(";\n")


QUERIES = {
    "SELECT * FROM access WHERE organization_id = $1 AND user_id = $2": "md5('199')::uuid",
    "SELECT * FROM live_directory_users WHERE organization_id = $1 AND id = $2": "'user_plan_199'",
    "SELECT * FROM live_memberships WHERE organization_id = $1 AND directory_user_id = $2": (
        "'user_plan_199'"
    ),
    "SELECT a.* FROM directory_users d"
    " JOIN users u ON u.organization_id = d.organization_id AND u.key = d.user_key"
    " JOIN access a ON a.organization_id = u.organization_id AND a.user_id = u.id"
    " WHERE d.organization_id = $1 AND d.id = $2": "'user_plan_199'",
}


@pytest.fixture
async def large(database: Database) -> AsyncIterator[AsyncConnection]:
    """A large directory that nobody else sees, and that is gone afterwards."""
    async with database.engine.connect() as connection:
        for statement in filling(MANY):
            await connection.exec_driver_sql(statement)
        yield connection
        await connection.rollback()


def rows_read(plan: dict[str, Any]) -> int:
    """The rows that the busiest node of a plan saw."""
    here = plan["Actual Loops"] * (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0))
    return max([int(here), *(rows_read(part) for part in plan.get("Plans", ()))])


async def test_invariant_1_access_is_derived_from_one_person(large: AsyncConnection) -> None:
    for number, (query, argument) in enumerate(QUERIES.items()):
        await large.exec_driver_sql(f"PREPARE plan_{number} AS {query}")
        explain = f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE plan_{number} ('org_plan', {argument})"
        found = (await large.exec_driver_sql(explain)).scalar_one()
        await large.exec_driver_sql(f"DEALLOCATE plan_{number}")
        (plan,) = found if isinstance(found, list) else json.loads(found)
        assert rows_read(plan["Plan"]) < 1000, query
