"""Who had a role on a day: told from what the entries say of access before and after."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from backend.services.audit_log.role_spans import (
    Change,
    Held,
    Known,
    Moment,
    Point,
    Source,
    filled,
    spans,
)
from tests.asking_roles import grant, have_give
from tests.directory_api import user_id_of
from tests.owner import execute_as_owner
from tests.stack import Stack

EVER = datetime.min.replace(tzinfo=UTC)
NEVER = datetime.max.replace(tzinfo=UTC)


def day(number: float) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)


def exactly(number: float) -> Moment:
    return Moment(day(number), day(number))


SINCE_THE_LOG = Moment(EVER, day(0))
STILL = Moment(NEVER, NEVER)


@pytest.mark.parametrize(
    ("points", "turns", "held"),
    [
        ([(5, False, True), (9, True, True)], [], [(exactly(5), STILL)]),
        ([(5, True, False), (9, False, False)], [], [(SINCE_THE_LOG, exactly(5))]),
        ([(9, True, True)], [], [(Moment(EVER, day(9)), STILL)]),
        ([(9, False, False)], [], []),
        (
            [(2, False, True), (4, True, False), (6, False, True), (9, True, True)], [],
            [(exactly(2), exactly(4)), (exactly(6), STILL)],
        ),
        # Of what was in between, one entry tells when, several between when, none that it was.
        ([(2, False, True), (9, False, False)], [5], [(exactly(2), exactly(5))]),
        (
            [(2, False, True), (9, False, False)], [1, 4, 5, 6, 9],
            [(exactly(2), Moment(day(4), day(6)))],
        ),
        ([(2, False, True), (9, False, False)], [], [(exactly(2), Moment(day(2), day(9)))]),
        ([(2, False, False), (9, True, True)], [3], [(exactly(3), STILL)]),
    ],
)  # fmt: skip
def test_from_when_to_when(
    points: list[tuple[float, bool, bool]],
    turns: list[float],
    held: list[tuple[Moment, Moment]],
) -> None:
    given = [Point(day(at), had, has) for at, had, has in points]
    found = list(spans(given, [day(turn) for turn in turns], day(0)))
    assert found == [Held(*one) for one in held]


def known(*changes: tuple[float, bool], now: bool) -> Known:
    """Each with what it is from then on."""
    return Known([Change(day(at), not after, after) for at, after in changes], now)


NEVER_CHANGED = known(now=True)
CAME_AND_WENT = known((3, True), (5, False), now=False)
LATER = known((4, True), (7, False), now=False)


@pytest.mark.parametrize(
    ("points", "sources", "held"),
    [
        # Neither of the entries about the person mentions it.
        (
            [(1, False, False), (9, False, False)], [(CAME_AND_WENT, NEVER_CHANGED)],
            [(exactly(3), exactly(5))],
        ),
        ([(9, False, False)], [(CAME_AND_WENT, NEVER_CHANGED)], [(exactly(3), exactly(5))]),
        (
            [(1, True, True), (9, True, True)],
            [(known((3, False), (5, True), now=True), NEVER_CHANGED)],
            [(SINCE_THE_LOG, exactly(3)), (exactly(5), STILL)],
        ),
        # They were a member for a part of it, and not at all.
        (
            [(4, False, True), (9, False, False)], [(CAME_AND_WENT, known((4, True), now=True))],
            [(exactly(4), exactly(5))],
        ),
        ([(6, False, False)], [(CAME_AND_WENT, known((6, True), now=True))], []),
        # Another group gave it, too, or something that no group tells of.
        (
            [(1, False, False), (9, False, False)],
            [(CAME_AND_WENT, NEVER_CHANGED), (LATER, NEVER_CHANGED)],
            [(exactly(3), exactly(7))],
        ),
        (
            [(2, False, True), (9, True, True)], [(CAME_AND_WENT, NEVER_CHANGED)],
            [(exactly(2), STILL)],
        ),
    ],
)  # fmt: skip
def test_from_when_to_when_by_groups(
    points: list[tuple[float, bool, bool]],
    sources: list[tuple[Known, Known]],
    held: list[tuple[Moment, Moment]],
) -> None:
    given = filled(
        [Point(day(at), had, has) for at, had, has in points],
        [Source(gives, has_them) for gives, has_them in sources],
    )
    assert list(spans(given, [], day(0))) == [Held(*one) for one in held]


def test_who_may_not_enter_has_no_role_by_a_group() -> None:
    gone = Point(day(1), had=False, has=False, was_active=True, active=False)
    back = Point(day(9), had=False, has=False, was_active=False, active=True)
    assert filled([gone, back], [Source(CAME_AND_WENT, NEVER_CHANGED)]) == [gone, back]


async def ago(stack: Stack, hours: float) -> None:
    """Everything that is in the log by now was so much earlier."""
    await execute_as_owner(
        stack.database,
        "SET LOCAL rollcall.audit_change = 'on'",
        f"""UPDATE audit_events SET at = at - {hours} * interval '1 hour'
        WHERE organization_id = '{stack.organization.id}'""",
    )


def today(back: int = 0) -> str:
    return str((datetime.now(UTC) - timedelta(days=back)).date())


async def admins(browser: httpx.AsyncClient, back: int, role: str = "admin") -> dict[str, Any]:
    answer = await browser.get("/audit/roles", params={"role": role, "on": today(back)})
    assert answer.status_code == 200, answer.text
    return {item["name"].split()[0]: item for item in answer.json()["items"]}


async def test_by_events_about_people(stack: Stack) -> None:
    kim = stack.person("Kim")
    group = stack.group("Admins")
    boss = stack.person("Boss")
    stack.emulator.add_member(group, boss)
    await stack.deliver()
    adam = await stack.sign_in(boss)
    await ago(stack, 48)
    stack.emulator.add_member(group, kim)
    await stack.deliver()
    await ago(stack, 48)
    stack.emulator.remove_member(group, kim)
    await stack.deliver()
    await ago(stack, 48)
    assert set(await admins(adam, 0)) == {"Boss"}
    assert set(await admins(adam, 1)) == {"Boss"}
    assert set(await admins(adam, 2)) == {"Boss", "Kim"}  # until some time of that day
    assert set(await admins(adam, 3)) == {"Boss", "Kim"}
    found = await admins(adam, 4)
    assert set(found) == {"Boss", "Kim"}
    assert found["Kim"]["since"][:10] == today(4)
    assert found["Kim"]["until"][:10] == today(2)
    assert found["Boss"]["until"] is None
    assert all(item["certain"] for item in found.values())
    assert set(await admins(adam, 5)) == {"Boss"}
    assert await admins(adam, 7) == {}


async def test_by_what_happens_to_a_group(stack: Stack) -> None:
    """No entry says of its members that they gained by it; when it was says the group's."""
    kim = stack.person("Kim")
    designers = stack.group("Designers", kim)
    adam = await stack.sign_in_as("Admins", "Adam")
    await ago(stack, 48)
    stack.emulator.rename_group(designers, "Authors")
    await stack.deliver()
    await ago(stack, 48)
    stack.emulator.deactivate_user(kim)
    await stack.deliver()
    await ago(stack, 24)
    assert await admins(adam, 0, "author") == {}
    assert set(await admins(adam, 2, "author")) == {"Kim"}
    assert await admins(adam, 4, "author") == {}
    kims = (await admins(adam, 2, "author"))["Kim"]
    assert (kims["certain"], kims["since"][:10], kims["until"][:10]) == (True, today(3), today(1))


async def test_by_a_mapping_that_came_and_went(stack: Stack) -> None:
    """No entry about Kim or Ian mentions the role; Zoe came when it was over."""
    kim, ian, zoe = (stack.person(name) for name in ("Kim", "Ian", "Zoe"))
    designers = stack.group("Designers", kim, ian)
    adam = await stack.sign_in_as("Admins", "Adam")
    granted = await grant(adam, await user_id_of(adam, ian), "author")
    assert granted.status_code == 201
    await ago(stack, 48)
    await have_give(adam, "Designers", "author")
    await ago(stack, 48)
    await have_give(adam, "Designers")
    await ago(stack, 24)
    stack.emulator.remove_member(designers, kim)
    stack.emulator.add_member(designers, zoe)
    await stack.deliver()
    await ago(stack, 24)
    assert [set(await admins(adam, back, "author")) for back in range(8)] == [
        {"Ian"}, {"Ian"}, {"Ian", "Kim"}, {"Ian", "Kim"}, {"Ian", "Kim"}, {"Ian"}, {"Ian"}, set(),
    ]  # fmt: skip
    kims = (await admins(adam, 3, "author"))["Kim"]
    assert (kims["certain"], kims["since"][:10], kims["until"][:10]) == (True, today(4), today(2))


async def test_by_what_the_organization_decides(stack: Stack) -> None:
    """One entry in between tells when it was."""
    kim = stack.person("Kim")
    stack.group("Authors", kim)
    adam = await stack.sign_in_as("Admins", "Adam")
    adam_id = (await stack.me(adam))["id"]
    assert (await grant(adam, adam_id, "admin")).status_code == 201
    await ago(stack, 48)
    change = {"version": 0, "default_mappings": False}
    assert (await adam.patch("/organization", json=change)).status_code == 200
    await ago(stack, 24)
    assert await admins(adam, 0, "author") == {}
    found = await admins(adam, 2, "author")
    assert (found["Kim"]["certain"], found["Kim"]["until"][:10]) == (True, today(1))


async def test_a_gap_is_not_certain(stack: Stack) -> None:
    """Somebody changed a mapping by hand, and no entry says so."""
    kim = stack.person("Kim")
    designers = stack.group("Designers", kim)
    adam = await stack.sign_in_as("Admins", "Adam")
    await ago(stack, 72)
    await execute_as_owner(
        stack.database,
        f"""INSERT INTO role_mappings (organization_id, group_id, role, source)
        VALUES ('{stack.organization.id}', '{designers.id}', 'author', 'admin')""",
    )
    for back in (1, 2):
        assert (await admins(adam, back, "author"))["Kim"]["certain"] is False
    assert (await admins(adam, 0, "author"))["Kim"]["since"] is None


async def test_a_name_that_was_erased_is_not_shown(stack: Stack) -> None:
    kim = stack.person("Kim")
    stack.group("Authors", kim)
    adam = await stack.sign_in_as("Admins", "Adam")
    user_id = await user_id_of(adam, kim)
    await adam.post("/audit/erasures", json={"user_id": user_id})
    answer = await adam.get("/audit/roles", params={"role": "author", "on": today()})
    assert [(item["id"], item["name"]) for item in answer.json()["items"]] == [(user_id, None)]


async def test_a_page_at_a_time(stack: Stack) -> None:
    stack.group("Authors", *(stack.person(name) for name in ("Ann", "Bob", "Cid")))
    adam = await stack.sign_in_as("Admins", "Adam")
    params = {"role": "author", "on": today(), "limit": "2"}
    first = (await adam.get("/audit/roles", params=params)).json()
    params["cursor"] = first["next_cursor"]
    second = (await adam.get("/audit/roles", params=params)).json()
    names = [item["name"].split()[0] for item in [*first["items"], *second["items"]]]
    assert (names, second["next_cursor"]) == (["Ann", "Bob", "Cid"], None)


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"role": "owner", "on": "2026-01-01"}, "role"),
        ({"role": "member", "on": "2026-01-01"}, "role"),
        ({"role": "admin", "on": "2026-02-30"}, "on"),
        ({"role": "admin", "on": "2999-01-01"}, "on"),
        ({"role": "admin"}, "on"),
        ({"on": "2026-01-01"}, "role"),
    ],
)
async def test_bad_input_names_the_field(stack: Stack, params: dict[str, str], field: str) -> None:
    adam = await stack.sign_in_as("Admins", "Adam")
    answer = await adam.get("/audit/roles", params=params)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


async def test_invariant_9_nobody_of_another_organization(stack: Stack) -> None:
    await stack.sign_in_as("Admins", "Adam")
    other = Stack(stack.app, stack.emulator, stack.clock)
    eve = await other.sign_in_as("Admins", "Eve")
    assert set(await admins(eve, 0)) == {"Eve"}
