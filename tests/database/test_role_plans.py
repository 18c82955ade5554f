"""What gives which role is read by index, and a preview costs what it tells, however large."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from sqlalchemy import text

from backend.database import BACKGROUND, Database
from backend.schemas.access import Actor, Role
from backend.schemas.roles import MOST_COUNTED, MappingPreview
from backend.services.roles import listing
from backend.services.roles.preview import preview
from tests.database.plans import Plans
from tests.database.test_access_plans import filling
from tests.database.test_list_plans import MORE
from tests.owner import as_owner

PEOPLE = 10_000
ADMIN = Actor(UUID(int=1), "", None, "org_plan", "", (Role.ADMIN,))

# Two large groups give something, and everybody has a role at WorkOS.
MAPPED = """
INSERT INTO role_mappings (organization_id, group_id, role, source)
VALUES ('org_plan', 'group_all', 'author', 'admin'), ('org_plan', 'group_all', 'admin', 'admin');
UPDATE directory_users SET role_slugs = '{member}';
INSERT INTO workos_roles (organization_id, slug) VALUES ('org_plan', 'member');
INSERT INTO workos_role_mappings (organization_id, slug, role)
VALUES ('org_plan', 'member', 'author')
"""


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> Plans:
    return Plans(monkeypatch)


@pytest.fixture(params=[False, True], ids=["never analysed", "analysed"])
async def large(
    request: pytest.FixtureRequest, own_database_url: str, plans: Plans
) -> AsyncIterator[Database]:
    del plans  # it notes what is run on connections that are opened after it
    owner = Database(as_owner(own_database_url), pool_size=1, timeouts=BACKGROUND)
    async with owner.transaction() as session:
        for statement in [*filling(PEOPLE)[:-1], *MORE.split(";\n"), *MAPPED.split(";\n")]:
            await session.execute(text(statement))
        if request.param:
            await session.execute(text("ANALYZE"))
    await owner.close()
    own = Database(own_database_url, pool_size=2)
    yield own
    await own.close()


async def rows_read(plans: Plans) -> int:
    run = await plans.taken()
    assert any(plan.tables for plan in run)
    assert set().union(*(plan.unbound for plan in run)) == set()
    return max(plan.rows_read for plan in run)


async def test_what_gives_roles_is_counted_up_to_a_bound(large: Database, plans: Plans) -> None:
    async with large.snapshot() as snapshot:
        await plans.taken()
        roles = await listing.read_all(snapshot, ADMIN)
    groups = {group.id: group for each in roles.items for group in each.groups}
    assert (groups["group_all"].members, groups["group_all"].members_more) == (MOST_COUNTED, True)
    assert (roles.workos_roles[0].people, roles.workos_roles[0].people_more) == (
        MOST_COUNTED,
        True,
    )
    assert await rows_read(plans) <= len(groups) * (MOST_COUNTED + 250)


async def test_a_page_of_groups_costs_a_page(large: Database, plans: Plans) -> None:
    for search, role, mapped in (
        (None, None, None), ("g1", None, None), (None, Role.AUTHOR, None), ("x", None, False),
        (None, None, True),
    ):  # fmt: skip
        async with large.connect() as connection:
            await plans.taken()
            await listing.list_groups(
                connection, ADMIN, search=search, role=role, mapped=mapped, cursor=None, limit=3
            )
        # No more than all groups are walked through, and of each on the page members counted.
        assert await rows_read(plans) <= 4 * (MOST_COUNTED + 250), (search, role, mapped)


async def test_a_preview_reads_of_people_what_gives_them_roles(
    large: Database, plans: Plans
) -> None:
    wanted = MappingPreview(group_id="group_all", roles=[])
    await plans.taken()
    told = await preview(large, ADMIN, wanted)
    assert (told.looked_at, told.looked_at_all) == (PEOPLE - PEOPLE // 100, True)
    assert {each.role: each.people for each in told.losses}[Role.AUTHOR] == told.looked_at
    run = await plans.taken()
    most = max(run, key=lambda plan: plan.rows_read)
    assert most.rows_read <= PEOPLE + 1, most.statement
    asked = [plan for plan in run if "OFFSET 0" in plan.statement]
    assert len(asked) == 2 * 10
    # Each is in four groups.
    assert max(plan.rows_read for plan in asked) <= 4 * 1000 + 250
