"""A company that is many times larger than the others costs what it is large, and not its square.

Of a company nothing is known when a statement is planned. The planner would take it for one of
average size; it is told to take it for the largest.
"""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select, text

from backend.database import BACKGROUND, Database
from backend.jobs import enqueue
from backend.models import User
from backend.schemas.posts import PostPage
from backend.services.explanation import counts, status
from backend.services.posts import lists
from backend.services.sessions import Claim, find_actor, open_session
from tests.database.plans import Plans
from tests.database.test_access_plans import filling
from tests.owner import as_owner, execute_as_owner

PEOPLE, OTHERS, PAGE = 1_000, 3_000, 20

FILLING = f"""
INSERT INTO posts (organization_id, id, author_id, title, content)
SELECT organization_id, id, id, '', '' FROM users;
INSERT INTO organizations (workos_id, directory_managed)
SELECT 'org_' || n, true FROM generate_series(1, {OTHERS}) AS n;
INSERT INTO directories (organization_id, id, rank, occurred_at, event_id)
SELECT workos_id, 'directory_' || workos_id, 1, '2026-01-01', 'event_0'
FROM organizations WHERE workos_id <> 'org_plan';
INSERT INTO users (id, organization_id, key, name)
SELECT gen_random_uuid(), workos_id, 'key_' || n, 'P'
FROM organizations, generate_series(1, {{in_each}}) AS n WHERE workos_id <> 'org_plan';
INSERT INTO directory_users (
    id, directory_id, organization_id, idp_id, name, state, rank, occurred_at, event_id
)
SELECT 'user_' || id, 'directory_' || organization_id, organization_id, key, name,
    'active', 1, '2026-01-01', 'event_0'
FROM users WHERE organization_id <> 'org_plan';
INSERT INTO posts (organization_id, id, author_id, title, content)
SELECT organization_id, id, id, '', '' FROM users WHERE organization_id <> 'org_plan';
ANALYZE
"""


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> Plans:
    return Plans(monkeypatch)


@pytest.fixture(params=[10, 1], ids=["ten in each", "one in each"])
async def large(
    request: pytest.FixtureRequest, own_database_url: str, plans: Plans
) -> AsyncIterator[Database]:
    """As requests are served."""
    del plans  # it notes what is run on connections that are opened after it
    owner = Database(as_owner(own_database_url), pool_size=1, timeouts=BACKGROUND)
    async with owner.transaction() as session:
        others = FILLING.format(in_each=request.param).split(";\n")
        for statement in [*filling(PEOPLE)[:-1], *others]:
            await session.execute(text(statement))
    await owner.close()
    own = Database(own_database_url, pool_size=2)
    yield own
    await own.close()


async def claim(database: Database) -> Claim:
    async with database.transaction() as session:
        somebody = await session.scalar(select(User.id).where(User.key == "plan1"))
        assert somebody is not None
        return Claim(database, await open_session(session, "org_plan", somebody))


async def compared(plans: Plans) -> int:
    run = await plans.taken()
    assert any(plan.tables for plan in run)
    return max(plan.compared_in_vain for plan in run)


async def test_posts_are_not_compared_with_everybody(large: Database, plans: Plans) -> None:
    reader = await claim(large)
    await plans.taken()
    page = PostPage.model_validate_json(await lists.list_page(reader, limit=PAGE))
    assert len(page.items) == PAGE
    assert await compared(plans) <= PAGE


async def test_counting_does_not_compare_everybody_with_everybody(
    large: Database, plans: Plans
) -> None:
    actor = await find_actor(await claim(large))
    await plans.taken()
    found = await status.look(
        large, actor, with_counts=True, catch_up_enabled=False, enqueue=enqueue
    )
    (directory,) = found.directories
    assert directory.counts is not None
    assert directory.counts.people == PEOPLE
    assert await compared(plans) <= 4 * PEOPLE


async def count_as_a_worker(url: str, plans: Plans) -> None:
    """Whose other work is planned in any way."""
    await plans.taken()
    worker = Database(url, pool_size=1, timeouts=BACKGROUND)
    await counts.count_in_background(worker, "org_plan")
    await worker.close()
    run = await plans.taken()
    assert any("directory_memberships" in plan.tables for plan in run)
    assert set().union(*(plan.read_whole for plan in run)) == set()
    assert max(plan.compared_in_vain for plan in run) <= 4 * PEOPLE


async def test_nor_does_the_job_that_counts_a_large_one(
    large: Database, plans: Plans, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does it read what others have."""
    monkeypatch.setattr(counts, "MOST_COUNTED", PEOPLE // 2)
    await count_as_a_worker(large._url, plans)
    async with large.snapshot() as connection:
        found = await counts.find(connection, "org_plan")
    assert found.as_of is not None
    assert [of.people for of in found.of.values()] == [PEOPLE]


async def test_nor_before_anything_was_analysed(
    own_database_url: str, plans: Plans, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As behind a first synchronization."""
    monkeypatch.setattr(counts, "MOST_COUNTED", PEOPLE // 2)
    *statements, _analyse = filling(PEOPLE)
    await execute_as_owner(own_database_url, *statements)
    await count_as_a_worker(own_database_url, plans)
