"""What goes wrong while directories are read: nothing is inferred from a partial listing."""

from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from backend.errors import WorkosUnavailable
from backend.services.reconciliation import requests as reconciliations
from backend.services.reconciliation.batch import Batch
from tests.reconciling import (
    REQUESTS,
    Wire,
    answer,
    audited,
    complete_as_of,
    completed,
    everything,
    mirror,
    reconcile,
    request,
    source,
)
from tests.stack import Stack


class _Crash(BaseException):
    pass


class TestPartialListings:
    @pytest.mark.parametrize("broken", range(1, REQUESTS + 1))
    async def test_one_that_breaks_off_removes_nothing(self, company: Stack, broken: int) -> None:
        before = await mirror(company)

        async def meddle(number: int, _request: Any) -> httpx2.Response | None:
            return answer({"message": "no"}, 500) if number >= broken else None

        done = await reconcile(company, meddle)
        assert (done.state, done.error) == (
            "failed",
            "WorkOS answered with status 500. Nothing was changed.",
        )
        after = await mirror(company)
        assert {row[0] for row in before["people"]} <= {row[0] for row in after["people"]}
        assert before["groups"] <= after["groups"]
        assert before["memberships"] <= after["memberships"]
        assert await complete_as_of(company) is None
        await completed(company)
        assert await mirror(company) == await source(company)

    @pytest.mark.parametrize("at", range(1, REQUESTS + 1))
    async def test_after_a_crash_it_goes_on_and_ends_the_same(
        self, company: Stack, at: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each page is merged at once here, so each is a boundary to crash at."""
        monkeypatch.setattr(Batch, "is_full", True)
        asked = await request(company)
        as_of = None

        async def meddle(number: int, _request: Any) -> None:
            if number == at:
                raise _Crash

        with pytest.raises(_Crash):
            await reconcile(company, meddle, only=asked)
        async with company.database.connect() as connection:
            crashed = await reconciliations.get(connection, company.organization.id, asked)
        assert crashed.state == "running"
        as_of = crashed.as_of
        wire = Wire(company)
        done = await completed(company, only=asked, wire=wire)
        assert await mirror(company) == await source(company)
        assert as_of is None or done.as_of == as_of
        # What was merged is not read again; WorkOS's count, at 4, is kept with the first page.
        assert len(wire.paths) == (REQUESTS if at <= 3 else REQUESTS + 1 - at + (at == 5))
        assert done.drift.people.added == 1
        assert done.drift.people.removed == 4
        assert done.drift.memberships.removed == 3

    async def test_one_that_stopped_long_ago_is_begun_anew(self, company: Stack) -> None:
        asked = await request(company)

        async def meddle(number: int, _request: Any) -> None:
            if number == 5:
                raise _Crash

        with pytest.raises(_Crash):
            await reconcile(company, meddle, only=asked)
        async with company.database.transaction() as session:
            await session.execute(
                text(
                    "UPDATE reconciliations SET as_of = now() - interval '7 hours' WHERE id = :id"
                ),
                {"id": asked},
            )
        fresh = await completed(company, only=asked)
        assert fresh.id != asked
        async with company.database.connect() as connection:
            old = await reconciliations.get(connection, company.organization.id, asked)
        assert (old.state, old.error) == (
            "failed",
            "It stopped halfway and was not taken up again for hours. A fresh one was begun.",
        )

    async def test_short_of_what_workos_counts(self, company: Stack) -> None:
        """A page that ends too early looks like the last; WorkOS's own count tells."""

        async def meddle(_number: int, request: httpx2.Request) -> httpx2.Response | None:
            query = request.url.params
            if "directory_users" in request.url.path and "directory" in query:
                return answer({"data": [], "list_metadata": {"after": None, "before": None}})
            return None

        before = await mirror(company)
        held = await reconcile(company, meddle)
        assert held.state == "held"
        assert held.held is not None
        (short,) = held.held.short
        assert (short.kind, short.counted, short.listed) == ("people", 15, 0)
        assert {row[0] for row in before["people"]} == {
            row[0] for row in (await mirror(company))["people"]
        }
        assert await complete_as_of(company) is None

    async def test_a_page_that_comes_twice_hides_nobody(self, company: Stack) -> None:
        """As many lines as WorkOS counts people, and some of them twice."""
        first: list[Any] = []

        async def meddle(_number: int, request: httpx2.Request) -> httpx2.Response | None:
            query = request.url.params
            if not request.url.path.endswith("/directory_users") or "directory" not in query:
                return None
            if not first:
                found = await company.app.state.workos.list_page("directory_users", None, **query)
                first.extend(found.items[:8])
                return answer({"data": first, "list_metadata": {"before": None, "after": "next"}})
            return answer({"data": first[:7], "list_metadata": {"before": None, "after": None}})

        held = await reconcile(company, meddle)
        assert held.state == "held"
        assert held.held is not None
        (short,) = held.held.short
        assert (short.kind, short.counted, short.listed) == ("people", 15, 8)

    async def test_what_events_remove_meanwhile_is_no_shortage(self, company: Stack) -> None:
        person = company.person("Zoe")
        await company.deliver()

        async def meddle(number: int, _request: Any) -> None:
            if number == 4:
                company.clock.advance(60)
                company.emulator.delete_user(person)
                company.person("Yan")
                await company.deliver()

        await completed(company, meddle)
        assert await mirror(company) == await source(company)


LIST = {"list_metadata": {"before": None, "after": None}}
NONSENSE: dict[str, tuple[str, Any, str]] = {
    "no list": ("/directory_users", {"data": "x"}, "cannot be read"),
    "a list without what follows": ("/directory_users", {"data": []}, "cannot be read"),
    "no JSON object": ("/directory_groups", [1], "cannot be read"),
    "a malformed item": ("/directory_users", {"data": [{"id": 1}], **LIST}, "cannot be read: "),
    "an item that is none": ("/directory_groups", {"data": [7], **LIST}, "cannot be read: "),
    "another directory's": (
        "/directory_groups",
        {
            "data": [{"id": "g", "directory_id": "d", "organization_id": "o", "name": "Admins"}],
            **LIST,
        },
        "of another directory",
    ),
    "another organization's directory": (
        "/directories",
        {"data": [{"id": "d", "organization_id": "o"}], **LIST},
        "another organization's directory",
    ),
    "a circle": (
        "/directory_users",
        {"data": [], "list_metadata": {"before": None, "after": "same"}},
        "in circles",
    ),
}


class TestNonsense:
    @pytest.mark.parametrize("case", NONSENSE)
    async def test_is_not_believed(self, company: Stack, case: str) -> None:
        path, body, said = NONSENSE[case]
        before = await mirror(company)

        async def meddle(_number: int, request: httpx2.Request) -> httpx2.Response | None:
            return answer(body) if request.url.path.endswith(path) else None

        done = await reconcile(company, meddle)
        assert done.state == "failed"
        assert said in (done.error or "")
        assert before["memberships"] <= (await mirror(company))["memberships"]
        assert await complete_as_of(company) is None

    async def test_an_answer_without_a_date(self, company: Stack) -> None:
        before = await everything(company)

        async def meddle(_number: int, _request: Any) -> httpx2.Response:
            return httpx2.Response(200, json={"data": [], **LIST})

        assert (await reconcile(company, meddle)).state == "failed"
        assert await everything(company) == before

    async def test_a_key_that_is_refused(self, company: Stack) -> None:
        async def meddle(_number: int, _request: Any) -> httpx2.Response:
            return answer({"message": "Unauthorized"}, 401)

        done = await reconcile(company, meddle)
        assert done.error == "WorkOS refuses the key in WORKOS_API_KEY."

    async def test_text_that_no_database_keeps(self, company: Stack) -> None:
        company.person("Nul\0byte")
        company.skip()
        await completed(company)


async def test_what_failed_is_noted_nowhere_as_done(company: Stack) -> None:
    async def meddle(_number: int, _request: Any) -> httpx2.Response | None:
        raise httpx2.ConnectError("refused")

    done = await reconcile(company, meddle)
    assert (done.state, done.error) == ("failed", WorkosUnavailable.detail)
    assert await audited(company, "reconciliation.completed") == []
