"""`/audit`: what was done, by whom or by what; as a list and as a file."""

import csv
import io
import json
from typing import Any
from uuid import uuid4

import httpx
import pytest

from backend.embedded_postgres import SERVING
from backend.errors import NotSignedIn
from backend.http.guards import session_cookie_name, session_signer
from backend.schemas.audit_log import AuditFilters, ExportFormat
from backend.services.audit_log import export
from backend.services.sessions import Claim, Token, find_actor
from tests.directory_api import ask, user_id_of
from tests.owner import execute_as_owner
from tests.reconciling import reconcile
from tests.stack import ORIGIN, Stack

POST = {"title": "Stand-up", "content": "We ship."}
FORGED = {"WorkOS-Signature": "t=1, v1=00", "Content-Type": "application/json"}


async def entries(browser: httpx.AsyncClient, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await ask(browser, "/audit", limit=100, **params))["items"]
    return found


async def told(browser: httpx.AsyncClient, **params: Any) -> list[str]:
    return [entry["sentence"] for entry in await entries(browser, **params)]


def actions(found: list[dict[str, Any]]) -> list[str]:
    return [entry["action"] for entry in found]


async def name_of(browser: httpx.AsyncClient, stack: Stack) -> str:
    name: str = (await stack.me(browser))["name"]
    return name


async def test_posts_are_in_it_with_who_wrote_and_who_deleted_them(stack: Stack) -> None:
    adam, ann = await stack.sign_in_as("Admins", "Adam"), await stack.sign_in_as("Authors")
    adams, anns = await name_of(adam, stack), await name_of(ann, stack)
    post = (await ann.post("/posts", json=POST)).json()
    (written,) = await entries(adam, subject=post["id"])
    assert written["sentence"] == f"{anns} wrote the post “Stand-up”."
    await ann.patch(f"/posts/{post['id']}", json={"title": "Done"})
    await adam.delete(f"/posts/{post['id']}")
    found = await entries(adam, subject=post["id"])
    assert actions(found) == ["post.deleted", "post.edited", "post.created"]
    assert found[0]["sentence"] == f"{adams} deleted the post “Done”."
    assert found[1]["detail"]["title"] == "Stand-up"
    assert found[0]["actor"]["name"] == adams
    assert found[0]["subject"]["kind"] == "post"


async def test_an_entry_has_an_address_in_its_organization_alone(stack: Stack) -> None:
    adam = await stack.sign_in_as("Admins", "Adam")
    entry, *_ = await entries(adam)
    assert await ask(adam, f"/audit/{entry['id']}") == entry
    other = Stack(stack.app, stack.emulator, stack.clock)
    eve = await other.sign_in_as("Admins", "Eve")
    for browser, of in ((eve, entry["id"]), (adam, adam.base_url.host), (adam, str(uuid4()))):
        assert (await browser.get(f"/audit/{of}")).status_code == 404


async def test_signing_in_and_out_and_being_refused(stack: Stack) -> None:
    adam, ann = await stack.sign_in_as("Admins", "Adam"), await stack.sign_in_as("Authors")
    me = await stack.me(ann)
    assert (await ann.post("/auth/logout")).status_code == 204
    found = await entries(adam, actor=me["id"])
    assert [entry["sentence"] for entry in found] == [
        f"{me['name']} signed out.", f"{me['name']} signed in.",
    ]  # fmt: skip
    assert await stack.refused("eve@acme.example", first_name="Eve", last_name="Fox")
    (refused,) = await entries(adam, action="sign_in.refused")
    assert refused["detail"]["email"] == "eve@acme.example"
    assert refused["detail"]["reason"] == "not_in_directory"
    assert refused["sentence"] == "Eve Fox was refused at the sign-in: not in directory."
    assert refused["subject"]["kind"] == "person"


async def test_signing_out_twice_is_noted_once(stack: Stack) -> None:
    adam, ann = await stack.sign_in_as("Admins", "Adam"), await stack.sign_in_as("Authors")
    cookies = dict(ann.cookies)
    for _ in range(2):
        ann.cookies.update(cookies)
        assert (await ann.post("/auth/logout")).status_code == 204
    assert len(await entries(adam, action="session.ended")) == 1


async def test_a_refusal_is_of_the_user_where_there_is_one(stack: Stack) -> None:
    adam, ann = await stack.sign_in_as("Admins", "Adam"), stack.person("Ann")
    await stack.deliver()
    user_id = await user_id_of(adam, ann)
    stack.emulator.deactivate_user(ann)
    await stack.deliver()
    assert await stack.refused(ann) == "deactivated"
    newest, *_ = await entries(adam, subject=user_id)
    assert (newest["action"], newest["detail"]["reason"]) == ("sign_in.refused", "deactivated")


async def test_what_anybody_can_make_up_is_no_entry(stack: Stack) -> None:
    adam = await stack.sign_in_as("Admins", "Adam")
    browser = stack.browser()
    await browser.get("/auth/callback", params={"error": "access_denied"})
    await browser.get("/auth/callback", params={"code": "made-up", "state": "made-up"})
    await stack.finish_sign_in(browser, "made-up")
    assert await entries(adam, action="sign_in.refused") == []


async def test_invariant_9_a_refusal_names_nobody_of_another_organization(stack: Stack) -> None:
    adam = await stack.sign_in_as("Admins", "Adam")
    other = Stack(stack.app, stack.emulator, stack.clock)
    eve = other.person("Eve")
    code = stack.emulator.sso_code(eve, other.organization.id)
    location = await stack.finish_sign_in(stack.browser(), code)
    assert location == "/?error=wrong_organization"
    (refused,) = await entries(adam, action="sign_in.refused")
    assert refused["detail"] == {"reason": "wrong_organization"}
    assert refused["subject"]["id"] is None


async def test_an_invitation_from_its_beginning_to_its_end(stack: Stack) -> None:
    ian, kim = stack.person("Ian"), stack.person("Kim")
    adam = await stack.sign_in_as("Admins", "Adam")
    adams = await name_of(adam, stack)
    ians, kims = [await user_id_of(adam, person) for person in (ian, kim)]
    link = (await adam.post(f"/team/{ians}/invitation")).json()["url"].removeprefix(ORIGIN)
    await adam.post(f"/team/{kims}/invitation")
    await adam.delete(f"/team/{kims}/invitation")
    code = stack.emulator.sso_code(ian, stack.organization.id)
    await stack.finish_sign_in(stack.browser(), code, link)
    names = {entry["subject"]["id"]: entry["subject"]["name"] for entry in await entries(adam)}
    assert (await told(adam, subject=ians))[:3] == [
        f"{names[ians]} was invited, and has signed in.",
        f"{names[ians]} signed in.",
        f"{adams} invited {names[ians]}.",
    ]
    assert (await told(adam, subject=kims))[:2] == [
        f"{adams} withdrew the invitation of {names[kims]}.",
        f"{adams} invited {names[kims]}.",
    ]


async def test_reconciliations_asked_for_held_confirmed_and_cancelled(stack: Stack) -> None:
    adam = await stack.sign_in_as("Admins", "Adam")
    adams = await name_of(adam, stack)
    path = "/directory/reconciliations"
    queued = (await adam.post(path)).json()["id"]
    assert (await adam.post(path)).json()["id"] == queued  # asked again, it is the same one
    assert (await adam.post(f"{path}/{queued}/cancel")).status_code == 200
    assert await told(adam, subject=queued) == [
        "A reconciliation ended, cancelled.",
        f"{adams} cancelled a reconciliation.",
        f"{adams} asked for a reconciliation (api).",
    ]
    people = [stack.person("Ann") for _ in range(11)]
    authors = stack.group("Authors", *people)
    await stack.deliver()
    for person in people:
        stack.emulator.remove_member(authors, person)
    stack.skip()
    held = await reconcile(stack)
    assert (await adam.post(f"{path}/{held.id}/confirm")).status_code == 200
    assert actions(await entries(adam, subject=str(held.id))) == [
        "reconciliation.confirmed", "reconciliation.completed", "reconciliation.held",
        "reconciliation.requested",
    ]  # fmt: skip
    lost, *others = await entries(adam, action="reconciliation.access_lost")
    assert len(others) == 10
    assert lost["sentence"] == f"By a reconciliation, {lost['subject']['name']}: Lost author."


async def test_the_organization_becomes_directory_managed_once(stack: Stack) -> None:
    adam = await stack.sign_in_as("Admins", "Adam")
    stack.person("Ann")
    await stack.deliver()
    (managed,) = await entries(adam, action="organization.directory_managed")
    assert managed["subject"] == {
        "kind": "organization", "id": stack.organization.id, "user_id": None,
        "name": managed["subject"]["name"],
    }  # fmt: skip


async def test_what_a_person_is_said_to_be_by_the_directory_is_found_by_their_user(
    stack: Stack,
) -> None:
    kim = stack.person("Kim")
    designers = stack.group("Designers", kim)
    adam = await stack.sign_in_as("Admins", "Adam")
    user_id = await user_id_of(adam, kim)
    stack.emulator.deactivate_user(kim)
    await stack.deliver()
    found = await entries(adam, subject=user_id)
    name = found[0]["subject"]["name"]
    assert [entry["sentence"] for entry in found] == [
        f"{name}: Lost access; the roles were member.",
        f"{name}: Came into the group “Designers”; access unchanged.",
        f"{name}: Became active, with the roles member.",
    ]
    assert {entry["subject"]["user_id"] for entry in found} == {user_id}
    assert found == await entries(adam, subject=kim.id)
    (group,) = await entries(adam, subject=designers.id)
    assert group["sentence"] == "The group “Designers” was described."
    assert group["subject"]["kind"] == "group"


async def test_pages_hang_together_and_filters_are_all_held(stack: Stack) -> None:
    adam = await stack.sign_in_as("Admins", "Adam")
    for _ in range(5):
        await adam.post("/posts", json=POST)
    everything = await entries(adam)
    paged: list[dict[str, Any]] = []
    cursor = None
    while cursor is not None or not paged:
        page = await ask(adam, "/audit", limit=2, **({"cursor": cursor} if cursor else {}))
        paged += page["items"]
        cursor = page["next_cursor"]
    assert paged == everything
    assert [entry["at"] for entry in everything] == sorted(
        (entry["at"] for entry in everything), reverse=True
    )
    me = await stack.me(adam)
    both = await entries(adam, actor=me["id"], action="post.created")
    assert len(both) == 5
    middle = both[2]["at"]
    since = await entries(adam, actor=me["id"], action="post.created", since=middle)
    until = await entries(adam, actor=me["id"], action="post.created", until=middle)
    assert (since, until) == (both[:3], both[3:])


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"actor": "x"}, "actor"), ({"since": "yesterday"}, "since"), ({"limit": 0}, "limit"),
        ({"cursor": "x"}, "cursor"), ({"action": ""}, "action"),
        ({"subject": "x" * 300}, "subject"),
    ],
)  # fmt: skip
async def test_bad_input_names_the_field(stack: Stack, params: dict[str, Any], field: str) -> None:
    adam = await stack.sign_in_as("Admins", "Adam")
    answer = await adam.get("/audit", params=params)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/audit", "/audit/export"])
async def test_it_is_for_admins(stack: Stack, path: str) -> None:
    ann = await stack.sign_in_as("Authors")
    answer = await ann.get(path)
    assert (answer.status_code, answer.json()["code"]) == (403, "role_missing")


async def test_invariant_9_ids_of_another_organization_find_nothing(stack: Stack) -> None:
    adam = await stack.sign_in_as("Admins", "Adam")
    other = Stack(stack.app, stack.emulator, stack.clock)
    eve = await other.sign_in_as("Admins", "Eve")
    post = (await adam.post("/posts", json=POST)).json()
    me = await stack.me(adam)
    for filters in (
        {"actor": me["id"]}, {"subject": me["id"]}, {"subject": post["id"]},
        {"subject": stack.organization.id},
    ):  # fmt: skip
        assert await entries(eve, **filters) == []
        exported = await eve.get("/audit/export", params=filters)
        assert exported.text.count("\n") == 1  # the header alone
    (written,) = await entries(adam, subject=post["id"])
    answer = await eve.get("/audit/export", params={"after": written["id"]})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "after")


class TestExport:
    async def test_json_lines_are_the_list_oldest_first(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        await adam.post("/posts", json=POST)
        answer = await adam.get("/audit/export", params={"format": "jsonl"})
        assert answer.headers["content-type"] == "application/jsonl"
        assert answer.headers["content-disposition"] == 'attachment; filename="audit.jsonl"'
        lines = [json.loads(line) for line in answer.text.splitlines()]
        assert lines[::-1] == await entries(adam)

    async def test_filters_hold_here_too(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        await adam.post("/posts", json=POST)
        params = {"format": "jsonl", "action": "post.created"}
        (line,) = (await adam.get("/audit/export", params=params)).text.splitlines()
        assert json.loads(line)["action"] == "post.created"

    async def test_what_was_cut_off_goes_on(
        self, stack: Stack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("backend.services.audit_log.export.PART", 2)
        adam = await stack.sign_in_as("Admins", "Adam")
        for _ in range(5):
            await adam.post("/posts", json=POST)
        for file_format in ("csv", "jsonl"):
            whole = (await adam.get("/audit/export", params={"format": file_format})).text
            lines = whole.splitlines(keepends=True)
            got = lines[: len(lines) // 2]
            last = got[-1].split(",")[0] if file_format == "csv" else json.loads(got[-1])["id"]
            params = {"format": file_format, "after": last}
            rest = (await adam.get("/audit/export", params=params)).text
            assert "".join(got) + rest == whole

    async def test_no_cell_is_a_formula(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        for title in ("=1+1", "+1", "-1", "@x", "\uff1d1", 'a "b", c', "a;b"):
            await adam.post("/posts", json={"title": title, "content": "c"})
        evil = stack.person("=cmd", last_name="|' /C calc'!A0")
        await stack.deliver()
        await stack.sign_in(evil)
        text = (await adam.get("/audit/export")).text
        rows = list(csv.DictReader(io.StringIO(text)))
        assert len(rows) == len(await entries(adam))
        cells = [cell for row in rows for cell in row.values()]
        assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\uff1d"))] == []
        assert "'=1+1" in cells
        assert "'=cmd |' /C calc'!A0" in cells
        assert 'a "b", c' in cells

    async def test_it_breaks_off_when_the_admin_is_none_any_more(
        self, stack: Stack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Invariant 2: nor does what is under way go on."""
        monkeypatch.setattr("backend.services.audit_log.export.PART", 2)
        adam = stack.person("Adam")
        stack.group("Admins", adam)
        await stack.deliver()
        browser = await stack.sign_in(adam)
        settings = stack.app.state.settings
        cookie = browser.cookies[session_cookie_name(settings)]
        token = Token.parse(session_signer(settings).unsign(cookie).decode())
        actor = await find_actor(Claim(stack.database, token))
        parts = await export.begin(stack.database, actor, AuditFilters(), ExportFormat.JSONL, None)
        assert (await anext(parts)).count(b"\n") == 2
        stack.emulator.deactivate_user(adam)
        await stack.deliver()
        with pytest.raises(NotSignedIn):
            await anext(parts)


class TestForgedWebhooks:
    @staticmethod
    async def forge(stack: Stack, address: str) -> None:
        async with stack.browser(address) as client:
            answer = await client.post("/api/directory-sync", content=b"{}", headers=FORGED)
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_signature")

    async def test_an_hour_and_source_are_one_entry_and_all_are_counted(self, stack: Stack) -> None:
        """Of no organization: the body of one that is forged says of whom it is as it likes."""
        adam = await stack.sign_in_as("Admins", "Adam")
        here, there = "198.51.100.7", "198.51.100.8"
        for address in (here, here, there, here):
            await self.forge(stack, address)
        for address, count in ((here, 3), (there, 1)):
            (entry,) = await entries(adam, action="webhook.forged", subject=address)
            assert entry["count"] == count
            assert entry["subject"]["kind"] == "client"
            assert entry["sentence"] == f"A webhook that WorkOS did not sign came from {address}."
        newest = await entries(adam)
        assert actions(newest)[:2] == ["webhook.forged", "webhook.forged"]
        exported = await adam.get("/audit/export", params={"action": "webhook.forged"})
        assert f"came from {there}." in exported.text

    async def test_the_next_hour_is_another_entry(self, stack: Stack) -> None:
        adam = await stack.sign_in_as("Admins", "Adam")
        address = "198.51.100.9"
        await self.forge(stack, address)
        await execute_as_owner(
            stack.database,
            "SET LOCAL rollcall.audit_change = 'on'",
            f"""UPDATE audit_events SET at = at - interval '1 hour'
            WHERE organization_id = '' AND subject_id = '{address}'""",
            f"""UPDATE refusal_counts SET hour = hour - interval '1 hour'
            WHERE client = '{address}'""",
        )
        await self.forge(stack, address)
        found = await entries(adam, action="webhook.forged", subject=address)
        assert [entry["count"] for entry in found] == [1, 1]

    async def test_what_cannot_be_noted_is_refused_all_the_same(
        self, stack: Stack, caplog: pytest.LogCaptureFixture
    ) -> None:
        await execute_as_owner(stack.database, f"REVOKE INSERT ON refusal_counts FROM {SERVING}")
        try:
            await self.forge(stack, "198.51.100.10")
        finally:
            await execute_as_owner(stack.database, f"GRANT INSERT ON refusal_counts TO {SERVING}")
        assert "webhook.forged of 198.51.100.10 was not noted" in caplog.text

    async def test_what_is_noted_of_no_organization_otherwise_nobody_sees(
        self, stack: Stack
    ) -> None:
        """Invariant 9: an event that was nobody's may be about another organization."""
        adam = await stack.sign_in_as("Admins", "Adam")
        await execute_as_owner(
            stack.database,
            """INSERT INTO audit_events (organization_id, id, action, subject_id)
            VALUES ('', gen_random_uuid(), 'event.replayed', 'directory_user_x')""",
        )
        assert "directory_user_x" not in (await adam.get("/audit", params={"limit": 100})).text
        assert await entries(adam, subject="directory_user_x") == []
