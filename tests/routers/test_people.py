"""`/people`: everyone of the organization, as admins see and change it."""

from typing import Any

import httpx
import pytest

from backend.services.people import listing
from tests.directory_api import ask, execute, user_id_of
from tests.stack import Stack, running_stack

POST = {"title": "t", "content": "c"}


async def names(admin: httpx.AsyncClient, **filters: Any) -> list[str]:
    page = await ask(admin, "/people", **filters)
    return [person["name"].split()[0] for person in page["items"]]


async def found(admin: httpx.AsyncClient, **filters: Any) -> dict[str, Any]:
    (one,) = (await ask(admin, "/people", **filters))["items"]
    person: dict[str, Any] = one
    return person


async def change(admin: httpx.AsyncClient, path: str, **body: Any) -> None:
    answer = await admin.post(path, json=body)
    assert answer.status_code == 204, answer.text


@pytest.fixture
async def company(stack: Stack) -> dict[str, Any]:
    """Adam administers, Ann writes, Ian has been invited, Kim has left, Óscar was blocked."""
    people = {
        name: stack.person(name, custom_attributes={"department": department})
        for name, department in [
            ("Ian", "Sales"), ("Kim", "Sales"), ("Óscar", "Éngineering"), ("Zoe", ""),
        ]
    }  # fmt: skip
    stack.group("Designers", people["Ian"])
    browsers = {
        "Adam": await stack.sign_in_as("Admins", "Adam"),
        "Ann": await stack.sign_in_as("Authors", "Ann"),
    }
    adam = browsers["Adam"]
    invited = await adam.post(f"/team/{await user_id_of(adam, people['Ian'])}/invitation")
    assert invited.status_code == 201
    blocked = await user_id_of(adam, people["Óscar"])
    await change(adam, f"/people/{blocked}/block", reason="Laptop stolen.")
    stack.emulator.deactivate_user(people["Kim"])
    await stack.deliver()
    return people | browsers


async def test_everyone_is_listed_with_what_they_may_and_hold(company: dict[str, Any]) -> None:
    adam = company["Adam"]
    await company["Ann"].post("/posts", json=POST)
    assert await names(adam) == ["Adam", "Ann", "Ian", "Kim", "Óscar", "Zoe"]
    ann = await found(adam, q="ann")
    assert ann["email"].startswith("ann")
    told = {
        "status": "joined", "highest_role": "author", "roles": ["member", "author"],
        "groups": ["Authors"], "sessions": 1, "posts": 1, "admission": None,
    }  # fmt: skip
    assert told.items() <= ann.items()
    assert ann["joined_at"]
    kim = await found(adam, status="deactivated")
    assert (kim["highest_role"], kim["roles"], kim["sessions"]) == (None, [], 0)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"status": "joined"}, ["Adam", "Ann"]),
        ({"status": "invited"}, ["Ian"]),
        ({"status": "invitable"}, ["Zoe"]),
        ({"status": "deactivated"}, ["Kim"]),
        ({"status": "blocked"}, ["Óscar"]),
        ({"role": "admin"}, ["Adam"]),
        ({"role": "author"}, ["Ann"]),
        ({"role": "member"}, ["Adam", "Ann", "Ian", "Zoe"]),
        ({"group": "Designers"}, ["Ian"]),
        ({"department": "engineering"}, ["Óscar"]),
        ({"department": "Sales"}, ["Ian", "Kim"]),
        ({"department": "Sales", "status": "invited"}, ["Ian"]),
        ({"q": "oscar"}, ["Óscar"]),
        ({"owns_posts": True}, []),
        ({"kind": "guest"}, []),
        ({"kind": "service"}, []),
        ({"sort": "department"}, ["Óscar", "Ian", "Kim", "Adam", "Ann", "Zoe"]),
        ({"sort": "name"}, ["Adam", "Ann", "Ian", "Kim", "Óscar", "Zoe"]),
    ],
)
async def test_whom_a_filter_leaves_and_how_they_are_sorted(
    company: dict[str, Any], filters: dict[str, Any], expected: list[str]
) -> None:
    assert await names(company["Adam"], **filters) == expected


async def test_sorted_by_the_day_they_were_last_seen(stack: Stack, company: dict[str, Any]) -> None:
    await execute(
        stack,
        "UPDATE users SET last_seen_at = now() - CASE left(name, 3) WHEN 'Ann' THEN interval '3 d'"
        " ELSE interval '1 d' END WHERE organization_id = :here AND left(name, 3) IN ('Ann', 'Kim',"
        " 'Ian')",
        here=stack.organization.id,
    )
    expected = ["Ian", "Kim", "Ann", "Adam", "Óscar", "Zoe"]
    assert await names(company["Adam"], sort="last_seen") == expected


@pytest.mark.parametrize("sort", ["name", "department", "last_seen"])
async def test_pages_of_every_sort_make_the_whole(company: dict[str, Any], sort: str) -> None:
    adam = company["Adam"]
    whole = await names(adam, sort=sort)
    found, cursor = [], None
    while True:
        more: dict[str, str] = {"cursor": cursor} if cursor else {}
        page = await ask(adam, "/people", sort=sort, limit=1, **more)
        found += [person["name"].split()[0] for person in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == whole


async def test_a_cursor_of_another_sort_is_422(company: dict[str, Any]) -> None:
    page = await ask(company["Adam"], "/people", limit=1)
    for cursor in (page["next_cursor"], "x", "W10"):
        answer = await company["Adam"].get(
            "/people", params={"sort": "last_seen", "cursor": cursor}
        )
        assert answer.status_code == 422
        assert "cursor" in answer.text


async def test_how_many_there_are_of_each(company: dict[str, Any]) -> None:
    counts = await ask(company["Adam"], "/people/counts")
    assert counts["everyone"] == 6
    assert counts["by_status"] == {
        "blocked": 1, "deactivated": 1, "joined": 2, "invited": 1, "invitable": 1,
    }  # fmt: skip
    assert counts["complete"] is True


async def test_no_more_are_counted_than_a_bound(
    company: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MOST_COUNTED", 3)
    counts = await ask(company["Adam"], "/people/counts")
    assert (counts["everyone"], counts["complete"]) == (4, False)


async def test_all_of_one_person(company: dict[str, Any]) -> None:
    adam = company["Adam"]
    await company["Ann"].post("/posts", json=POST)
    listed = await found(adam, q="ann")
    ann = await ask(adam, f"/people/{listed['id']}")
    assert listed.items() <= ann.items()
    assert ann["sentence"] == (
        f"“Acme Okta” has {listed['name']} as active. The group “Authors” gives author."
    )
    assert [(source["role"], source["by"], source["group"]) for source in ann["role_sources"]] == [
        ("member", "everyone", None),
        ("author", "group", "Authors"),
    ]
    assert ann["ids"]["directory_user_ids"] == [ann["access"]["directory_users"][0]["id"]]
    assert [identity["matched_by"] for identity in ann["ids"]["identities"]] == ["idp_id"]
    assert ann["tokens"] == 0
    ian = await ask(adam, f"/people/{(await found(adam, status='invited'))['id']}")
    assert ian["invitation"]["invited_by"]["name"].startswith("Adam")


async def test_invariant_9_nobody_of_another_organization(
    stack: Stack, company: dict[str, Any]
) -> None:
    async with running_stack(stack.database) as others:
        await _nothing_of_others(company, await others.sign_in_as("Admins", "Eve"))


async def _nothing_of_others(company: dict[str, Any], eve: httpx.AsyncClient) -> None:
    adam = company["Adam"]
    ann = (await found(adam, q="ann"))["id"]
    eves = (await found(eve, q="eve"))["id"]
    assert len((await ask(eve, "/people"))["items"]) == 1
    for method, path, body in [
        ("GET", f"/people/{ann}", None),
        ("GET", f"/people/{ann}/access", None),
        ("GET", f"/people/{ann}/access?as_of=2026-01-01T00:00:00Z", None),
        ("POST", f"/people/{ann}/block", {"reason": "x"}),
        ("POST", f"/people/{ann}/unblock", None),
        ("POST", f"/people/{ann}/sign-out", None),
        ("POST", f"/people/{ann}/hand-over", {"to": eves}),
        ("POST", f"/people/{eves}/hand-over", {"to": ann}),
        ("PATCH", f"/people/guests/{ann}", {"reason": "x"}),
        ("DELETE", f"/people/guests/{ann}", None),
        ("PUT", "/organization/break-glass", {"user_id": ann}),
    ]:
        answer = await eve.request(method, path, json=body)
        assert answer.status_code == 404, (method, path, answer.text)
    assert (await company["Ann"].get("/me")).status_code == 200


async def test_members_are_refused(company: dict[str, Any]) -> None:
    answer = await company["Ann"].get("/people")
    assert (answer.status_code, answer.json()["code"]) == (403, "role_missing")
