"""API tokens: live access as of each request, never more, and gone with the person."""

import asyncio
import re
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from backend.database import Database
from backend.services import tokens
from backend.services.sessions import Token
from tests.stack import Stack, running_stack

COOKIE = "rollcall_session"
POST = {"title": "t", "content": "c"}
BOTH = ["read", "write"]


async def make(
    browser: httpx.AsyncClient, *scopes: str, path: str = "/tokens", **more: Any
) -> dict[str, Any]:
    body = {"name": "Report", "scopes": scopes or BOTH, **more}
    answer = await browser.post(path, json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def client(stack: Stack, made: dict[str, Any] | str) -> httpx.AsyncClient:
    secret = made if isinstance(made, str) else made["secret"]
    bearer = stack.browser()
    bearer.headers["Authorization"] = f"Bearer {secret}"
    return bearer


async def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_it_is_shown_once_and_stored_as_a_hash(stack: Stack) -> None:
    ann = await stack.sign_in_as("Authors")
    made = await make(ann, "read", name="Nightly", expires_in_days=7)
    secret = made.pop("secret")
    assert re.fullmatch(r"rc_[\w]+\.[\w-]{43}[0-9A-Za-z]{6}", secret)
    assert (await ann.get("/tokens")).json() == {"items": [made]}
    assert made["scopes"] == ["read"]
    assert made["last_used_at"] is None
    async with stack.database.connect() as connection:
        rows = (await connection.execute(text("SELECT t::text FROM api_tokens AS t"))).scalars()
        assert all(secret not in row and secret[-49:-6] not in row for row in rows)


async def test_it_carries_the_access_of_this_request(stack: Stack) -> None:
    """Invariant 1, for tokens."""
    ann = stack.person("Ann")
    authors = stack.group("Authors of tokens", ann)
    admins = stack.group("Admins", ann)
    await stack.deliver()
    bearer = client(stack, await make(await stack.sign_in(ann)))
    assert await stack.roles(bearer) == ["member", "admin"]
    post = (await bearer.post("/posts", json=POST)).json()
    assert (await bearer.get("/posts")).json()["items"][0]["id"] == post["id"]
    assert (await bearer.get("/team")).status_code == 200
    assert (await bearer.get("/directory")).status_code == 200
    stack.emulator.remove_member(admins, ann)
    await stack.deliver()
    assert await code(await bearer.get("/directory")) == (403, "role_missing")
    assert await code(await bearer.post("/posts", json=POST)) == (403, "role_missing")
    del authors


@pytest.mark.parametrize(
    ("scopes", "get", "post"),
    [(["read"], 200, 403), (["write"], 403, 201), (BOTH, 200, 201), (["write", "read"], 200, 201)],
)
async def test_it_may_do_what_its_scopes_say(
    stack: Stack, scopes: list[str], get: int, post: int
) -> None:
    bearer = client(stack, await make(await stack.sign_in_as("Authors"), *scopes))
    for path in ("/me", "/posts", "/posts?limit=1", "/team", "/tokens"):
        answer = await bearer.get(path)
        assert answer.status_code == get, path
    answer = await bearer.post("/posts", json=POST)
    assert answer.status_code == post
    if 403 in {get, post}:
        refused = await bearer.get("/me") if get == 403 else answer
        assert await code(refused) == (403, "scope_missing")


async def test_it_makes_no_tokens(stack: Stack) -> None:
    ann = await stack.sign_in_as("Admins")
    bearer = client(stack, await make(ann))
    body = {"name": "Another", "scopes": ["read"]}
    robot = (await ann.post("/service-accounts", json=PROGRAM)).json()["id"]
    for path, given in (
        ("/tokens", body), ("/service-accounts", PROGRAM),
        (f"/service-accounts/{robot}/tokens", body),
    ):  # fmt: skip
        assert await code(await bearer.post(path, json=given)) == (403, "session_required"), path
    assert len((await ann.get("/tokens")).json()["items"]) == 1


async def test_invariant_2_it_goes_with_the_person_and_does_not_come_back(stack: Stack) -> None:
    ann = stack.person("Ann")
    await stack.deliver()
    browser = await stack.sign_in(ann)
    bearer = client(stack, await make(browser))
    stack.emulator.deactivate_user(ann)
    await stack.deliver()
    for path in ("/me", "/posts", "/team"):
        assert await code(await bearer.get(path)) == (401, "credential_refused")
        assert await code(await browser.get(path)) == (401, "not_signed_in")
    stack.clock.advance(60)
    ann = stack.emulator.reactivate_user(ann)
    await stack.deliver()
    assert (await bearer.get("/me")).status_code == 401
    assert (await browser.get("/me")).status_code == 401
    again = await stack.sign_in(ann)
    assert (await again.get("/tokens")).json() == {"items": []}
    assert (await bearer.get("/me")).status_code == 401


async def test_it_ends(stack: Stack) -> None:
    ann, bob = await stack.sign_in_as("Authors"), await stack.sign_in_as("Authors", "Bob")
    made = await make(ann)
    path = f"/tokens/{made['id']}"
    assert (await bob.delete(path)).status_code == 404
    assert (await client(stack, made).get("/me")).status_code == 200
    assert (await ann.delete(path)).status_code == 204
    assert (await client(stack, made).get("/me")).status_code == 401
    assert (await ann.delete(path)).status_code == 404
    expired = await make(ann)
    async with stack.database.transaction() as session:
        await session.execute(
            text("UPDATE api_tokens SET expires_at = now() - interval '1 s' WHERE id = :id"),
            {"id": expired["id"]},
        )
    assert (await client(stack, expired).get("/me")).status_code == 401
    assert (await ann.get("/tokens")).json() == {"items": []}


async def test_what_is_no_token_is_refused_without_asking_the_database(stack: Stack) -> None:
    """By its checksum."""
    ann = await stack.sign_in_as("Authors")
    secret = (await make(ann))["secret"]
    cookie = ann.cookies[COOKIE]
    for made_up in (
        secret[:-1], secret + "x", secret.replace("rc_", "rd_"), secret.upper(), "rc_", "rc_.", "",
        cookie, cookie.rsplit(".", 1)[0], "x" * 5000,
    ):  # fmt: skip
        assert await code(await client(stack, made_up).get("/me")) == (401, "credential_refused")
    wrong = tokens.written(Token.new(stack.directory.organization_id))
    assert (await client(stack, wrong).get("/me")).status_code == 401
    for scheme in ("Basic", "bearer", "BEARER"):
        answer = await stack.browser().get("/me", headers={"Authorization": f"{scheme} {secret}"})
        assert answer.status_code == (401 if scheme == "Basic" else 200)


async def test_invariant_9_it_opens_its_organization_only(own_database_url: str) -> None:
    database = Database(own_database_url, pool_size=2)
    async with running_stack(database) as one, running_stack(database) as other:
        ann, eve = await one.sign_in_as("Authors"), await other.sign_in_as("Admins", "Eve")
        made = await make(ann)
        organization = other.directory.organization_id
        secret = Token.parse(made["secret"][3:-6])[1]
        moved = tokens.written(Token(organization, secret))
        assert (await client(one, moved).get("/me")).status_code == 401
        for path in (f"/tokens/{made['id']}", f"/organization/tokens/{made['id']}"):
            assert (await eve.delete(path)).status_code == 404
        assert (await eve.get("/organization/tokens")).json()["items"] == []
        assert (await client(one, made).get("/me")).status_code == 200
    await database.close()


async def test_a_request_from_another_site_needs_no_cookie(stack: Stack) -> None:
    """What a browser sends of itself is the cookie, not this header."""
    bearer = client(stack, await make(await stack.sign_in_as("Authors")))
    answer = await bearer.post("/posts", json=POST, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 201


async def test_its_life_is_limited_by_the_organization(stack: Stack) -> None:
    ann = await stack.sign_in_as("Authors")
    async with stack.database.transaction() as session:
        await session.execute(text("UPDATE organizations SET token_days_max = 30"))
    body = {"name": "Long", "scopes": ["read"], "expires_in_days": 31}
    answer = await ann.post("/tokens", json=body)
    assert await code(answer) == (422, "invalid_input")
    assert "30" in answer.text
    assert (await ann.post("/tokens", json=body | {"expires_in_days": 30})).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        {}, {"name": " "}, {"scopes": []}, {"scopes": ["admin"]}, {"expires_in_days": 0},
        {"expires_in_days": -1}, {"expires_in_days": 10**9}, {"name": "x" * 201},
    ],
)  # fmt: skip
async def test_bad_input_names_the_field(stack: Stack, body: dict[str, Any]) -> None:
    ann = await stack.sign_in_as("Authors")
    usual = {"name": "Report", "scopes": ["read"]} if body else {}
    answer = await ann.post("/tokens", json=usual | body)
    assert await code(answer) == (422, "invalid_input")
    assert next(iter(body), "name") in answer.text


async def test_fifty_are_enough_and_two_at_once_are_not_one_too_many(stack: Stack) -> None:
    ann = await stack.sign_in_as("Authors")
    for _ in range(tokens.MOST_TOKENS - 1):
        await make(ann)
    body = {"name": "Report", "scopes": ["read"]}
    answers = await asyncio.gather(*(ann.post("/tokens", json=body) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_last_use_is_written_behind_the_answer_once_a_minute(stack: Stack) -> None:
    ann = await stack.sign_in_as("Authors")
    bearer = client(stack, await make(ann))
    for path in ("/me", "/posts"):
        await bearer.get(path)
    (shown,) = (await ann.get("/tokens")).json()["items"]
    assert shown["last_used_at"] is None
    await stack.app.state.last_uses.write()
    (shown,) = (await ann.get("/tokens")).json()["items"]
    assert shown["last_used_at"] is not None
    await bearer.get("/me")
    await stack.app.state.last_uses.write()
    (again,) = (await ann.get("/tokens")).json()["items"]
    assert again == shown


PROGRAM = {"name": "Release notes", "role": "author", "reason": "Posts what was released."}


async def test_a_service_account_outlives_its_admin(stack: Stack) -> None:
    adam = stack.person("Adam")
    stack.group("Admins", adam)
    other = await stack.sign_in_as("Admins of others", "Olga")
    await stack.deliver()
    browser = await stack.sign_in(adam)
    made = await browser.post("/service-accounts", json=PROGRAM)
    assert made.status_code == 201
    robot = made.json()
    token = await make(browser, path=f"/service-accounts/{robot['id']}/tokens")
    program = client(stack, token)
    me = await stack.me(program)
    assert (me["name"], me["roles"]) == ("Release notes", ["member", "author"])
    post = await program.post("/posts", json=POST)
    assert post.status_code == 201
    # It is no person.
    team = (await browser.get("/team", params={"limit": 100})).json()["items"]
    assert robot["id"] not in {person["id"] for person in team}
    (listed,) = (await browser.get("/service-accounts")).json()["items"]
    assert listed["created_by"] == (await stack.me(browser))["name"]
    assert [each["id"] for each in listed["tokens"]] == [token["id"]]
    (held,) = (await browser.get("/organization/tokens")).json()["items"]
    assert held["of"] == {
        "id": robot["id"], "name": "Release notes", "is_service_account": True
    }  # fmt: skip
    stack.emulator.deactivate_user(adam)
    await stack.deliver()
    assert (await program.get("/posts")).status_code == 200
    assert (await other.get("/service-accounts")).status_code == 403


async def test_an_admin_ends_anybodys(stack: Stack) -> None:
    adam, ann = await stack.sign_in_as("Admins", "Adam"), await stack.sign_in_as("Authors")
    own, robot = await make(ann), (await adam.post("/service-accounts", json=PROGRAM)).json()
    of_program = await make(adam, path=f"/service-accounts/{robot['id']}/tokens")
    post = (await client(stack, of_program).post("/posts", json=POST)).json()
    page = (await adam.get("/organization/tokens", params={"limit": 1})).json()
    rest = (await adam.get("/organization/tokens", params={"cursor": page["next_cursor"]})).json()
    assert [token["id"] for token in page["items"] + rest["items"]] == [of_program["id"], own["id"]]
    assert (await ann.delete(f"/organization/tokens/{of_program['id']}")).status_code == 403
    assert (await adam.delete(f"/organization/tokens/{own['id']}")).status_code == 204
    assert (await client(stack, own).get("/me")).status_code == 401
    path = f"/service-accounts/{robot['id']}"
    assert (await adam.delete(path)).status_code == 204
    assert (await client(stack, of_program).get("/me")).status_code == 401
    assert (await adam.delete(path)).status_code == 404
    assert (await ann.get(f"/posts/{post['id']}")).json()["author"]["name"] == "Release notes"


async def test_what_was_made_and_ended_is_noted(stack: Stack) -> None:
    adam = await stack.sign_in_as("Admins", "Adam")
    made = await make(adam)
    await adam.delete(f"/tokens/{made['id']}")
    robot = (await adam.post("/service-accounts", json=PROGRAM)).json()
    await adam.delete(f"/service-accounts/{robot['id']}")
    async with stack.database.connect() as connection:
        found = await connection.execute(
            text("""SELECT action FROM audit_events
                WHERE organization_id = :organization
                AND (action LIKE 'token.%' OR action LIKE 'service_account.%')
                ORDER BY at, id"""),
            {"organization": stack.organization.id},
        )
        assert list(found.scalars()) == [
            "token.created", "token.ended", "service_account.created", "service_account.ended"
        ]  # fmt: skip
