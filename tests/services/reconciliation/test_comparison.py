"""Invariant 8: the memberships that a listing adds are those that it makes live, whatever ended
them before, and none else.
"""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.schemas.events import Source
from backend.services.mirror.apply import merge, merge_person
from backend.services.mirror.rows import (
    FACT,
    Facts,
    Version,
    group_row,
    membership_row,
    user_row,
)
from backend.services.reconciliation.comparison import Comparison
from backend.workos.models import DirectoryGroup, DirectoryUser
from tests.convergence.history import LISTING, Event
from tests.convergence.mirror import deliver
from tests.convergence.tale import Tale
from tests.stack import Stack

_LISTED = 30  # minutes


@pytest.fixture
def tale(stack: Stack) -> Tale:
    return Tale(stack)


async def added(tale: Tale, *events: Event) -> int:
    """How many memberships a listing adds that has Ann in her group, told after these events."""
    for event in events:
        assert await tale.stack.post_event(event) == "applied"
    organization = tale.stack.organization.id
    ann = DirectoryUser.model_validate(tale.ann)
    authors = DirectoryGroup.model_validate(tale.authors)
    version = Version(tale.begin + timedelta(minutes=_LISTED), "snapshot_listed")
    facts = Facts(memberships=[membership_row(organization, authors.id, [ann.id], version)])
    async with tale.stack.database.transaction() as session:
        connection = await session.connection()
        people_first = Facts(
            directory_users=[user_row(ann, FACT, version)],
            groups=[group_row(authors, FACT, version)],
        )
        await merge(connection, people_first)
        before = await live(connection, organization)
        drift, keys = await Comparison(connection, organization, facts, version).memberships()
        await merge(connection, facts)
        after = await live(connection, organization)
    told = [(example.id, example.group_id) for example in drift.examples]
    assert told == sorted(after - before)
    assert keys == {ann.idp_id for _ in told}
    return drift.added


async def live(connection: AsyncConnection, organization: str) -> set[tuple[str, str]]:
    rows = await connection.execute(
        text(
            "SELECT directory_user_id, group_id FROM live_memberships "
            "WHERE organization_id = :organization AND state = 'active'"
        ),
        {"organization": organization},
    )
    return {(row.directory_user_id, row.group_id) for row in rows}


def known(tale: Tale) -> list[Event]:
    return [tale.person(0, "created"), tale.group(0, "created")]


async def test_one_that_nobody_had_told_of(tale: Tale) -> None:
    assert await added(tale, *known(tale)) == 1


async def test_none_that_is_live(tale: Tale) -> None:
    assert await added(tale, *known(tale), tale.membership(1)) == 0


@pytest.mark.parametrize("kind", ["user_added", "user_removed"])
async def test_none_of_which_something_newer_is_known(tale: Tale, kind: str) -> None:
    assert await added(tale, *known(tale), tale.membership(_LISTED + 1, kind)) == 0


def left(tale: Tale) -> list[Event]:
    return [tale.membership(2, "user_removed")]


def person_back(tale: Tale) -> list[Event]:
    return [tale.person(2, "deleted"), tale.person(3, "created")]


def group_back(tale: Tale) -> list[Event]:
    return [tale.group(2, "deleted"), tale.group(3, "created")]


def directory_back(tale: Tale) -> list[Event]:
    return [
        tale.event(2, "dsync.deleted", tale.directory),
        tale.event(3, "dsync.activated", tale.directory | {"state": "active"}),
    ]


@pytest.mark.parametrize("ending", [left, person_back, group_back, directory_back])
async def test_one_that_had_ended(tale: Tale, ending: Callable[[Tale], list[Event]]) -> None:
    assert await added(tale, *known(tale), tale.membership(1), *ending(tale)) == 1


async def test_one_that_a_snapshot_of_the_person_lacked(tale: Tale) -> None:
    events = [*known(tale), tale.membership(1)]
    for event in events:
        assert await tale.stack.post_event(event) == "applied"
    async with tale.stack.database.transaction() as session:
        version = Version(tale.begin + timedelta(minutes=2), "snapshot_person")
        await merge_person(session, DirectoryUser.model_validate(tale.ann), [], version)
    assert await added(tale) == 1


async def test_one_that_a_complete_listing_lacked(tale: Tale) -> None:
    events = [*known(tale), tale.membership(1)]
    data = {
        "directory": tale.directory,
        "users": [tale.ann],
        "groups": [tale.authors],
        "memberships": [],
    }
    listing = tale.event(2, LISTING, data) | {"id": "snapshot_complete"}
    steps = [(event, Source.WEBHOOK) for event in [*events, listing]]
    await deliver(tale.stack.database, steps)
    assert await added(tale) == 1


def moved(tale: Tale) -> Event:
    return tale.person(_LISTED + 1, "updated", directory_id="directory_elsewhere")


def inactive(tale: Tale) -> Event:
    return tale.person(_LISTED + 1, "updated", state="inactive")


def group_gone(tale: Tale) -> Event:
    return tale.group(_LISTED + 1, "deleted")


def rehired(tale: Tale) -> Event:
    return tale.person(_LISTED + 1, "created", id=f"{tale.ann['id']}_again")


@pytest.mark.parametrize("newer", [moved, inactive, group_gone, rehired])
async def test_none_that_what_is_newer_ends(tale: Tale, newer: Callable[[Tale], Event]) -> None:
    assert await added(tale, *known(tale), newer(tale)) == 0
