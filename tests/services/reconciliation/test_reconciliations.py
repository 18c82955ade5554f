"""Reconciliation equals the source (invariant 8), and what a newer event wrote survives."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from backend.schemas.reconciliations import Change
from tests.reconciling import (
    Wire,
    audited,
    complete_as_of,
    completed,
    confirm,
    everything,
    mirror,
    reconcile,
    request,
    source,
    user_id_of,
)
from tests.stack import Stack, new_event


def counts(done: Any) -> dict[str, tuple[int, int, int]]:
    """By kind, what was added, changed and removed, where anything was."""
    return {
        kind: tuple(numbers.values())
        for kind, numbers in done.drift.counts().items()
        if any(numbers.values())
    }


class TestLostEvents:
    async def test_an_empty_mirror_is_filled(self, stack: Stack) -> None:
        stack.group("Authors", stack.person("Ann"), stack.person("Bob"))
        stack.skip()
        async with stack.database.transaction() as session:
            await session.execute(
                text("INSERT INTO organizations (workos_id) VALUES (:id)"),
                {"id": stack.organization.id},
            )
        done = await completed(stack)
        assert await mirror(stack) == await source(stack)
        assert counts(done) == {
            "directories": (1, 0, 0),
            "people": (2, 0, 0),
            "groups": (1, 0, 0),
            "memberships": (2, 0, 0),
        }
        async with stack.database.connect() as connection:
            row = await connection.execute(
                text("SELECT name, directory_managed FROM organizations WHERE workos_id = :id"),
                {"id": stack.organization.id},
            )
            assert tuple(row.one()) == ("Acme", True)

    async def test_everything_that_can_be_missed_is_repaired(self, stack: Stack) -> None:
        emulator = stack.emulator
        ann, bob, cid = stack.person("Ann"), stack.person("Bob"), stack.person("Cid")
        authors = stack.group("Authors", ann, bob)
        gone = stack.group("Designers", ann, cid)
        again = stack.group("Writers", cid)
        stack.group("Admins", ann)
        await stack.deliver()
        await completed(stack)

        stack.clock.advance(60)
        emulator.update_user(ann, first_name="Anna")
        emulator.delete_user(bob)
        dan = stack.person("Dan")
        emulator.add_member(authors, dan)
        emulator.remove_member(gone, cid)
        emulator.delete_group(gone)
        emulator.delete_group(again)
        stack.group("Writers")
        stack.skip()
        done = await completed(stack)
        assert await mirror(stack) == await source(stack)
        assert counts(done) == {
            "people": (1, 1, 1),
            "groups": (1, 0, 2),
            "memberships": (1, 0, 4),
        }
        by_change = {each.change: each for each in done.drift.people.examples}
        assert by_change[Change.ADDED].id == dan.id
        assert by_change[Change.REMOVED].id == bob.id
        assert by_change[Change.CHANGED].id == ann.id
        changes = by_change[Change.CHANGED].changes
        assert changes is not None
        (was, now) = changes["name"]
        assert (was.split()[0], now.split()[0]) == ("Ann", "Anna")
        (lost,) = await audited(stack, "reconciliation.access_lost")
        assert (lost.subject_id, lost.event_id) == (
            str(await user_id_of(stack, bob)),
            f"snapshot_{done.id}",
        )
        assert lost.detail == {
            "before": {"access": {"active": True, "roles": ["member", "author"]}},
            "after": {"access": {"active": False, "roles": []}},
        }

    async def test_a_deleted_directory(self, stack: Stack) -> None:
        ann = stack.person("Ann")
        await stack.deliver()
        browser = await stack.sign_in(ann)
        stack.emulator.delete_directory(stack.directory.id)
        stack.skip()
        done = await completed(stack)
        assert counts(done) == {"directories": (0, 0, 1), "people": (0, 0, 1)}
        assert (await browser.get("/me")).status_code == 401
        assert counts(await completed(stack)) == {}

    async def test_a_second_directory_is_read_as_well(self, stack: Stack) -> None:
        second = stack.emulator.create_directory(stack.organization.id, "Acme Entra")
        for number in range(103):
            stack.emulator.create_user(second.id, email=f"p{number}@acme.example")
        stack.group("Authors", stack.person("Ann"))
        await stack.deliver()
        stack.emulator.create_user(second.id, email="late@acme.example", first_name="Late")
        stack.skip()
        assert counts(await completed(stack)) == {"people": (1, 0, 0)}
        assert await mirror(stack) == await source(stack)

    async def test_a_directory_that_is_being_deleted_is_left_alone(self, stack: Stack) -> None:
        stack.person("Ann")
        await stack.deliver()
        stack.emulator.world.store.run(
            "update directories set state = 'deleting' where id = ?", stack.directory.id
        )
        before = await mirror(stack)
        await completed(stack)
        assert await mirror(stack) == before
        assert await complete_as_of(stack) is None


class TestNoDrift:
    @pytest.mark.parametrize("retain", [False, True])
    async def test_on_a_mirror_that_is_right(self, stack: Stack, *, retain: bool) -> None:
        stack.emulator.settings.retain_deactivated = retain
        ann, bob = stack.person("Ann"), stack.person("Bob")
        stack.group("Authors", ann, bob)
        stack.emulator.deactivate_user(bob)
        back = stack.person("Kim")
        stack.emulator.deactivate_user(back)
        stack.emulator.reactivate_user(back)
        await stack.deliver()
        for _ in range(2):
            assert counts(await completed(stack)) == {}
        assert await mirror(stack) == await source(stack)
        assert await audited(stack, "reconciliation.access_lost") == []

    async def test_for_what_is_newer_than_the_reading(self, stack: Stack) -> None:
        stack.group("Authors", stack.person("Ann"))
        await stack.deliver()

        async def meddle(number: int, _request: Any) -> None:
            if number == 3:
                stack.clock.advance(60)
                stack.group("Designers", stack.person("Bob"))
                await stack.deliver()

        assert counts(await completed(stack, meddle)) == {}
        assert await mirror(stack) == await source(stack)


class TestEventsAndReadings:
    """Versions decide, whatever comes first (invariant 3)."""

    @pytest.mark.parametrize("when", [1, 2, 3, 4, 5, 6, 7])
    async def test_a_newer_event_survives(self, stack: Stack, when: int) -> None:
        ann, bob = stack.person("Ann"), stack.person("Bob")
        authors = stack.group("Authors", ann)
        await stack.deliver()
        browser = await stack.sign_in(ann)
        held_back: list[Any] = []

        async def meddle(number: int, _request: Any) -> None:
            if number == when:
                stack.clock.advance(60)
                stack.emulator.delete_user(ann)
                stack.emulator.add_member(authors, bob)
                held_back.extend(stack.skip())
                for event in held_back[: when % 3]:
                    await stack.post_event(event)

        await completed(stack, meddle)
        for event in held_back:
            await stack.post_event(event)
        assert await mirror(stack) == await source(stack)
        assert (await browser.get("/me")).status_code == 401

    async def test_an_older_event_that_comes_late_changes_nothing(self, stack: Stack) -> None:
        """Row or no row: what the listing knew is not undone (firezone/firezone#15024)."""
        ann, bob = stack.person("Ann"), stack.person("Bob")
        authors = stack.group("Authors", ann, bob)
        stack.emulator.update_user(ann, first_name="Early")
        stack.emulator.update_user(ann, first_name="Anna")
        stack.emulator.remove_member(authors, bob)
        stack.emulator.delete_user(bob)
        late = stack.skip()
        await stack.post_event(late[0])
        await completed(stack)
        before = await mirror(stack)
        assert before == await source(stack)
        outcomes = {await stack.post_event(event) for event in reversed(late[1:])}
        # Only what is no row of the directory, such as the organization's name, may apply.
        assert outcomes <= {"superseded", "applied"}
        assert await mirror(stack) == before
        assert counts(await completed(stack)) == {}

    async def test_a_parked_creation_replayed_after_a_listing_without_the_person(
        self, stack: Stack
    ) -> None:
        ann, bob = stack.person("Ann"), stack.person("Bob")
        stack.group("Authors", bob)
        (created,) = [
            event
            for event in stack.skip()
            if event["data"].get("id") == ann.id or not await stack.post_event(event)
        ]
        broken = created | {"data": {**created["data"], "state": None}}
        assert await stack.post_event(broken) == "parked"
        stack.emulator.delete_user(ann)
        stack.skip()
        await completed(stack)
        assert await stack.post_event(created) == "superseded"
        assert await mirror(stack) == await source(stack)

    async def test_who_returns_after_a_listing_is_in_with_their_groups(self, stack: Stack) -> None:
        stack.emulator.settings.same_id_on_return = True
        ann = stack.person("Ann")
        stack.group("Authors", ann)
        await stack.deliver()
        stack.emulator.deactivate_user(ann)
        await stack.deliver()
        await completed(stack)
        stack.emulator.reactivate_user(ann)
        stack.skip()
        assert counts(await completed(stack)) == {"people": (1, 0, 0), "memberships": (1, 0, 0)}
        assert await stack.roles(await stack.sign_in(ann)) == ["member", "author"]


class TestHolding:
    async def test_mass_removals_wait_for_a_person(self, stack: Stack) -> None:
        people = [stack.person("Ann") for _ in range(14)]
        authors = stack.group("Authors", *people)
        await stack.deliver()
        await completed(stack)
        for person in people[:11]:
            stack.emulator.delete_user(person)
        new = stack.person("New")
        stack.emulator.add_member(authors, new)
        stack.skip()
        held = await reconcile(stack)
        assert held.state == "held"
        assert held.held is not None
        assert (held.held.people, held.held.limit, held.held.last_admin) == (11, 10, False)
        assert held.held.removed == {"people": 11, "memberships": 11}
        assert len(held.held.examples) == 11
        assert [
            (loss.name, loss.active, loss.roles_before, loss.roles) for loss in held.held.losses
        ] == [(name, False, ["member", "author"], []) for name in held.held.examples]
        # What WorkOS lists is in already; nothing is removed.
        assert len((await mirror(stack))["people"]) == 15
        await stack.sign_in(new)
        # Live events are never held.
        browser = await stack.sign_in(people[13])
        stack.emulator.delete_user(people[13])
        await stack.deliver()
        assert (await browser.get("/me")).status_code == 401

        done = await confirm(stack, held.id)
        assert done.state == "completed"
        assert await mirror(stack) == await source(stack)
        assert counts(done)["people"] == (1, 0, 11)
        assert len(await audited(stack, "reconciliation.access_lost")) == 11
        assert counts(await completed(stack)) == {}

    @pytest.mark.parametrize("losers", [10, 11])
    async def test_ten_do_not_wait_and_eleven_do(self, stack: Stack, losers: int) -> None:
        people = [stack.person("Ann") for _ in range(12)]
        authors = stack.group("Authors", *people)
        await stack.deliver()
        for person in people[:losers]:
            stack.emulator.remove_member(authors, person)
        stack.skip()
        assert (await reconcile(stack)).state == ("completed" if losers == 10 else "held")

    async def test_a_fifth_of_many_does_not_wait(self, stack: Stack) -> None:
        people = [stack.person("Ann") for _ in range(60)]
        await stack.deliver()
        for person in people[:12]:
            stack.emulator.delete_user(person)
        stack.skip()
        done = await reconcile(stack)
        assert done.state == "completed"
        assert counts(done) == {"people": (0, 0, 12)}

    async def test_the_last_admin(self, stack: Stack) -> None:
        ada, ann = stack.person("Ada"), stack.person("Ann")
        admins = stack.group("Admins", ada, ann)
        await stack.deliver()
        stack.emulator.delete_user(ada)
        stack.skip()
        await completed(stack)
        stack.emulator.remove_member(admins, ann)
        stack.skip()
        held = await reconcile(stack)
        assert held.held is not None
        assert (held.held.people, held.held.last_admin) == (1, True)
        browser = await stack.sign_in(ann)
        assert "admin" in await stack.roles(browser)
        await confirm(stack, held.id)
        assert await stack.roles(browser) == ["member"]

    async def test_a_newer_event_wins_over_a_confirmed_reading(self, stack: Stack) -> None:
        people = [stack.person("Ann") for _ in range(11)]
        authors = stack.group("Authors", *people)
        await stack.deliver()
        for person in people:
            stack.emulator.remove_member(authors, person)
        stack.skip()
        held = await reconcile(stack)
        stack.clock.advance(60)
        stack.emulator.add_member(authors, people[0])
        await stack.deliver()
        await confirm(stack, held.id)
        assert await stack.roles(await stack.sign_in(people[0])) == ["member", "author"]
        assert await stack.roles(await stack.sign_in(people[1])) == ["member"]

    async def test_a_newer_reading_takes_the_place_of_one_that_waits(self, stack: Stack) -> None:
        people = [stack.person("Ann") for _ in range(11)]
        authors = stack.group("Authors", *people)
        await stack.deliver()
        for person in people:
            stack.emulator.remove_member(authors, person)
        stack.skip()
        first = await reconcile(stack)
        for person in people:
            stack.emulator.add_member(authors, person)
        stack.skip()
        await completed(stack)
        with pytest.raises(Exception, match="A newer reconciliation has taken"):
            await confirm(stack, first.id)
        assert "author" in await stack.roles(await stack.sign_in(people[0]))


class TestOneAtATime:
    async def test_asked_twice(self, stack: Stack) -> None:
        stack.person("Ann")
        await stack.deliver()
        first, second = await asyncio.gather(request(stack), request(stack))
        assert first == second
        assert (await completed(stack, only=first)).id == first
        assert await request(stack) != first

    async def test_two_that_run_at_once(self, stack: Stack) -> None:
        """The second finds it taken, and touches nothing."""
        stack.group("Authors", *(stack.person("Ann") for _ in range(3)))
        await stack.deliver()
        asked = await request(stack)
        other = Wire(stack)
        seen: list[Any] = []

        async def meddle(number: int, _request: Any) -> None:
            if number == 4:
                seen.append(await reconcile(stack, wire=other, only=asked))

        done = await reconcile(stack, meddle, only=asked)
        assert done.state == "completed"
        assert [each.state for each in seen] == ["running"]
        assert other.paths == []
        before = await everything(stack)
        assert (await reconcile(stack, only=asked)).finished_at == done.finished_at
        assert await everything(stack) == before

    async def test_another_organization_runs_meanwhile(self, stack: Stack) -> None:
        stack.person("Ann")
        await stack.deliver()
        name = f"reconcile {new_event('x', {})['id']}"
        async with stack.database.locked(name) as lock:
            assert lock is not None
            async with stack.database.locked(name) as second:
                assert second is None
            await completed(stack)
        async with stack.database.locked(name) as third:
            assert third is not None
