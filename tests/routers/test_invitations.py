"""Several invitations at once, and the list of who invited whom and what became of it."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from emulator.testing import User
from tests.directory_api import ask, execute, user_id_of
from tests.stack import ORIGIN, Stack

NOBODY = "01920000-0000-7000-8000-000000000000"


async def invite(browser: httpx.AsyncClient, *user_ids: str) -> list[dict[str, Any]]:
    answer = await browser.post("/team/invitations", json={"user_ids": user_ids})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    assert [item["user_id"] for item in items] == list(dict.fromkeys(user_ids))
    return items


async def listed(browser: httpx.AsyncClient, **params: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await ask(browser, "/team/invitations", **params))["items"]
    return items


async def status_of(browser: httpx.AsyncClient, user_id: str) -> list[str]:
    """Of each invitation of this person, the newest first."""
    items = await listed(browser, limit=100)
    return [item["status"] for item in items if item["user"]["id"] == user_id]


class TestSeveral:
    async def test_each_has_an_outcome_of_their_own(self, stack: Stack) -> None:
        ian, lea, kim = stack.person("Ian"), stack.person("Lea"), stack.person("Kim")
        max_ = await stack.sign_in_as(None, "Max")
        ids = {person: await user_id_of(max_, person) for person in (ian, lea, kim)}
        me = (await stack.me(max_))["id"]
        other = Stack(stack.app, stack.emulator, stack.clock)
        stranger = (await stack.me(await other.sign_in_as(None, "Eve")))["id"]
        stack.emulator.deactivate_user(lea)
        await stack.deliver()
        asked = [NOBODY, ids[ian], ids[lea], stranger, ids[kim], me, ids[ian]]
        results = {item["user_id"]: item for item in await invite(max_, *asked)}
        assert {user_id: item["outcome"] for user_id, item in results.items()} == {
            NOBODY: "not_found",
            ids[ian]: "invited",
            ids[lea]: "not_invitable",
            stranger: "not_found",
            ids[kim]: "invited",
            me: "not_invitable",
        }
        for user_id, item in results.items():
            invited = item["outcome"] == "invited"
            assert (item["invitation"] is None, item["detail"] is None) == (not invited, invited)
            if invited:
                path = item["invitation"]["url"].removeprefix(ORIGIN)
                location = (await stack.browser().get(path)).headers["location"]
                assert location.startswith("http://emulator.localhost/"), user_id
        assert await status_of(max_, ids[ian]) == ["open"]

    async def test_a_hundred_and_not_more(self, stack: Stack) -> None:
        people = [stack.person("Ian") for _ in range(100)]
        max_ = await stack.sign_in_as(None, "Max")
        page = await ask(max_, "/team", status="invitable", limit=100)
        ids = [person["id"] for person in page["items"]]
        assert len(ids) == len(people)
        urls = {item["invitation"]["url"] for item in await invite(max_, *ids)}
        assert len(urls) == 100
        again = await invite(max_, *ids)
        assert all(item["invitation"]["replaces"] for item in again)
        assert urls.isdisjoint(item["invitation"]["url"] for item in again)

    @pytest.mark.parametrize(
        "ids", [[], [NOBODY] * 101, ["x"], NOBODY, None, [{"id": NOBODY}]], ids=lambda _: ""
    )
    async def test_a_list_that_cannot_be_used(self, stack: Stack, ids: object) -> None:
        max_ = await stack.sign_in_as(None, "Max")
        answer = await max_.post("/team/invitations", json={"user_ids": ids})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"].startswith("user_ids")

    async def test_is_limited(self, stack: Stack) -> None:
        max_ = await stack.sign_in_as(None, "Max")
        statuses = set()
        for _ in range(130):
            answer = await max_.post("/team/invitations", json={"user_ids": [NOBODY]})
            statuses.add(answer.status_code)
        assert statuses == {200, 429}


class TestTheList:
    async def test_who_invited_whom_and_what_became_of_it(self, stack: Stack) -> None:
        people = {
            status: stack.person(status.capitalize())
            for status in ("open", "joined", "withdrawn", "replaced", "expired", "left", "renewed")
        }
        max_ = await stack.sign_in_as(None, "Max")
        me = await stack.me(max_)
        ids = {name: await user_id_of(max_, person) for name, person in people.items()}
        assert await listed(max_) == []
        await invite(max_, *ids.values())
        await stack.sign_in(people["joined"])
        assert (await max_.delete(f"/team/{ids['withdrawn']}/invitation")).status_code == 204
        await invite(max_, ids["replaced"])
        for name in ("expired", "renewed"):
            await execute(
                stack,
                "UPDATE invitations SET expires_at = now() WHERE user_id = :id",
                id=ids[name],
            )
        (renewed,) = await invite(max_, ids["renewed"])
        assert renewed["invitation"]["replaces"] is False
        stack.emulator.deactivate_user(people["left"])
        await stack.deliver()
        found = {name: await status_of(max_, user_id) for name, user_id in ids.items()}
        assert found == {
            "open": ["open"],
            "joined": ["joined"],
            "withdrawn": ["withdrawn"],
            "replaced": ["open", "replaced"],
            "expired": ["expired"],
            "left": ["left"],
            "renewed": ["open", "expired"],
        }
        everything = await listed(max_)
        for status in ("open", "joined", "withdrawn", "replaced", "expired", "left"):
            wanted = [item for item in everything if item["status"] == status]
            assert wanted
            assert await listed(max_, status=status) == wanted
        for item in everything:
            assert item["invited_by"] == {"id": me["id"], "name": me["name"]}
            assert (item["ended_at"] is None) == (item["status"] == "open")
            assert item["mail"] is None
        (joined,) = await listed(max_, status="joined")
        assert joined["user"] == {
            "id": ids["joined"],
            "name": joined["user"]["name"],
            "email": people["joined"].email,
        }

    async def test_back_again_an_ended_one_stays_ended(self, stack: Stack) -> None:
        ian = stack.person("Ian")
        max_ = await stack.sign_in_as(None, "Max")
        user_id = await user_id_of(max_, ian)
        await invite(max_, user_id)
        stack.emulator.deactivate_user(ian)
        stack.clock.advance(1)
        back = stack.emulator.reactivate_user(ian)
        await stack.deliver()
        assert await status_of(max_, user_id) == ["left"]
        (again,) = await invite(max_, user_id)
        assert again["invitation"]["replaces"] is False
        assert await status_of(max_, user_id) == ["open", "left"]
        stack.clock.advance(15)
        await stack.sign_in(back)
        assert await status_of(max_, user_id) == ["joined", "left"]

    async def test_pages(self, stack: Stack) -> None:
        for _ in range(5):
            stack.person("Ian")
        max_ = await stack.sign_in_as(None, "Max")
        page = await ask(max_, "/team", status="invitable")
        await invite(max_, *(person["id"] for person in page["items"]))
        whole = await listed(max_)
        for status in (None, "open"):
            params = {"limit": 2} | ({"status": status} if status else {})
            seen: list[dict[str, Any]] = []
            cursor: dict[str, str] = {}
            while True:
                page = await ask(max_, "/team/invitations", **params, **cursor)
                seen += page["items"]
                if page["next_cursor"] is None:
                    break
                assert len(page["items"]) == 2
                cursor = {"cursor": page["next_cursor"]}
            assert seen == whole

    async def test_invariant_9_of_one_organization(self, stack: Stack) -> None:
        ian = stack.person("Ian")
        max_ = await stack.sign_in_as(None, "Max")
        await invite(max_, await user_id_of(max_, ian))
        eve = await Stack(stack.app, stack.emulator, stack.clock).sign_in_as("Admins", "Eve")
        assert await listed(eve) == await listed(eve, status="open") == []

    @pytest.mark.parametrize(
        ("params", "field"), [({"status": "gone"}, "status"), ({"cursor": "x"}, "cursor")]
    )
    async def test_filters_that_cannot_be_used(
        self, stack: Stack, params: dict[str, str], field: str
    ) -> None:
        max_ = await stack.sign_in_as(None, "Max")
        answer = await max_.get("/team/invitations", params=params)
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_one_that_the_version_before_has_ended(stack: Stack) -> None:
    """It writes no way of ending: that is not shown as anything that it was not."""
    ian: User = stack.person(f"Ian{uuid4().hex[:4]}")
    max_ = await stack.sign_in_as(None, "Max")
    user_id = await user_id_of(max_, ian)
    await invite(max_, user_id)
    await execute(stack, "UPDATE invitations SET closed_at = now() WHERE user_id = :id", id=user_id)
    assert await status_of(max_, user_id) == ["withdrawn"]
    assert await listed(max_, status="open") == []
