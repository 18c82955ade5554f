"""A page of the audit log costs a page, whatever it is filtered by and however long the log is."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import text

from backend.database import BACKGROUND, Database
from backend.pagination import TimeCursor
from backend.schemas.access import Role
from backend.schemas.audit_log import AuditFilters
from backend.services.audit_log import listing, roles
from tests.database.plans import Plans
from tests.database.test_access_plans import filling
from tests.owner import as_owner

MANY = 100_000
LIMIT = 20
FEW = 200  # rows that one scan may go through: a page's, with what is looked up for each

# Most are of events, of some types; one in a thousand somebody did; few were refused.
LOG = f"""
INSERT INTO audit_events (organization_id, id, at, action, actor_id, event_id, subject_id, detail)
SELECT 'org_plan', md5('entry' || n)::uuid, now() - n * interval '1 minute',
    CASE
        WHEN n % 10000 = 0 THEN 'sign_in.refused'
        WHEN n % 1000 = 0 THEN 'post.created'
        WHEN n % 3 = 0 THEN 'dsync.user.created'
        WHEN n % 3 = 1 THEN 'dsync.group.user_added'
        ELSE 'dsync.user.updated'
    END,
    CASE WHEN n % 1000 = 0 THEN md5((n / 1000 % 10)::text)::uuid END,
    CASE WHEN n % 1000 <> 0 THEN 'event_' || n END,
    CASE WHEN n % 10000 <> 0 THEN 'user_plan_' || n % 5000 END,
    CASE WHEN n % 2500 = 1
        THEN '{{"before": {{"access": {{"active": true, "roles": ["member"]}}}},
            "after": {{"access": {{"active": true, "roles": ["member", "admin"]}}}}}}'
        ELSE '{{}}'
    END::jsonb
FROM generate_series(1, {MANY}) AS n
"""

USER_1 = UUID("c4ca4238-a0b9-2382-0dcc-509a6f75849b")  # md5('1')
NEXT_YEAR = datetime(2036, 1, 1, tzinfo=UTC)

ASKED = {
    "all": (AuditFilters(), LIMIT),
    "somebody who did much": (AuditFilters(actor=USER_1), 10),
    "nobody": (AuditFilters(actor=UUID(int=1)), 0),
    "a usual action": (AuditFilters(action="dsync.user.updated"), LIMIT),
    "a rare action": (AuditFilters(action="sign_in.refused"), 10),
    "an action that was never done": (AuditFilters(action="webhook.forged"), 0),
    "a subject": (AuditFilters(subject="user_plan_7"), LIMIT),
    "a user, by what the directory says": (AuditFilters(subject=str(USER_1)), LIMIT),
    "a subject that there is not": (AuditFilters(subject="user_x"), 0),
    "since long ago": (AuditFilters(since=datetime(2020, 1, 1, tzinfo=UTC)), LIMIT),
    "until long ago": (AuditFilters(until=datetime(2020, 1, 1, tzinfo=UTC)), 0),
    "what somebody did of one kind": (AuditFilters(actor=USER_1, action="post.created"), 10),
    "what somebody did and could not": (AuditFilters(actor=USER_1, action="x"), 0),
    "a subject, of one kind": (
        AuditFilters(subject="user_plan_7", action="dsync.group.user_added"), 7,
    ),
    "all at once": (
        AuditFilters(
            actor=USER_1, action="post.created", subject="user_plan_1000",
            since=datetime(2020, 1, 1, tzinfo=UTC), until=NEXT_YEAR,
        ), 10,
    ),
}  # fmt: skip


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
        for table in ("users", "directory_users", "audit_events"):
            await session.execute(text(f"ALTER TABLE {table} SET (autovacuum_enabled = off)"))
        for statement in [*filling(1000)[:-1], LOG]:
            await (await session.connection()).exec_driver_sql(statement)
        if request.param:
            await session.execute(text("ANALYZE"))
    await owner.close()
    own = Database(own_database_url, pool_size=2)
    yield own
    await own.close()


async def test_a_page_of_the_audit_log_reads_a_page(large: Database, plans: Plans) -> None:
    read: dict[str, int] = {}
    for asked, (filters, many) in ASKED.items():
        for cursor in (None, TimeCursor(NEXT_YEAR, UUID(int=0))):
            await plans.taken()
            async with large.snapshot() as snapshot:
                page = await listing.list_page(
                    snapshot, "org_plan", filters, cursor=cursor, limit=LIMIT
                )
            assert len(page.items) == many, asked
            run = await plans.taken()
            assert set().union(*(plan.unbound for plan in run)) == set(), asked
            most = max(plan.rows_read for plan in run)
            read[f"{asked}, {'further on' if cursor else 'from the start'}"] = most
    assert {asked: rows for asked, rows in read.items() if rows > FEW} == {}


async def test_an_export_reads_what_it_writes(large: Database, plans: Plans) -> None:
    """Each part begins where the one before has ended."""
    cursor = TimeCursor(datetime(2020, 1, 1, tzinfo=UTC), UUID(int=0))
    async with large.connect() as connection:
        await plans.taken()
        found = await listing.rows(
            connection, listing.OLDEST, "org_plan", AuditFilters(), None, cursor, LIMIT
        )
    assert len(found) == LIMIT + 1
    assert max(plan.rows_read for plan in await plans.taken()) <= FEW


async def test_who_was_what_on_a_day_reads_the_entries_about_that(
    large: Database, plans: Plans
) -> None:
    await plans.taken()
    async with large.snapshot() as snapshot:
        found = await roles.holders(
            snapshot, "org_plan", Role.ADMIN, datetime.now(UTC).date(), cursor=None, limit=LIMIT
        )
    run = await plans.taken()
    assert found.items
    assert set().union(*(plan.unbound for plan in run)) == set()
    many = {plan.statement: plan.rows_read for plan in run if plan.rows_read > MANY / 100}
    assert many == {}
