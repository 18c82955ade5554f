"""A page costs a page: whatever a list is filtered by, nobody reads the company for it."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from backend.database import BACKGROUND, Database
from backend.models import User
from backend.pagination import ROWS_ASKED, NameCursor, TimeCursor
from backend.schemas.access import AdmissionKind, Role
from backend.schemas.invitations import InvitationStatus
from backend.schemas.people import PeopleFilters, PersonStatus, Sort
from backend.schemas.team import TeamPage, TeamStatus
from backend.services import team, team_filters
from backend.services.invitations import listing
from backend.services.people import listing as people_listing
from backend.services.sessions import Claim, find_actor, open_session
from tests.database.plans import Plans
from tests.database.test_access_plans import filling
from tests.owner import as_owner, execute_as_owner

PEOPLE = 10_000
LIMIT = 5
FEW = 600  # rows that one scan may go through: a few pages' worth, and not the company's

# Almost all have joined; one in fifty is deactivated; a group and a department of almost all, and
# one of ten.
MORE = """
UPDATE users SET department = CASE WHEN right(key, 3) = '999' THEN 'Small' ELSE 'Large' END,
    email = key || '@acme.example';
UPDATE users SET joined_at = now() WHERE sort_name NOT IN ('p7', 'p77', 'p777');
INSERT INTO invitations (organization_id, id, token_hash, user_id, invited_by, expires_at)
SELECT organization_id, gen_random_uuid(), '', id, id, now() + interval '1 day'
FROM users WHERE sort_name = 'p777';
UPDATE directory_users SET state = 'inactive' WHERE right(id, 2) = '50';
INSERT INTO directory_groups (id, directory_id, organization_id, name, rank, occurred_at, event_id)
SELECT 'group_' || name, 'directory_plan', 'org_plan', name, 1, '2026-01-01', 'event_0'
FROM unnest(ARRAY['all', 'ten']) AS name;
INSERT INTO directory_memberships (
    organization_id, directory_user_id, group_id, present, occurred_at, event_id
)
SELECT 'org_plan', u.id, g.id, true, '2026-01-01', 'event_0'
FROM directory_users AS u, directory_groups AS g
WHERE g.id = 'group_all' OR g.id = 'group_ten' AND right(u.id, 3) = '999'
"""

# Of 80 days, and almost all were used.
INVITED_BEFORE = """
INSERT INTO invitations (
    organization_id, id, token_hash, user_id, invited_by,
    created_at, expires_at, closed_at, ended_as
)
SELECT organization_id, gen_random_uuid(), sha256(key::bytea), id, id,
    made, made + interval '7 days', now(),
    CASE right(key, 3) WHEN '111' THEN 'withdrawn' WHEN '222' THEN 'expired' ELSE 'joined' END
FROM users, LATERAL (
    SELECT now() - interval '80 days' + right(key, 2)::int * interval '1 hour' AS made
) AS times
WHERE organization_id = 'org_plan' AND key ~ '[0-9]{2}$'
"""

ASKED: dict[str, tuple[int, dict[str, Any]]] = {
    "all": (5, {}),
    "joined": (5, {"status": TeamStatus.JOINED}),
    "invitable": (2, {"status": TeamStatus.INVITABLE}),
    "invited": (1, {"status": TeamStatus.INVITED}),
    "deactivated": (5, {"status": TeamStatus.DEACTIVATED}),
    "the group of all": (5, {"group": "all"}),
    "a small group": (5, {"group": "ten"}),
    "no group": (0, {"group": "nobody's"}),
    "a large department": (5, {"department": "LARGE"}),
    "a small department": (5, {"department": "small"}),
    "no department": (0, {"department": "nobody's"}),
    "a letter of all": (5, {"search": "p"}),
    "a text of all": (5, {"search": "acme"}),
    "what many have": (5, {"search": "p10"}),
    "what one has": (1, {"search": "P4999"}),
    "what nobody has": (0, {"search": "xyz"}),
    "a pattern": (0, {"search": "p%9"}),
    "one of those who were invited": (1, {"status": TeamStatus.INVITED, "search": "p777"}),
    "one of a small group": (1, {"group": "ten", "search": "p4999"}),
    "one of a small department": (1, {"department": "small", "search": "p4999"}),
}


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
        for table in ("users", "directory_users", "directory_memberships", "directory_groups"):
            await session.execute(text(f"ALTER TABLE {table} SET (autovacuum_enabled = off)"))
        for statement in [*filling(PEOPLE)[:-1], *MORE.split(";\n")]:
            await session.execute(text(statement))
        if request.param:
            await session.execute(text("ANALYZE"))
    await owner.close()
    own = Database(own_database_url, pool_size=2, timeouts=BACKGROUND)
    yield own
    await own.close()


async def claim(database: Database) -> Claim:
    async with database.transaction() as session:
        somebody = await session.scalar(select(User.id).where(User.key == "plan1"))
        assert somebody is not None
        return Claim(database, await open_session(session, "org_plan", somebody))


async def test_a_page_of_the_team_reads_a_page(large: Database, plans: Plans) -> None:
    teammate = await claim(large)
    read: dict[str, int] = {}
    for asked, (many, filters) in ASKED.items():
        for cursor in (None, NameCursor("p", uuid4())):
            await plans.taken()
            page = await team.list_page(teammate, **filters, cursor=cursor, limit=LIMIT)
            assert len(TeamPage.model_validate_json(page).items) == many, asked
            run = await plans.taken()
            assert set().union(*(plan.unbound for plan in run)) == set(), asked
            assert any(plan.tables for plan in run)
            most = max(max(plan.rows_read, plan.rows_gathered) for plan in run)
            read[f"{asked}, {'further on' if cursor else 'from the start'}"] = most
    assert {asked: rows for asked, rows in read.items() if rows > FEW} == {}


async def test_a_page_of_many_who_are_invited_reads_a_page(
    request: pytest.FixtureRequest, large: Database, plans: Plans
) -> None:
    """It looks up no more invitations than it needs, and nobody waits for those of all."""
    await execute_as_owner(
        large,
        "UPDATE users SET joined_at = NULL WHERE right(key, 1) = '1' AND key <> 'plan1'",
        "INSERT INTO invitations"
        " (organization_id, id, token_hash, user_id, invited_by, expires_at)"
        " SELECT organization_id, gen_random_uuid(), sha256(key::bytea), id, id,"
        " now() + interval '1 day' FROM users WHERE right(key, 1) = '1' AND key <> 'plan1'",
        *["ANALYZE users, invitations"] * request.node.callspec.params["large"],
    )
    teammate = await claim(large)
    for cursor in (None, NameCursor("p", uuid4())):
        await plans.taken()
        page = await team.list_page(teammate, status=TeamStatus.INVITED, cursor=cursor, limit=LIMIT)
        assert len(TeamPage.model_validate_json(page).items) == LIMIT
        run = await plans.taken()
        assert max(max(plan.rows_read, plan.rows_gathered) for plan in run) <= FEW


async def test_what_people_can_be_filtered_by_is_found_without_reading_them(
    large: Database, plans: Plans
) -> None:
    actor = await find_actor(await claim(large))
    async with large.connect() as connection:
        for search in (None, "l"):
            await plans.taken()
            departments = await team_filters.departments(connection, actor, search)
            groups = await team_filters.groups(connection, actor, search)
            run = await plans.taken()
            assert set().union(*(plan.unbound for plan in run)) == set()
            # A part of a name is looked for in those of all groups, which are a thousand here.
            assert max(plan.rows_read for plan in run) <= (FEW if search is None else 1_100)
            assert departments.items == ["Large", "Small"]
            assert (groups.items[0], groups.more) == ("all", search is None)
            assert len(groups.items) == (50 if search is None else 1)


async def test_a_page_of_the_invitations_reads_a_page(
    request: pytest.FixtureRequest, large: Database, plans: Plans
) -> None:
    await execute_as_owner(
        large, "ALTER TABLE invitations SET (autovacuum_enabled = off)", INVITED_BEFORE
    )
    if request.node.callspec.params["large"]:
        await execute_as_owner(large, "ANALYZE invitations")
    actor = await find_actor(await claim(large))
    read: dict[str, int] = {}
    for status in (None, *InvitationStatus):
        cursor: TimeCursor | None = None
        for where in ("from the start", "further on"):
            await plans.taken()
            async with large.connect() as connection:
                page = await listing.list_page(
                    connection, actor, status=status, cursor=cursor, limit=LIMIT
                )
            run = await plans.taken()
            assert set().union(*(plan.unbound for plan in run)) == set()
            read[f"{status}, {where}"] = max(plan.rows_read for plan in run)
            if page.next_cursor is None:
                break
            cursor = TimeCursor.parse(page.next_cursor)
    assert {"None, further on", "joined, further on", "open, from the start"} <= set(read)
    assert {asked: rows for asked, rows in read.items() if rows > FEW} == {}


@pytest.mark.parametrize("limit", [1, 20, 100])
async def test_what_is_shown_of_people_is_derived_for_those_of_the_page(
    large: Database, plans: Plans, limit: int
) -> None:
    """By an index, whatever the limit: PostgreSQL plans without knowing it."""
    teammate = await claim(large)
    for cursor in (None, NameCursor("p", uuid4())):
        await plans.taken()
        page = await team.list_page(teammate, cursor=cursor, limit=limit)
        assert len(TeamPage.model_validate_json(page).items) == limit
        (plan,) = await plans.taken()
        # With one more, to know whether there is another page; each is in four groups.
        assert plan.rows_read <= 4 * (limit + 1) + 1


# Of everybody: ten were blocked.
OF_ADMINS = """
UPDATE users SET last_seen_at = now() - (right(key, 1) || ' days')::interval;
UPDATE users SET blocked_at = now() WHERE right(key, 3) = '998';
INSERT INTO admissions (organization_id, user_id, kind, reason)
SELECT organization_id, id, 'guest', '' FROM users WHERE right(key, 3) = '997';
INSERT INTO role_grants (organization_id, user_id, role)
SELECT organization_id, id, 'author' FROM users WHERE right(key, 3) = '996';
INSERT INTO posts (organization_id, id, author_id, title, content)
SELECT organization_id, gen_random_uuid(), id, '', '' FROM users WHERE right(key, 3) <> '995'
"""

PEOPLE_ASKED: dict[str, tuple[int, dict[str, Any]]] = {
    "all": (5, {}),
    "a large department": (5, {"department": "large"}),
    "a small department": (5, {"department": "small"}),
    "no department": (0, {"department": "nobody's"}),
    "blocked": (5, {"status": PersonStatus.BLOCKED}),
    "joined": (5, {"status": PersonStatus.JOINED}),
    "invitable": (2, {"status": PersonStatus.INVITABLE}),
    "invited": (1, {"status": PersonStatus.INVITED}),
    "deactivated": (5, {"status": PersonStatus.DEACTIVATED}),
    "guests": (5, {"kind": AdmissionKind.GUEST}),
    "kept": (0, {"kind": AdmissionKind.KEPT}),
    "authors": (5, {"role": Role.AUTHOR}),
    "members": (5, {"role": Role.MEMBER}),
    "a small group": (5, {"group": "ten"}),
    "what nobody has": (0, {"search": "xyz"}),
    "whoever owns posts": (5, {"owns_posts": True}),
}


@pytest.fixture
async def administered(request: pytest.FixtureRequest, large: Database) -> Database:
    owner = Database(as_owner(large._url), pool_size=1, timeouts=BACKGROUND)
    analysed = request.node.callspec.params["large"]
    async with owner.transaction() as session:
        for statement in [*OF_ADMINS.split(";\n"), *["ANALYZE"] * analysed]:
            await session.execute(text(statement))
    await owner.close()
    return large


@pytest.mark.parametrize("sort", list(Sort))
async def test_a_page_of_people_reads_a_page(
    administered: Database, plans: Plans, sort: Sort
) -> None:
    """Whatever they are sorted by."""
    actor = await find_actor(await claim(administered))
    read: dict[str, int] = {}
    async with administered.connect() as connection:
        for asked, (many, filters) in PEOPLE_ASKED.items():
            cursor = None
            for place in ("from the start", "further on"):
                await plans.taken()
                page = await people_listing.list_page(
                    connection,
                    actor,
                    PeopleFilters(**filters),
                    sort=sort,
                    cursor=cursor,
                    limit=LIMIT,
                )
                run = await plans.taken()
                if cursor is None:
                    assert len(page.items) == many, asked
                assert set().union(*(plan.unbound for plan in run)) == set(), asked
                read[f"{asked}, {place}"] = max(plan.rows_read for plan in run)
                cursor = page.next_cursor
                if cursor is None:
                    break
    assert {asked: rows for asked, rows in read.items() if rows > FEW} == {}


@pytest.mark.parametrize(
    ("filters", "many"),
    [
        pytest.param({"search": "zz"}, 0, id="two letters that nobody has"),
        pytest.param({"search": "99"}, 280, id="two letters that some have"),
        pytest.param({"owns_posts": False}, 10, id="whoever owns no posts"),
        pytest.param({"owns_posts": False, "search": "77"}, 0, id="of these, nobody"),
    ],
)
async def test_whom_no_index_finds_are_looked_for_a_part_of_the_company_at_a_time(
    administered: Database, plans: Plans, filters: dict[str, Any], many: int
) -> None:
    actor = await find_actor(await claim(administered))
    found, pages = [], 0
    cursor = None
    async with administered.connect() as connection:
        await plans.taken()
        while True:
            page = await people_listing.list_page(
                connection,
                actor,
                PeopleFilters(**filters),
                sort=Sort.NAME,
                cursor=cursor,
                limit=100,
            )
            run = await plans.taken()
            assert max(plan.rows_read for plan in run) <= ROWS_ASKED
            found += [person.name for person in page.items]
            pages += 1
            cursor = page.next_cursor
            if cursor is None:
                break
    assert (len(found), len(set(found))) == (many, many)
    assert pages >= PEOPLE / ROWS_ASKED


async def test_many_who_come_late_are_found_by_an_index_after_all(
    administered: Database, plans: Plans
) -> None:
    """Too many to be sorted at once, and nobody of them among the first that are asked."""
    actor = await find_actor(await claim(administered))
    late = PeopleFilters(search="plan9", status=PersonStatus.JOINED)
    async with administered.connect() as connection:
        await plans.taken()
        page = await people_listing.list_page(
            connection, actor, late, sort=Sort.NAME, cursor=None, limit=LIMIT
        )
        run = await plans.taken()
    assert [person.name for person in page.items] == ["P9", "P90", "P900", "P9000", "P9001"]
    assert page.next_cursor is not None
    assert max(plan.rows_read for plan in run) <= 2 * ROWS_ASKED
