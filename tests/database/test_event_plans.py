"""Whatever events are asked for, nobody reads the inbox for it: plans as they were run."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from backend.database import BACKGROUND, Database
from backend.schemas.events import EventFilters, Outcome, Source
from backend.services.events import counts, hours, inbox
from tests.database.plans import Plans
from tests.owner import as_owner

ORGANIZATION = "org_plan"
RECENT, OLD = 300, 20_000

# One in a hundred by catch-up; of the recent ones, one in ten is parked.
FILLING = f"""
INSERT INTO directory_events (
    organization_id, id, type, source, occurred_at, received_at, outcome, attempts
)
SELECT '{ORGANIZATION}', 'event_' || n, 'dsync.user.updated',
    CASE n % 100 WHEN 1 THEN 'catch_up' ELSE 'webhook' END, at, at,
    CASE WHEN n % 10 = 0 AND n <= {RECENT} THEN 'parked' ELSE 'applied' END, 1
FROM generate_series(1, {RECENT + OLD}) AS n,
    LATERAL (SELECT now() - CASE WHEN n <= {RECENT} THEN n * interval '10 minutes'
        ELSE interval '4 days' + n * interval '1 minute' END AS at) AS t
"""


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> Plans:
    return Plans(monkeypatch)


@pytest.fixture
async def filled(own_database_url: str, plans: Plans) -> AsyncIterator[Database]:
    del plans  # it notes what is run on connections that are opened after it
    owner = Database(as_owner(own_database_url), pool_size=1, timeouts=BACKGROUND)
    async with owner.transaction() as session:
        await session.execute(text(FILLING))
        await session.execute(text("ANALYZE directory_events"))
    await owner.close()
    own = Database(own_database_url, pool_size=1, timeouts=BACKGROUND)
    yield own
    await own.close()


async def most_read(plans: Plans) -> int:
    """Asked when the transaction has ended, for until then its last statement is not logged."""
    run = await plans.taken()
    assert set().union(*(plan.unbound for plan in run)) == set()
    assert any(plan.tables for plan in run)
    return max(plan.rows_read for plan in run)


async def test_counting_by_the_hour_reads_three_days(filled: Database, plans: Plans) -> None:
    """By an index: of what is older, nothing is read."""
    async with filled.snapshot() as connection:
        found = await hours.by_hour(connection, ORGANIZATION)
    assert (sum(hour.events for hour in found.hours), found.complete) == (RECENT, True)
    assert sum(hour.parked for hour in found.hours) == RECENT // 10
    assert await most_read(plans) <= RECENT


async def test_hours_that_were_counted_are_not_read_again(filled: Database, plans: Plans) -> None:
    """A row for each, and the events of the one that is under way; before, all of three days."""
    await hours.count_in_background(filled)
    await plans.taken()
    async with filled.snapshot() as connection:
        found = await hours.by_hour(connection, ORGANIZATION)
    assert (sum(hour.events for hour in found.hours), found.complete) == (RECENT, True)
    assert await most_read(plans) <= hours.HOURS


async def test_counting_an_hour_reads_that_hour(filled: Database, plans: Plans) -> None:
    """Of all organizations, by the index of their times."""
    await hours.count_in_background(filled)
    run = [plan for plan in await plans.taken() if "directory_events" in plan.tables]
    assert len(run) == hours.HOURS - 1
    assert max(plan.rows_read for plan in run) <= RECENT


async def test_counting_by_the_hour_ends_somewhere(
    filled: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest are counted, and it is said that there are more."""
    monkeypatch.setattr(hours, "_MOST", 12)
    async with filled.snapshot() as connection:
        found = await hours.by_hour(connection, ORGANIZATION)
    assert (sum(hour.events for hour in found.hours), found.complete) == (12, False)
    assert all(hour.events == 0 for hour in found.hours[:-4])


FILTERS = [
    EventFilters(),
    EventFilters(outcome=Outcome.PARKED),
    EventFilters(source=Source.CATCH_UP),
    EventFilters(type="dsync.user.updated"),
]


@pytest.mark.parametrize("filters", FILTERS, ids=["all", "parked", "a source", "a type"])
async def test_counting_a_filter_ends_somewhere(
    filled: Database, plans: Plans, monkeypatch: pytest.MonkeyPatch, filters: EventFilters
) -> None:
    monkeypatch.setattr(counts, "_MOST_COUNTED", 20)
    async with filled.snapshot() as connection:
        found = await counts.of_filter(connection, filters, ORGANIZATION)
    assert (found.count, found.more) == (20, True)
    assert await most_read(plans) <= RECENT


async def test_a_page_of_what_one_source_brought_reads_a_page(
    filled: Database, plans: Plans
) -> None:
    async with filled.snapshot() as connection:
        page = await inbox.list_page(
            connection,
            EventFilters(source=Source.CATCH_UP),
            organization_id=ORGANIZATION,
            limit=5,
        )
    assert {event.source for event in page.items} == {"catch_up"}
    assert await most_read(plans) <= 6
