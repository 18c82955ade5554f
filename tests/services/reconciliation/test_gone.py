"""Directories and groups that are gone, or only seem so, while they are read."""

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import httpx2
import pytest

from tests.reconciling import (
    answer,
    complete_as_of,
    completed,
    confirm,
    everything,
    mirror,
    reconcile,
    source,
)
from tests.stack import Stack


class TestDirectoriesThatGo:
    async def test_while_they_are_read(self, company: Stack) -> None:
        """Asked again, WorkOS lacks it in both ways: then it is gone. Its admin is held back."""

        async def meddle(number: int, _request: Any) -> None:
            if number == 6:
                company.clock.advance(60)
                company.emulator.delete_directory(company.directory.id)
                company.skip()

        held = await reconcile(company, meddle)
        assert held.state == "held"
        assert held.held is not None
        assert held.held.last_admin
        assert held.held.removed["directories"] == 1
        assert await complete_as_of(company) is None

    @pytest.mark.parametrize("listing", ["/directories", "/directory_users", "/directory_groups"])
    async def test_contradictions_infer_nothing(self, company: Stack, listing: str) -> None:
        """404 or missing in one place, and there in another."""
        before = await mirror(company)

        async def meddle(_number: int, request: httpx2.Request) -> httpx2.Response | None:
            if not request.url.path.endswith(listing):
                return None
            if listing == "/directories":
                return answer({"data": [], "list_metadata": {"before": None, "after": None}})
            return answer({"message": "Not found"}, 404)

        done = await reconcile(company, meddle)
        assert done.state == "failed"
        assert "contradicts itself" in (done.error or "")
        assert before["memberships"] <= (await mirror(company))["memberships"]

    async def test_404_for_everything_is_not_workos(self, stack: Stack) -> None:
        """A proxy, or a wrong address: so few people would not even wait for an admin."""
        stack.person("Ann")
        await stack.deliver()
        before = await everything(stack)

        async def meddle(_number: int, _request: Any) -> httpx2.Response:
            now = format_datetime(datetime.fromtimestamp(stack.clock(), UTC), usegmt=True)
            return httpx2.Response(404, html="<p>Not found</p>", headers={"Date": now})

        done = await reconcile(stack, meddle)
        assert done.state == "failed"
        assert "WORKOS_BASE_URL" in (done.error or "")
        assert await everything(stack) == before

    async def test_404_for_an_organization_that_is_gone(self, stack: Stack) -> None:
        """The list of all directories is there, and lacks its."""
        stack.person("Ann")
        await stack.deliver()
        stack.emulator.delete_directory(stack.directory.id)
        stack.skip()

        async def meddle(_number: int, request: httpx2.Request) -> httpx2.Response | None:
            if "organization_id" in request.url.params or "/organizations/" in request.url.path:
                return answer({"message": "Not found"}, 404)
            return None

        await completed(stack, meddle)
        assert await mirror(stack) == await source(stack)

    async def test_one_of_which_no_event_told(self, stack: Stack) -> None:
        """Its people came by events, its own activation and deletion were lost."""
        stack.skip()
        stack.group("Authors", stack.person("Ann"))
        await stack.deliver()
        stack.emulator.delete_directory(stack.directory.id)
        stack.skip()
        done = await completed(stack)
        assert await mirror(stack) == await source(stack)
        assert done.drift.counts()["people"]["removed"] == 1

    async def test_one_of_which_no_event_told_is_held_all_the_same(self, stack: Stack) -> None:
        stack.skip()
        for _ in range(11):
            stack.person()
        await stack.deliver()
        stack.emulator.delete_directory(stack.directory.id)
        stack.skip()
        before = await mirror(stack)
        held = await reconcile(stack)
        assert held.state == "held"
        assert await mirror(stack) == before
        await confirm(stack, held.id)
        assert await mirror(stack) == await source(stack)

    async def test_a_group_that_goes_while_it_is_read(self, company: Stack) -> None:
        async def meddle(number: int, _request: Any) -> None:
            if number == 6:
                company.clock.advance(60)
                (admins,) = [
                    row[0] for row in (await mirror(company))["groups"] if row[1] == "Admins"
                ]
                company.emulator.delete_group(admins)
                await company.deliver()

        await completed(company, meddle)
        assert await mirror(company) == await source(company)

    async def test_only_the_directory_of_the_setting(self, stack: Stack) -> None:
        """WORKOS_DIRECTORY_ID: nothing is read or inferred of others."""
        other = stack.emulator.create_directory(stack.organization.id, "Other")
        stack.person("Ann")
        stack.emulator.create_user(other.id, email="bob@acme.example")
        await stack.deliver()
        stack.emulator.delete_directory(other.id)
        stack.emulator.create_directory(stack.organization.id, "Another")
        stack.person("New")
        stack.skip()
        done = await completed(stack, only_directory=stack.directory.id)
        assert done.drift.people.added == 1
        assert set(done.drift.counts()["directories"].values()) == {0}
        assert len((await mirror(stack))["people"]) == 3
