"""Who comes back gets the roles of their groups back, though nobody announces a membership."""

import time

import httpx
import httpx2
import pytest
from sqlalchemy import text

from backend.services.mirror import returning as returning_people
from backend.services.mirror.returning import Backoff
from backend.workos.client import WorkosClient
from backend.workos.scope import DirectoryScope
from emulator.testing import User
from tests.reconciling import Wire
from tests.stack import Stack

BOTH = ["member", "author"]


@pytest.fixture
def stack(own_stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    monkeypatch.setattr(returning_people, "_PACE_SECONDS", 0)
    return own_stack


async def read(stack: Stack, backoff: Backoff | None = None) -> int:
    return await returning_people.read_waiting(
        stack.database, stack.app.state.workos, backoff or Backoff()
    )


async def leaves_and_returns(stack: Stack, ann: User) -> User:
    stack.emulator.deactivate_user(ann)
    await stack.deliver()
    stack.clock.advance(60)
    ann = stack.emulator.reactivate_user(ann)
    await stack.deliver()
    return ann


async def writer(stack: Stack, name: str = "Ann") -> tuple[User, httpx.AsyncClient]:
    """Somebody in Authors, alone there."""
    person = stack.person(name)
    known = {event["data"].get("name") for event in stack.emulator.events}
    stack.group("Authors" if "Authors" not in known else f"Authors of {name}", person)
    await stack.deliver()
    await map_roles(stack)
    browser = await stack.sign_in(person)
    assert await stack.roles(browser) == BOTH
    return person, browser


async def map_roles(stack: Stack) -> None:
    async with stack.database.connect() as connection:
        await connection.execute(
            text("""INSERT INTO role_mappings (group_id, role, organization_id, source)
                SELECT id, 'author', organization_id, 'manual' FROM directory_groups
                WHERE name LIKE 'Authors of %' ON CONFLICT DO NOTHING""")
        )


@pytest.mark.parametrize("same_id", [True, False])
@pytest.mark.parametrize("retained", [True, False])
async def test_merge_rule_2_the_roles_come_back_without_a_sign_in(
    stack: Stack, same_id: bool, retained: bool
) -> None:
    stack.emulator.settings.same_id_on_return = same_id
    stack.emulator.settings.retain_deactivated = retained
    ann, _ = await writer(stack)
    again = await leaves_and_returns(stack, ann)
    browser = await stack.open_session(ann)
    assert (again.id == ann.id) == (same_id or retained)
    assert await stack.roles(browser) == ["member"]
    stack.clock.advance(11)
    assert await read(stack) == 1
    assert await stack.roles(browser) == BOTH
    assert await read(stack) == 0


async def test_a_reading_counts_only_when_it_is_newer_than_the_leaving(stack: Stack) -> None:
    """A snapshot is ten seconds old by its version, so the first may come too early."""
    stack.emulator.settings.same_id_on_return = True
    ann, _ = await writer(stack)
    stack.emulator.deactivate_user(ann)
    stack.emulator.reactivate_user(ann)
    await stack.deliver()
    browser = await stack.open_session(ann)
    assert await read(stack) == 1
    assert await stack.roles(browser) == ["member"]
    stack.clock.advance(11)
    assert await read(stack) == 1
    assert await stack.roles(browser) == BOTH
    assert await read(stack) == 0


async def test_groups_that_were_left_meanwhile_stay_left(stack: Stack) -> None:
    ann, _ = await writer(stack)
    admins = stack.group("Admins", ann)
    await stack.deliver()
    stack.emulator.deactivate_user(ann)
    stack.emulator.remove_member(admins, ann)
    stack.clock.advance(60)
    stack.emulator.reactivate_user(ann)
    await stack.deliver()
    browser = await stack.open_session(ann)
    stack.clock.advance(11)
    assert await read(stack) == 1
    assert await stack.roles(browser) == BOTH


async def test_merge_rule_3_a_membership_that_a_newer_reading_lacks_has_ended(
    stack: Stack,
) -> None:
    """Announced since they are back, and left again unheard."""
    stack.emulator.settings.same_id_on_return = True
    stack.emulator.settings.announce_memberships_on_return = True
    ann, _ = await writer(stack)
    stack.emulator.deactivate_user(ann)
    await stack.deliver()
    stack.clock.advance(60)
    stack.emulator.reactivate_user(ann)
    returned = stack.skip()
    for event in returned:
        await stack.post_event(event)
    browser = await stack.open_session(ann)
    assert await stack.roles(browser) == BOTH
    (authors,) = {event["data"]["group"]["id"] for event in returned if "group" in event["data"]}
    stack.emulator.remove_member(authors, ann)
    stack.skip()
    stack.clock.advance(60)
    assert await read(stack) == 1
    assert await stack.roles(browser) == ["member"]


async def test_a_complete_listing_is_a_reading_too(stack: Stack) -> None:
    stack.emulator.settings.same_id_on_return = True
    ann, _ = await writer(stack)
    await leaves_and_returns(stack, ann)
    stack.clock.advance(60)
    async with stack.database.connect() as connection:
        await connection.execute(
            text("""UPDATE directories SET complete_id = 'snapshot',
                complete_as_of = (SELECT max(occurred_at) FROM directory_users)""")
        )
    assert await read(stack) == 0


async def test_who_is_out_is_not_read(stack: Stack) -> None:
    ann, _ = await writer(stack)
    stack.emulator.deactivate_user(ann)
    await stack.deliver()
    stack.clock.advance(60)
    assert await read(stack) == 0


async def test_other_directories_are_not_read(stack: Stack) -> None:
    ann, _ = await writer(stack)
    await leaves_and_returns(stack, ann)
    stack.clock.advance(60)
    stack.app.state.workos.scope = DirectoryScope("directory_other")
    assert await read(stack) == 0
    stack.app.state.workos.scope = DirectoryScope(stack.directory.id)
    assert await read(stack) == 1


async def test_who_has_left_again_meanwhile_is_out_by_the_reading(stack: Stack) -> None:
    """WorkOS says inactive before its event has come."""
    stack.emulator.settings.retain_deactivated = True
    ann, browser = await writer(stack)
    await leaves_and_returns(stack, ann)
    stack.clock.advance(60)
    stack.emulator.deactivate_user(ann)
    stack.clock.advance(60)
    assert await read(stack) == 1
    assert (await browser.get("/me")).status_code == 401
    await stack.deliver()
    assert (await browser.get("/me")).status_code == 401


class TestWorkosFails:
    """Who cannot be read is left alone, and holds up no other."""

    async def clients(self, stack: Stack, answers: dict[str, httpx2.Response]) -> Wire:
        async def meddle(_number: int, request: httpx2.Request) -> httpx2.Response | None:
            return next(
                (
                    httpx2.Response(found.status_code, headers=found.headers)
                    for part, found in answers.items()
                    if part in str(request.url)
                ),
                None,
            )

        wire = Wire(stack, meddle)
        stack.app.state.workos = WorkosClient(
            stack.app.state.settings, transport=wire, listings_per_second=0
        )
        return wire

    async def test_one_alone(self, stack: Stack) -> None:
        people = [await writer(stack, name) for name in ("Ann", "Bob", "Carl")]
        returned = [await leaves_and_returns(stack, person) for person, _ in people]
        browsers = [await stack.open_session(person) for person, _ in people]
        stack.clock.advance(11)
        usual = stack.app.state.workos
        wire = await self.clients(stack, {returned[1].id: httpx2.Response(404)})
        backoff = Backoff()
        assert await read(stack, backoff) == 2
        assert [await stack.roles(browser) for browser in browsers] == [BOTH, ["member"], BOTH]
        asked = len(wire.paths)
        assert await read(stack, backoff) == 0
        assert len(wire.paths) == asked
        await stack.app.state.workos.close()
        stack.app.state.workos = usual
        assert await read(stack) == 1

    @pytest.mark.parametrize(
        "answer", [httpx2.Response(500), httpx2.Response(429, headers={"Retry-After": "7"})]
    )
    async def test_all(self, stack: Stack, answer: httpx2.Response) -> None:
        for name in ("Ann", "Bob", "Carl", "Dan", "Eve"):
            person, _ = await writer(stack, name)
            await leaves_and_returns(stack, person)
        stack.clock.advance(11)
        usual = stack.app.state.workos
        wire = await self.clients(stack, {"/directory_users/": answer})
        backoff = Backoff()
        assert await read(stack, backoff) == 0
        asked = len(wire.paths)
        assert await read(stack, backoff) == 0
        assert len(wire.paths) == asked
        await stack.app.state.workos.close()
        stack.app.state.workos = usual
        assert await read(stack) == 5


async def test_waits_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    backoff, slept = Backoff(), []
    for _ in range(7):
        backoff.failed("ann")
        begun = now
        while "ann" in backoff.waiting():
            now += 1
        slept.append(now - begun)
    assert slept == [20, 40, 80, 160, 300, 300, 300]
    backoff.failed("", 900)
    now += 899
    assert list(backoff.waiting()) == [""]
    backoff.succeeded("")
    assert list(backoff.waiting()) == []
