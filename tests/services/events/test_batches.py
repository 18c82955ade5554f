"""Events that wait at the same moment: together, and yet each as if it were alone (invariant 3)."""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from backend.database import Database, Events, event_batches
from backend.models import AuditEvent, DirectoryEvent
from backend.schemas.events import Outcome, Source
from backend.services.events import intake, parsing
from backend.services.events.parsing import ReadEvent
from backend.workos.scope import DirectoryScope
from tests.stack import Stack, as_body, new_event, post_webhook, user_data
from tests.working import until


def read(event: dict[str, Any]) -> ReadEvent:
    return parsing.read(as_body(event), Source.WEBHOOK, DirectoryScope())


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The ids of the events of each statement that was sent, none of which takes too long."""
    monkeypatch.setattr(event_batches, "_HELD_UP_SECONDS", 60)
    sent: list[list[str]] = []
    usual = intake._try

    async def noting(on: Any, events: Sequence[ReadEvent], *rest: Any) -> Any:
        sent.append([event.row["id"] for event in events])
        return await usual(on, events, *rest)

    monkeypatch.setattr(intake, "_try", noting)
    return sent


async def managed(stack: Stack) -> None:
    """So that the organization is known, and no event's doing."""
    assert await stack.post_event(new_event("dsync.user.created", user_data(stack))) == "applied"


def people(stack: Stack, count: int) -> list[dict[str, Any]]:
    return [new_event("dsync.user.created", user_data(stack)) for _ in range(count)]


def later(hired: dict[str, Any], seconds: int) -> dict[str, Any]:
    """Another name for somebody."""
    at = datetime.fromisoformat(hired["created_at"]) + timedelta(seconds=1 + seconds)
    data = hired["data"] | {"first_name": f"Name {seconds}"}
    return new_event("dsync.user.updated", data) | {"created_at": at.isoformat()}


async def entries(stack: Stack, events: list[dict[str, Any]]) -> dict[str, Any]:
    async with stack.database.connect() as connection:
        query = select(AuditEvent.event_id, AuditEvent.detail).where(
            AuditEvent.event_id.in_([event["id"] for event in events])
        )
        return {row.event_id: row.detail for row in await connection.execute(query)}


async def outcomes(stack: Stack, events: list[dict[str, Any]]) -> Counter[str]:
    async with stack.database.connect() as connection:
        query = select(DirectoryEvent.outcome).where(
            DirectoryEvent.id.in_([event["id"] for event in events])
        )
        return Counter(await connection.scalars(query))


async def test_those_that_wait_are_one_statement(stack: Stack, run: list[list[str]]) -> None:
    """Those that come in the same turn of the loop, too; the first waits for nobody."""
    await managed(stack)
    run.clear()
    first, *events = people(stack, 9)
    under_way = asyncio.create_task(stack.post_event(first))

    async def is_under_way() -> bool:
        return bool(run)

    await until(is_under_way)
    assert await asyncio.gather(*map(stack.post_event, events)) == ["applied"] * 8
    assert await under_way == "applied"
    assert [len(ids) for ids in run] == [1, 8]
    assert len(await entries(stack, [first, *events])) == 9
    run.clear()
    await asyncio.gather(*(intake.receive(stack.database, read(one)) for one in people(stack, 7)))
    assert [len(ids) for ids in run] == [7]


async def test_invariant_12_each_notes_its_own_doing(stack: Stack) -> None:
    """Also where one that was sent with it maps the group that gives all of them their role."""
    await managed(stack)
    hired = [user_data(stack) for _ in range(5)]
    for data in hired:
        await stack.post_event(new_event("dsync.user.created", data))
    group = {
        "id": f"directory_group_{hired[0]['id']}",
        "directory_id": stack.directory.id,
        "organization_id": stack.organization.id,
        "name": "Authors",
    }
    added = [
        new_event(
            "dsync.group.user_added",
            {"directory_id": stack.directory.id, "user": data, "group": group},
        )
        for data in hired
    ]
    renamed = new_event("dsync.user.updated", user_data(stack) | {"first_name": "Zoe"})
    assert set(await asyncio.gather(*map(stack.post_event, [*added, renamed]))) == {"applied"}
    for detail in (await entries(stack, added)).values():
        assert detail["before"]["access"]["roles"] == ["member"]
        assert detail["after"]["access"]["roles"] == ["member", "author"]


async def test_what_cannot_be_applied_is_parked_and_fails_no_neighbour(
    stack: Stack, run: list[list[str]]
) -> None:
    await managed(stack)
    run.clear()
    events = people(stack, 6)
    events[3]["data"]["idp_id"] = secrets.token_hex(9999)  # too long for an index
    events[4]["data"]["state"] = None
    answers = await asyncio.gather(*map(stack.post_event, events))
    assert Counter(answers) == {"applied": 4, "parked": 2}
    assert (answers[3], answers[4]) == ("parked", "parked")
    assert await outcomes(stack, events) == {"applied": 4, "parked": 2}


async def test_known_ones_among_new_ones_are_duplicates(stack: Stack) -> None:
    await managed(stack)
    events = people(stack, 6)
    assert await asyncio.gather(*map(stack.post_event, events[:3])) == ["applied"] * 3
    again = await asyncio.gather(*map(stack.post_event, events))
    assert again == ["duplicate"] * 3 + ["applied"] * 3
    assert len(await entries(stack, events)) == 6


async def test_the_same_event_at_once_is_applied_once(stack: Stack) -> None:
    await managed(stack)
    (event,) = people(stack, 1)
    answers = await asyncio.gather(*(stack.post_event(event) for _ in range(6)))
    assert Counter(answers) == {"applied": 1, "duplicate": 5}


async def test_those_about_one_person_take_turns_and_the_others_do_not_wait(
    stack: Stack, run: list[list[str]]
) -> None:
    await managed(stack)
    (hired,) = people(stack, 1)
    changes = [later(hired, n) for n in range(3)]
    others = people(stack, 4)
    run.clear()
    await asyncio.gather(*map(stack.post_event, [hired, *changes, *others]))
    of = {change["id"] for change in [hired, *changes]}
    assert all(len(of & set(ids)) <= 1 for ids in run)
    assert len(run) == 4
    details = await entries(stack, changes)
    assert [details[change["id"]]["outcome"] for change in changes] == ["applied"] * 3


async def test_one_that_waits_for_a_lock_holds_up_no_other(stack: Stack) -> None:
    """Neither in its batch nor behind it."""
    await managed(stack)
    locked, *others = people(stack, 9)
    await stack.post_event(locked)
    change = later(locked, 1)
    async with stack.database.transaction() as session:
        await session.execute(
            text("SELECT FROM directory_users WHERE id = :id FOR UPDATE"),
            {"id": locked["data"]["id"]},
        )
        first = asyncio.create_task(stack.post_event(others[0]))
        waiting = asyncio.create_task(stack.post_event(change))
        rest = asyncio.gather(*map(stack.post_event, others[1:5]))
        async with asyncio.timeout(2):
            assert await first == "applied"
            assert await rest == ["applied"] * 4
            late = asyncio.gather(*map(stack.post_event, others[5:]))
            assert await late == ["applied"] * 3
        assert not waiting.done()
    assert await waiting == "applied"


async def test_more_than_can_wait_are_sent_again(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    await managed(stack)
    monkeypatch.setattr(event_batches, "_MOST_WAITING", 3)
    events = people(stack, 8)
    answers = await asyncio.gather(*(post_webhook(stack, as_body(event)) for event in events))
    refused = [answer for answer in answers if answer.status_code == 503]
    assert len(refused) == 5  # three wait
    assert all("Retry-After" in answer.headers for answer in refused)
    assert all("events are waiting" in answer.json()["detail"] for answer in refused)
    assert (await outcomes(stack, events))["applied"] == 3


async def test_large_ones_are_not_made_larger_still(
    stack: Stack, run: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each may have megabytes: neither webhooks nor a page of catch-up are one statement then."""
    await managed(stack)
    monkeypatch.setattr(event_batches, "MOST_BYTES_TOGETHER", 3000)
    monkeypatch.setattr(intake, "MOST_BYTES_TOGETHER", 3000)
    run.clear()
    for _ in range(2):
        events = [event | {"padding": "x" * 900} for event in people(stack, 5)]
        if not run:
            assert set(await asyncio.gather(*map(stack.post_event, events))) == {"applied"}
            assert [len(ids) for ids in run] == [2, 2, 1]
        else:
            async with stack.database.connect() as connection:
                found = await intake.apply_all(connection, [read(event) for event in events])
            assert found == [Outcome.APPLIED] * 5
            assert [len(ids) for ids in run[3:]] == [2, 2, 1]


async def test_what_waits_is_bounded_in_bytes(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    await managed(stack)
    monkeypatch.setattr(event_batches, "_MOST_BYTES_WAITING", 2000)
    events = [event | {"padding": "x" * 900} for event in people(stack, 6)]
    answers = await asyncio.gather(*(post_webhook(stack, as_body(event)) for event in events))
    assert sorted(answer.status_code for answer in answers) == [200] * 2 + [503] * 4


async def test_who_leaves_is_not_waited_for(stack: Stack, run: list[list[str]]) -> None:
    await managed(stack)
    events = [read(event) for event in people(stack, 4)]
    run.clear()
    tasks = [asyncio.create_task(intake.receive(stack.database, event)) for event in events]
    await asyncio.sleep(0)
    tasks[2].cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert [one for one in done if isinstance(one, Outcome)] == [Outcome.APPLIED] * 3
    assert events[2].row["id"] not in {event_id for ids in run for event_id in ids}


class Writing:
    """Each batch is written when it may; what is in `again` is to be written once more."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._may = asyncio.Semaphore(0)
        self.batches: list[list[str]] = []
        self.again: set[str] = set()

    async def _write(self, items: Sequence[str]) -> list[str | None]:
        self.batches.append([*items])
        await self._may.acquire()
        if len(items) == 1:
            return [*items]
        return [None if item in self.again else item for item in items]

    async def bring(self, item: str, key: str = "") -> str:
        return await self._events.together(
            self._write, item, kind="people", keys={key or item}, size=1
        )

    def go_on(self, batches: int = 100) -> None:
        for _ in range(batches):
            self._may.release()

    async def are_under_way(self, *items: str) -> None:
        async def so() -> bool:
            return self.batches[-1:] == [list(items)]

        await until(so)


@pytest.fixture
async def writing(database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Writing]:
    monkeypatch.setattr(event_batches, "_HELD_UP_SECONDS", 60)
    writing = Writing(database.events)
    yield writing
    writing.go_on()


async def test_whoever_leaves_while_it_is_written_takes_nobody_along(writing: Writing) -> None:
    """Nor is it written again."""
    tasks = [asyncio.create_task(writing.bring(item)) for item in "abcde"]
    await writing.are_under_way(*"abcde")
    tasks[0].cancel()
    tasks[3].cancel()
    writing.go_on()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [one for one in answers if isinstance(one, str)] == ["b", "c", "e"]
    assert len(writing.batches) == 1


@pytest.mark.parametrize("how", ["left", "out of time"])
@pytest.mark.parametrize("again", [{"gone", "a", "b"}, {"gone", "b"}])
async def test_who_is_gone_keeps_nobody_from_what_they_were_to_write(
    writing: Writing, monkeypatch: pytest.MonkeyPatch, how: str, again: set[str]
) -> None:
    """Also when it was to be written again: it would be under way for ever."""
    first = asyncio.create_task(writing.bring("first"))
    await writing.are_under_way("first")
    monkeypatch.setattr(event_batches, "_SECONDS", 60 if how == "left" else 1)
    gone = asyncio.create_task(writing.bring("gone", key="the same"))
    await asyncio.sleep(0)
    monkeypatch.setattr(event_batches, "_SECONDS", 60)
    others = [asyncio.create_task(writing.bring(item)) for item in "ab"]
    later = asyncio.create_task(writing.bring("later", key="the same"))
    await asyncio.sleep(0)
    writing.go_on(1)
    await writing.are_under_way("gone", "a", "b")
    if how == "left":
        gone.cancel()
    with pytest.raises(asyncio.CancelledError if how == "left" else TimeoutError):
        await gone
    writing.again = again
    writing.go_on()
    async with asyncio.timeout(5):
        assert await asyncio.gather(first, *others, later) == ["first", "a", "b", "later"]
        assert await writing.bring("last", key="the same") == "last"
    assert sum("gone" in batch for batch in writing.batches) == 1


async def test_who_leaves_before_it_is_written_keeps_nobody(writing: Writing) -> None:
    first = asyncio.create_task(writing.bring("first", key="the same"))
    await writing.are_under_way("first")
    leaving, staying, later = (
        asyncio.create_task(writing.bring(item, key))
        for item, key in (("leaving", "the same"), ("staying", ""), ("later", "the same"))
    )
    await asyncio.sleep(0)
    leaving.cancel()
    writing.go_on()
    async with asyncio.timeout(5):
        answers = await asyncio.gather(first, staying, later)
    assert [*answers] == ["first", "staying", "later"]
    assert not any("leaving" in batch for batch in writing.batches)


async def test_a_fault_is_everybodys(writing: Writing, database: Database) -> None:
    async def fail(_: Sequence[str]) -> list[str]:
        raise OSError("gone")

    failing = (
        database.events.together(fail, one, kind="people", keys={one}, size=1) for one in "abc"
    )
    answers = await asyncio.gather(*failing, return_exceptions=True)
    assert [str(answer) for answer in answers] == ["gone"] * 3
    writing.go_on()
    assert await writing.bring("a") == "a"


def groups(stack: Stack, *names: str) -> list[dict[str, Any]]:
    of = {"directory_id": stack.directory.id, "organization_id": stack.organization.id}
    return [
        new_event(
            "dsync.group.created",
            {"id": f"directory_group_{secrets.token_hex(8)}", "name": name} | of,
        )
        for name in names
    ]


async def test_catch_up_takes_in_a_page_at_once_and_in_order(
    stack: Stack, run: list[list[str]]
) -> None:
    """What is about one person, or one group and its members, goes in the order of its coming."""
    await managed(stack)
    hired = people(stack, 5)
    changes = [later(hired[0], n) for n in range(2)]
    team, board = groups(stack, "Team", "Board")
    after = people(stack, 2)
    joined = new_event(
        "dsync.group.user_added",
        {"directory_id": stack.directory.id, "user": after[0]["data"], "group": team["data"]},
    )
    renamed = new_event("dsync.group.updated", team["data"] | {"name": "The team"})
    renamed["created_at"] = changes[1]["created_at"]
    page = [*hired, *changes, team, board, *after, joined, renamed]
    run.clear()
    async with stack.database.connect() as connection:
        found = await intake.apply_all(connection, [read(event) for event in page])
    assert found == [Outcome.APPLIED] * len(page)
    parts = ([*hired, *after], changes[:1], changes[1:], [team, board], [joined], [renamed])
    assert run == [[event["id"] for event in part] for part in parts]


async def test_invariant_12_each_group_notes_its_own_doing(
    stack: Stack, run: list[list[str]]
) -> None:
    """Also where one of those that were sent together is mapped by its name."""
    await managed(stack)
    for names, statements in ((("Team", "Board"), [2]), (("Sales", "Authors"), [2, 1, 1])):
        told = groups(stack, *names)
        run.clear()
        async with stack.database.connect() as connection:
            found = await intake.apply_all(connection, [read(event) for event in told])
        assert found == [Outcome.APPLIED] * 2
        assert [len(ids) for ids in run] == statements
        noted = await entries(stack, told)
        for event, name in zip(told, names, strict=True):
            after = noted[event["id"]]["after"]["group"]
            assert (after["name"], after["live"]) == (name, True)
            assert after["roles"] == (["author"] if name == "Authors" else [])


async def test_what_may_concern_everybody_stands_where_it_came(
    stack: Stack, run: list[list[str]]
) -> None:
    """A directory, and the end of a group: neither before nor after others does it move."""
    await managed(stack)
    (team,) = groups(stack, "Team")
    deleted = new_event("dsync.group.deleted", team["data"])
    before, after = people(stack, 2), people(stack, 2)
    run.clear()
    async with stack.database.connect() as connection:
        page = [team, *before, deleted, *after]
        await intake.apply_all(connection, [read(event) for event in page])
    parts = ([team], before, [deleted], after)
    assert run == [[event["id"] for event in part] for part in parts]


async def test_an_empty_page_is_nothing(database: Database) -> None:
    async with database.connect() as connection:
        assert await intake.apply_all(connection, []) == []
