"""The team and its invitations: an invitation grants nothing, and one person can use it up."""

import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import text

from emulator.testing import User
from tests.stack import ORIGIN, Stack, new_event, user_data

PROBLEM = "application/problem+json"


async def people(browser: httpx.AsyncClient, **params: Any) -> dict[str, Any]:
    """The team by first name."""
    answer = await browser.get("/team", params=params)
    assert answer.status_code == 200, answer.text
    return {person["name"].split()[0]: person for person in answer.json()["items"]}


async def find(browser: httpx.AsyncClient, person: User) -> Any:
    ((_, found),) = (await people(browser, q=person.email)).items()
    return found


async def invite(browser: httpx.AsyncClient, person: User) -> str:
    """The path of a new link for this person."""
    member = await find(browser, person)
    answer = await browser.post(f"/team/{member['id']}/invitation")
    assert answer.status_code == 201, answer.text
    url: str = answer.json()["url"]
    assert url.startswith(f"{ORIGIN}/invitations/")
    return url.removeprefix(ORIGIN)


async def follow(browser: httpx.AsyncClient, link: str) -> str:
    answer = await browser.get(link)
    assert answer.status_code == 302, answer.text
    return str(answer.headers["location"])


INVALID = "/?error=invitation_invalid"


async def test_statuses(stack: Stack) -> None:
    kim, ian, lea = stack.person("Kim"), stack.person("Ian"), stack.person("Lea")
    max_ = await stack.sign_in_as(None, "Max")
    await invite(max_, ian)
    stack.emulator.deactivate_user(lea)
    await stack.deliver()
    everyone = await people(max_)
    expected = {"Kim": "invitable", "Ian": "invited", "Lea": "deactivated", "Max": "joined"}
    assert {name: person["status"] for name, person in everyone.items()} == expected
    for name, status in expected.items():
        assert set(await people(max_, status=status)) == {name}
    assert everyone["Kim"]["email"] == kim.email
    assert everyone["Lea"]["roles"] == []
    assert everyone["Max"]["roles"] == ["member"]


async def test_profile_groups_and_roles(stack: Stack) -> None:
    attributes = {"job_title": "Engineer", "department": "R&D"}
    kim = stack.person("Kim", custom_attributes=attributes)
    stack.group("Zebras", kim)
    stack.group("Admins", kim)
    stack.group("Empty")
    max_ = await stack.sign_in_as(None, "Max")
    found = await find(max_, kim)
    assert (found["job_title"], found["department"]) == ("Engineer", "R&D")
    assert found["groups"] == ["Admins", "Zebras"]
    assert found["roles"] == ["member", "admin"]
    assert set(await people(max_, group="Zebras")) == {"Kim"}
    assert await people(max_, group="zebras") == {}
    assert await people(max_, group="Empty") == {}


async def test_a_person_is_shown_alike_by_whatever_list(stack: Stack) -> None:
    """That of everybody is written by PostgreSQL. Roles of a newer version are not shown."""
    odd = 'K"i\\m\n\t\u2028\x7f</b>\U0001f600'
    kim = stack.person(
        odd, last_name="Lee", email="k@acme.example", custom_attributes={"job_title": odd}
    )
    stack.group("Writers", kim)
    stack.group(odd, kim)
    stack.group("Authors", kim)
    max_ = await stack.sign_in_as(None, "Max")
    async with stack.database.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO role_mappings (organization_id, group_id, role, source) "
                "SELECT organization_id, id, 'a_newer_one', 'admin' FROM directory_groups "
                "WHERE organization_id = :id"
            ),
            {"id": stack.organization.id},
        )
    items = (await max_.get("/team")).json()["items"]
    first, second = items
    assert (first["name"], first["job_title"]) == (f"{odd} Lee", odd)
    assert first["groups"] == ["Authors", odd, "Writers"]
    assert (first["roles"], second["roles"]) == (["member", "author"], ["member"])
    for params in ({"q": kim.email}, {"group": "Writers"}, {"status": "invitable"}):
        assert (await max_.get("/team", params=params)).json()["items"] == [first]
    assert (await max_.get("/team", params={"status": "joined"})).json()["items"] == [second]
    by_one = (await max_.get("/team", params={"limit": 1})).json()
    rest = await max_.get("/team", params={"cursor": by_one["next_cursor"]})
    assert (by_one["items"], rest.json()["items"]) == ([first], [second])


@pytest.mark.parametrize("name", ["x" * 500, " Sales ", "Sa\0les"])
async def test_every_group_that_is_shown_can_be_asked_for(stack: Stack, name: str) -> None:
    max_ = await stack.sign_in_as(None, "Max")
    person = user_data(stack, first_name="Kim")
    group = {**person, "object": "directory_group", "id": f"group_{person['id']}", "name": name}
    added = {"directory_id": stack.directory.id, "user": person, "group": group}
    assert await stack.post_event(new_event("dsync.group.user_added", added)) == "applied"
    (shown,) = (await people(max_))["Kim"]["groups"]
    assert set(await people(max_, group=shown)) == {"Kim"}


async def test_what_the_team_can_be_filtered_by_is_named(stack: Stack) -> None:
    departments = ["Éngineering", "Sales", "sales", ""]
    kims = [
        stack.person(f"Kim{at}", custom_attributes={"department": department})
        for at, department in enumerate(departments)
    ]
    for name in ("Zebras", "Ants"):
        stack.group(name, kims[0])
    stack.group("Empty")
    max_ = await stack.sign_in_as(None, "Max")

    async def names(of: str, **params: str) -> list[str]:
        answer = await max_.get(f"/team/{of}", params=params)
        assert answer.status_code == 200, answer.text
        assert answer.json()["more"] is False
        items: list[str] = answer.json()["items"]
        return items

    assert await names("groups") == ["Ants", "Zebras"]
    assert await names("groups", q="zEB") == ["Zebras"]
    engineering, sales = await names("departments")
    assert (engineering, sales.lower()) == ("Éngineering", "sales")
    assert await names("departments", q="ENG") == ["Éngineering"]
    assert await names("departments", q="nobody") == []
    assert set(await people(max_, department=sales)) == {"Kim1", "Kim2"}
    assert set(await people(max_, department="engineering", group="Ants")) == {"Kim0"}
    assert await people(max_, department="Sale") == {}


async def test_search(stack: Stack) -> None:
    stack.person("Ümit", last_name="O'Neil", email="u_1%@acme.example")
    stack.person("Zed", last_name="Xu", email="zed@acme.example")
    max_ = await stack.sign_in_as(None, "Max")
    for query in ("ümit", "ÜMIT", "o'neil", "U_1%", "1%@", " ümit "):
        assert set(await people(max_, q=query)) == {"Ümit"}, query
    for query in ("nobody", "\\", "__", "%%", "\0"):
        assert await people(max_, q=query) == {}, query
    assert set(await people(max_, q="")) == {"Max", "Zed", "Ümit"}
    assert set(await people(max_, q="acme.example", status="joined")) == {"Max"}


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"status": "gone"}, "status"),
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"cursor": "x"}, "cursor"),
        ({"q": "x" * 201}, "q"),
        ({"group": "x" * 501}, "group"),
    ],
)
async def test_filters_that_cannot_be_used(
    stack: Stack, params: dict[str, Any], field: str
) -> None:
    max_ = await stack.sign_in_as(None, "Max")
    answer = await max_.get("/team", params=params)
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
async def test_pages_by_name(stack: Stack, limit: int) -> None:
    """Namesakes and capitals too: the pages are the whole, in order, without repeats."""
    for name in ("bea", "Abe", "Bea", "Bea", "cy"):
        stack.person(name, last_name="Lee")
    max_ = await stack.sign_in_as(None, "Max")
    seen: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await max_.get("/team", params={"limit": limit, **cursor})).json()
        assert 0 < len(page["items"]) <= limit
        seen += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    names = [person["name"].split()[0].lower() for person in seen]
    assert names == ["abe", "bea", "bea", "bea", "cy", "max"]
    assert len({person["id"] for person in seen}) == 6


async def test_one_row_per_user(stack: Stack) -> None:
    """Somebody in two directories, or back under a new id, is one person."""
    ann = stack.person("Ann")
    second = stack.emulator.create_directory(stack.organization.id, "Second")
    also = user_data(stack, directory_id=second.id, idp_id=ann.idp_id, first_name="Ann")
    await stack.post_event(new_event("dsync.user.created", also))
    max_ = await stack.sign_in_as(None, "Max")
    stack.emulator.deactivate_user(ann)
    stack.emulator.reactivate_user(ann)
    await stack.deliver()
    items = (await max_.get("/team")).json()["items"]
    assert [person["status"] for person in items] == ["invitable", "joined"]


async def test_who_cannot_be_invited(stack: Stack) -> None:
    lea = stack.person("Lea")
    max_ = await stack.sign_in_as(None, "Max")
    stack.emulator.deactivate_user(lea)
    await stack.deliver()
    everyone = await people(max_)
    for name in ("Lea", "Max"):
        answer = await max_.post(f"/team/{everyone[name]['id']}/invitation")
        assert (answer.status_code, answer.json()["code"]) == (409, "not_invitable")
    for unknown in ("x", "01920000-0000-7000-8000-000000000000"):
        for method in ("POST", "DELETE"):
            answer = await max_.request(method, f"/team/{unknown}/invitation")
            assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)


class TestTheLink:
    async def test_leads_through_the_sign_in_and_is_used_up(self, stack: Stack) -> None:
        ian = stack.person("Ian")
        max_ = await stack.sign_in_as(None, "Max")
        link = await invite(max_, ian)
        # Looking (a mail scanner does) does not use it up.
        location = await follow(stack.browser(), link)
        sent = parse_qs(urlsplit(location).query)
        assert sent["login_hint"] == [ian.email]
        assert sent["organization"] == [stack.organization.id]
        browser = stack.browser()
        code = stack.emulator.sso_code(ian, stack.organization.id)
        location = await stack.finish_sign_in(browser, code, link)
        assert location.startswith("/dashboard/welcome?")
        assert (await find(max_, ian))["status"] == "joined"
        assert await follow(stack.browser(), link) == INVALID

    async def test_whoever_has_joined_by_it_learns_who_invited_them(self, stack: Stack) -> None:
        ian, browser = stack.person("Ian"), stack.browser()
        max_, ann = await stack.sign_in_as(None, "Max"), await stack.sign_in_as(None, "Ann")
        await invite(ann, ian)
        link = await invite(max_, ian)
        code = stack.emulator.sso_code(ian, stack.organization.id)
        led_to = urlsplit(await stack.finish_sign_in(browser, code, link))
        assert led_to.path == "/dashboard/welcome"
        accepted = f"/me/invitations/{parse_qs(led_to.query)['invitation'][0]}"
        found = (await browser.get(accepted)).json()
        inviter = await stack.me(max_)
        assert found["invited_by"] == {"id": inviter["id"], "name": inviter["name"]}
        assert found["created_at"] <= found["joined_at"]
        # Not even whoever invited them is told so here.
        for anybody_else in (max_, ann):
            answer = await anybody_else.get(accepted)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")

    async def test_grants_nothing(self, stack: Stack) -> None:
        ian = stack.person("Ian")
        link = await invite(await stack.sign_in_as(None, "Max"), ian)
        browser = stack.browser()
        await follow(browser, link)
        assert (await browser.get("/me")).status_code == 401

    async def test_another_person_does_not_use_it_up(self, stack: Stack) -> None:
        ian, eve = stack.person("Ian"), stack.person("Eve")
        max_ = await stack.sign_in_as(None, "Max")
        link = await invite(max_, ian)
        browser = stack.browser()
        code = stack.emulator.sso_code(eve, stack.organization.id)
        location = await stack.finish_sign_in(browser, code, link)
        assert location == "/?error=invitation_other_person"
        assert (await browser.get("/me")).json()["name"].startswith("Eve")
        assert (await find(max_, ian))["status"] == "invited"
        code = stack.emulator.sso_code(ian, stack.organization.id)
        location = await stack.finish_sign_in(stack.browser(), code, link)
        assert location.startswith("/dashboard/welcome?")

    async def test_joining_without_it_ends_it(self, stack: Stack) -> None:
        ian = stack.person("Ian")
        link = await invite(await stack.sign_in_as(None, "Max"), ian)
        await stack.sign_in(ian)
        assert await follow(stack.browser(), link) == INVALID

    async def test_replaced_and_withdrawn(self, stack: Stack) -> None:
        ian = stack.person("Ian")
        max_ = await stack.sign_in_as(None, "Max")
        first = await invite(max_, ian)
        second = await invite(max_, ian)
        assert await follow(stack.browser(), first) == INVALID
        assert (await follow(stack.browser(), second)).startswith("http://emulator.localhost/")
        user_id = (await find(max_, ian))["id"]
        assert (await max_.delete(f"/team/{user_id}/invitation")).status_code == 204
        assert await follow(stack.browser(), second) == INVALID
        assert (await find(max_, ian))["status"] == "invitable"
        assert (await max_.delete(f"/team/{user_id}/invitation")).status_code == 404

    async def test_a_withdrawal_is_taken_back(self, stack: Stack) -> None:
        """For a minute, and where nothing else has come of it meanwhile."""
        ian = stack.person("Ian")
        max_ = await stack.sign_in_as(None, "Max")
        link = await invite(max_, ian)
        path = f"/team/{(await find(max_, ian))['id']}/invitation"
        assert (await max_.post(f"{path}/restore")).status_code == 404
        await max_.delete(path)
        assert (await max_.post(f"{path}/restore")).status_code == 204
        assert (await find(max_, ian))["status"] == "invited"
        assert (await follow(stack.browser(), link)).startswith("http://emulator.localhost/")
        assert (await max_.post(f"{path}/restore")).status_code == 404

        await max_.delete(path)
        await invite(max_, ian)
        answer = await max_.post(f"{path}/restore")
        assert (answer.status_code, answer.json()["code"]) == (409, "not_invitable")
        assert await follow(stack.browser(), link) == INVALID

        await max_.delete(path)
        async with stack.database.transaction() as session:
            await session.execute(
                text(
                    "UPDATE invitations SET closed_at = now() - interval '61 seconds'"
                    " WHERE organization_id = :id"
                ),
                {"id": stack.organization.id},
            )
        answer = await max_.post(f"{path}/restore")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")

        await invite(max_, ian)
        await max_.delete(path)
        await stack.sign_in(ian)
        assert (await max_.post(f"{path}/restore")).json()["code"] == "not_invitable"

    async def test_a_withdrawal_is_not_taken_back_of_a_guest_who_has_left(
        self, stack: Stack
    ) -> None:
        """Nor of anybody else who may not enter."""
        adam = await stack.sign_in_as("Admins", "Adam")
        until = (datetime.now(UTC) + timedelta(days=7)).isoformat()
        guest = {"name": "Gus", "email": "gus@partner.example", "reason": "r", "until": until}
        guest_id = (await adam.post("/people/guests", json=guest)).json()["id"]
        path = f"/team/{guest_id}/invitation"
        assert (await adam.delete(path)).status_code == 204
        assert (await adam.delete(f"/people/guests/{guest_id}")).status_code == 204
        answer = await adam.post(f"{path}/restore")
        assert (answer.status_code, answer.json()["code"]) == (409, "not_invitable")

    async def test_expired(self, stack: Stack) -> None:
        ian = stack.person("Ian")
        max_ = await stack.sign_in_as(None, "Max")
        link = await invite(max_, ian)
        async with stack.database.transaction() as session:
            await session.execute(
                text("UPDATE invitations SET expires_at = now() WHERE organization_id = :id"),
                {"id": stack.organization.id},
            )
        assert await follow(stack.browser(), link) == INVALID
        assert (await find(max_, ian))["status"] == "invitable"
        # A new one can be made all the same.
        assert (await follow(stack.browser(), await invite(max_, ian))).startswith("http://")

    async def test_of_someone_deactivated_since(self, stack: Stack) -> None:
        ian = stack.person("Ian")
        max_ = await stack.sign_in_as(None, "Max")
        link = await invite(max_, ian)
        stack.emulator.deactivate_user(ian)
        await stack.deliver()
        assert (await find(max_, ian))["status"] == "deactivated"
        assert await follow(stack.browser(), link) == INVALID

    @pytest.mark.parametrize("token", ["x", "%00", "%ff", "x" * 5000, "a.b"])
    async def test_that_nobody_made(self, stack: Stack, token: str) -> None:
        assert await follow(stack.browser(), f"/invitations/{token}") == INVALID

    async def test_only_a_hash_is_stored(self, stack: Stack) -> None:
        ian = stack.person("Ian")
        link = await invite(await stack.sign_in_as(None, "Max"), ian)
        async with stack.database.connect() as session:
            rows = await session.execute(
                text("SELECT * FROM invitations WHERE organization_id = :id"),
                {"id": stack.organization.id},
            )
            (row,) = rows.all()
        assert link.rsplit("/", 1)[1] not in repr(row)


async def test_search_finds_every_spelling(stack: Stack) -> None:
    spelt = {
        "Zoë": "zoe@acme.example",
        unicodedata.normalize("NFD", "Åsa"): "asa@acme.example",
        "İlker": "ilker@acme.example",
        "ΟΔΥΣΣΕΥΣ": "odysseus@acme.example",
        "Łukasz": "lukasz@acme.example",
        "Æsa": "aesir@acme.example",
        "Юлия": "yulia@acme.example",
        "Weiß": "weiss@acme.example",
        "O\u2019Brien": "obrien@acme.example",
    }
    for name, email in spelt.items():
        stack.person(name, last_name="Lee", email=f"q.{email}")
    max_ = await stack.sign_in_as(None, "Max")
    for name, email in spelt.items():
        for form in ("NFC", "NFD"):
            typed = unicodedata.normalize(form, name)
            # Of İ, Python's lower() is two characters.
            for query in (typed, typed.upper(), typed.lower(), typed.casefold()):
                found = [each["email"] for each in (await people(max_, q=query)).values()]
                assert found == [f"q.{email}"], (query, found)
    assert [each["email"] for each in (await people(max_, q="ilker Lee")).values()]
    assert await people(max_, q="Lee q.asa") == {}
    assert [each["email"] for each in (await people(max_, q="O'Brien")).values()]
    assert await people(max_, q="q_asa") == await people(max_, q="q%asa") == {}


async def test_names_are_sorted_as_people_expect(stack: Stack) -> None:
    wanted = ["Ann", "anna", "Åsa", "Émile", "Eve", "İlker", "Ivan", "Łukasz", "Øyvind", "Zed"]
    for name in (*wanted[::2], *wanted[1::2]):
        stack.person(unicodedata.normalize("NFD", name), last_name="")
    max_ = await stack.sign_in_as(None, "Zoe")
    shown: list[str] = []
    cursor: str | None = None
    while cursor is not None or not shown:
        params = {"limit": 3} | ({} if cursor is None else {"cursor": cursor})
        page = (await max_.get("/team", params=params)).json()
        shown += [unicodedata.normalize("NFC", each["name"].split()[0]) for each in page["items"]]
        cursor = page["next_cursor"]
    assert shown == [*wanted, "Zoe"]


async def test_a_group_is_found_in_either_spelling(stack: Stack) -> None:
    kim = stack.person("Kim")
    for name in ("Zeta", "émile", "Eve", unicodedata.normalize("NFD", "Åland")):
        stack.emulator.add_member(stack.emulator.create_group(stack.directory.id, name), kim)
    max_ = await stack.sign_in_as(None, "Max")
    for form in ("NFC", "NFD"):
        assert set(await people(max_, group=unicodedata.normalize(form, "Åland"))) == {"Kim"}
    (shown,) = (await people(max_, group="Eve")).values()
    assert [unicodedata.normalize("NFC", name) for name in shown["groups"]] == [
        "Åland", "émile", "Eve", "Zeta",
    ]  # fmt: skip
