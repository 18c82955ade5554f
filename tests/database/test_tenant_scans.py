"""Invariant 9 in the plans: whatever a request reads, it reads of one organization."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from backend.database import Database
from backend.http.guards import session_cookie_name, session_signer
from backend.schemas.invitations import InvitationStatus
from backend.services.audit_log import retention, seals, verification
from backend.services.people import break_glass
from backend.services.sessions import Claim, Token, find_actor
from emulator.testing import DomainState, SubjectFormat, Wrong
from tests.asking_roles import grant, group_named, have_give, have_slug_give, heed
from tests.database.plans import TENANT_COLUMN, Plans
from tests.directory_api import ask, broken, execute, user_id_of
from tests.http.test_guards import ROUTES
from tests.reconciling import reconcile
from tests.stack import ORIGIN, Stack, new_event, running_stack, user_data

# By what a statement has in it: the tables that it may read of everybody.
OF_EVERYBODY = {
    # The event names no organization: if one has the directory that it names, it is theirs.
    "WHERE d.id = batch[n].directory_id": {"directories"},
    # Who signs in says a domain: whose it is, is to be found.
    "organization_domains.domain = ": {"organization_domains", "organizations"},
}

POST = {"title": "t", "content": "c"}

PUBLIC = [
    ("POST", "/api/directory-sync"),
    ("GET", "/auth"),
    ("GET", "/auth/callback"),
    ("POST", "/auth/logout"),
    ("GET", "/invitations/{token}"),
    ("POST", "/okta/universal-logout/{id}"),
]


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> Plans:
    return Plans(monkeypatch)


@pytest.fixture
async def own(plans: Plans, own_database_url: str) -> AsyncIterator[Database]:
    del plans  # it notes what is run on connections that are opened after it
    own = Database(own_database_url, pool_size=2)
    yield own
    await own.close()


async def use_posts(stack: Stack) -> None:
    adam, ann = await stack.sign_in_as("Admins", "Adam"), await stack.sign_in_as("Authors")
    written = [(await ann.post("/posts", json=POST)).json() for _ in range(3)]
    page = await ask(adam, "/posts", limit=1)
    await ask(adam, "/posts", cursor=page["next_cursor"])
    path = f"/posts/{written[0]['id']}"
    await ask(adam, path)
    assert (await ann.patch(path, json=POST)).status_code == 200
    author = written[0]["author"]["id"]
    for more in ({"view": "summary"}, {"author": author}, {"q": "t"}, {"q": "t", "author": author}):
        await ask(adam, "/posts", **more)
    assert (await adam.delete(path)).status_code == 204
    assert (await adam.post(f"{path}/restore")).status_code == 200
    await ask(adam, "/me")
    assert (await adam.get(f"/me/invitations/{author}")).status_code == 404


async def use_team(stack: Stack) -> None:
    ian, kim = stack.person("Ian"), stack.person("Kim")
    adam = await stack.sign_in_as("Admins", "Adam")
    page = await ask(adam, "/team", limit=1)
    await ask(adam, "/team", cursor=page["next_cursor"])
    await ask(adam, "/team", cursor=page["next_cursor"], status="invited", group="Admins", q="a")
    await ask(adam, "/team", department="Sales")
    for names in ("groups", "departments"):
        await ask(adam, f"/team/{names}")
        await ask(adam, f"/team/{names}", q="a")
    await execute(
        stack,
        "UPDATE organizations SET seats = 3 WHERE workos_id = :id",
        id=stack.organization.id,
    )
    several = {"user_ids": [await user_id_of(adam, person) for person in (ian, kim)]}
    assert (await adam.post("/team/invitations", json=several)).status_code == 200
    await ask(adam, "/team/seats")
    for status in (None, *InvitationStatus):
        filters = {} if status is None else {"status": status.value}
        page = await ask(adam, "/team/invitations", limit=1, **filters)
        if page["next_cursor"]:
            await ask(adam, "/team/invitations", cursor=page["next_cursor"], **filters)
    for person in (ian, kim):
        path = f"/team/{await user_id_of(adam, person)}/invitation"
        invited = await adam.post(path)
        assert invited.status_code == 201
        browser = stack.browser()
        link = invited.json()["url"].removeprefix(ORIGIN)
        begun = await browser.get(link)
        if person is ian:
            code = stack.emulator.sso_code(ian, stack.organization.id)
            await stack.finish_sign_in(browser, code, link)
        else:
            assert begun.status_code == 302
            assert (await adam.delete(path)).status_code == 204
            assert (await adam.post(f"{path}/restore")).status_code == 204


async def sign_in(stack: Stack) -> None:
    ann, late = stack.person("Ann"), stack.person("Late")
    stack.clock.advance(15)
    browser = await stack.sign_in(late)  # before any event
    await stack.deliver()
    assert (await browser.post("/auth/logout")).status_code == 204
    assert await stack.refused("eve@acme.example")
    # Back under another id.
    stack.emulator.deactivate_user(ann)
    stack.clock.advance(1)
    back = stack.emulator.reactivate_user(ann)
    await stack.deliver()
    stack.clock.advance(15)
    await stack.sign_in(back)


async def sign_in_by_address(stack: Stack) -> None:
    ann = stack.person("Ann")
    await stack.deliver()
    stack.clock.advance(15)
    for _ in range(2):
        await stack.sign_in(ann, idp_id="saml-ann")


async def sign_in_without_a_directory(stack: Stack) -> None:
    elsewhere = stack.emulator.create_organization("No directory")
    for _ in range(2):
        await stack.sign_in("ann@elsewhere.example", organization_id=elsewhere.id)


async def look_into_the_directory(stack: Stack) -> None:
    ann = stack.person("Ann")
    group = stack.group("Designers", ann)
    adam = await stack.sign_in_as("Admins", "Adam")
    await reconcile(stack)
    await ask(adam, "/directory")
    user_id = await user_id_of(adam, ann)
    page = await ask(adam, f"/directory/people/{user_id}/access", history_limit=1)
    cursor = page["history"]["next_cursor"]
    await ask(adam, f"/directory/people/{user_id}/access", history_cursor=cursor)
    for filters in (
        {}, {"person": user_id}, {"group": group.id}, {"type": "dsync.user.created"},
        {"outcome": "applied", "since": "2026-01-01T00:00:00Z", "until": "2036-01-01T00:00:00Z"},
        {"source": "webhook"},
    ):  # fmt: skip
        await ask(adam, "/directory/events/count", **filters)
        page = await ask(adam, "/directory/events", limit=1, **filters)
        await ask(adam, "/directory/events", cursor=page["next_cursor"], **filters)
    await ask(adam, "/directory/events/hours")
    path = f"/directory/events/{page['items'][0]['id']}"
    await ask(adam, path)
    for replay in (path, "/directory/events"):
        range_ = {"since": "2026-01-01T00:00:00Z", "until": "2036-01-01T00:00:00Z"}
        assert (await adam.post(f"{replay}/replay", json=range_)).status_code == 200


async def use_the_audit_log(stack: Stack) -> None:
    adam = await stack.sign_in_as("Admins", "Adam")
    kim = stack.person("Kim")
    await stack.deliver()
    me = (await stack.me(adam))["id"]
    entry_id = ""
    for filters in (
        {}, {"actor": me}, {"action": "session.opened"}, {"subject": me}, {"subject": kim.id},
        {"since": "2026-01-01T00:00:00Z", "until": "2036-01-01T00:00:00Z"},
    ):  # fmt: skip
        page = await ask(adam, "/audit", limit=1, **filters)
        await ask(adam, "/audit", limit=1, cursor=page["next_cursor"] or "", **filters)
        entry_id = page["items"][0]["id"]
    await ask(adam, f"/audit/{entry_id}")
    exported = await adam.get("/audit/export", params={"after": entry_id})
    assert exported.status_code == 200
    for role in ("author", "admin"):
        await ask(adam, "/audit/roles", role=role, on=str(datetime.now(UTC).date()))
    for wanted in ({"user_id": await user_id_of(adam, kim)}, {"email": "eve@acme.example"}):
        assert (await adam.post("/audit/erasures", json=wanted)).status_code == 201
    forged = {"WorkOS-Signature": "t=1, v1=00"}
    async with stack.browser() as stranger:
        answer = await stranger.post("/api/directory-sync", content=b"{}", headers=forged)
        assert answer.status_code == 401
    here = stack.organization.id
    await seals.seal(stack.database, here, even_none=True)
    assert (await verification.verify(stack.database, here)).trouble is None
    await execute(
        stack, "UPDATE organizations SET audit_days = 30 WHERE workos_id = :here", here=here
    )
    await retention.prune(stack.database, here)


async def use_reconciliations(stack: Stack) -> None:
    adam = await stack.sign_in_as("Admins", "Adam")
    path = "/directory/reconciliations"
    queued = (await adam.post(path)).json()["id"]
    assert (await adam.post(f"{path}/{queued}/cancel")).status_code == 200
    people = [stack.person("Ann") for _ in range(11)]
    authors = stack.group("Authors", *people)
    await stack.deliver()
    for person in people:
        stack.emulator.remove_member(authors, person)
    stack.skip()
    held = await reconcile(stack)
    page = await ask(adam, path, limit=1)
    await ask(adam, path, cursor=page["next_cursor"])
    await ask(adam, f"{path}/{held.id}")
    assert (await adam.post(f"{path}/{held.id}/confirm")).status_code == 200


async def use_roles(stack: Stack) -> None:
    adam, ann = await stack.sign_in_as("Admins", "Adam"), stack.person("Ann")
    stack.emulator.rename_group(stack.group("Authors", ann), "Writers")
    await stack.deliver()
    user = user_data(stack) | {"role": {"slug": "editor"}}
    await stack.post_event(new_event("dsync.user.created", user))
    for source in ("groups", "both"):
        await heed(stack, source)
        for wanted in ({"slug": "editor"}, {"group_id": (await group_named(adam, "w"))["id"]}):
            tried = await adam.post("/roles/preview", json=wanted | {"roles": ["admin"]})
            assert tried.status_code == 200
    await have_give(adam, "Writers", "author", "admin")
    await have_slug_give(adam, "editor", "author")
    page = await ask(adam, "/roles/groups", limit=1)
    await ask(adam, "/roles/groups", cursor=page["next_cursor"], role="admin", q="w", mapped=True)
    user_id = await user_id_of(adam, ann)
    assert (await grant(adam, user_id, "author")).status_code == 201
    await ask(adam, "/roles")
    await ask(adam, f"/directory/people/{user_id}/access")
    assert (await adam.delete(f"/people/{user_id}/grants/author")).status_code == 204


async def receive_events(stack: Stack) -> None:
    """Of every kind, and what comes of each."""
    ann, kim = stack.person("Ann"), stack.person("Kim")
    authors = stack.group("Authors", ann, kim)
    emulator = stack.emulator
    emulator.rename_group(authors, "Writers")
    emulator.remove_member(authors, kim)
    emulator.deactivate_user(ann)
    emulator.reactivate_user(ann)
    emulator.delete_user(kim)
    emulator.delete_group(authors)
    sent = stack.skip()
    for event in [*sent, *sent[::-1]]:
        await stack.post_event(event)
    parked = broken(stack)
    nobodys = new_event("dsync.user.created", {"directory_id": stack.directory.id})
    unknown = new_event("dsync.of.tomorrow", user_data(stack))
    for event in (parked, parked, nobodys, unknown):
        await stack.post_event(event)
    stranger = new_event(
        "organization.deleted", {"object": "organization", "id": "org_x", "name": ""}
    )
    await stack.post_event(stranger)
    emulator.delete_directory(stack.directory.id)
    await stack.deliver()


async def use_sessions_and_tokens(stack: Stack) -> None:
    adam, ann = await stack.sign_in_as("Admins", "Adam"), await stack.sign_in_as("Authors")
    theirs = f"/people/{(await stack.me(ann))['id']}/sessions"
    token = {"name": "t", "scopes": ["read"]}
    own, second = [(await ann.post("/tokens", json=token)).json() for _ in range(2)]
    robot = {"name": "Program", "role": "author", "reason": "Tried."}
    made = (await adam.post("/service-accounts", json=robot)).json()
    await adam.post(f"/service-accounts/{made['id']}/tokens", json=token)
    await stack.browser().get("/me", headers={"Authorization": f"Bearer {own['secret']}"})
    for path in ("/sessions", "/tokens", theirs, "/organization/tokens", "/service-accounts"):
        await ask(adam, path)
    await stack.app.state.last_uses.write()
    (held,) = (await ask(adam, theirs))["items"]
    await ann.post("/sessions/end-others")
    for browser, path in (
        (ann, f"/tokens/{own['id']}"), (adam, f"/organization/tokens/{second['id']}"),
        (adam, f"/service-accounts/{made['id']}"), (adam, f"{theirs}/{held['id']}"),
    ):  # fmt: skip
        assert (await browser.delete(path)).status_code == 204
    (current,) = (await ask(adam, "/sessions"))["items"]
    assert (await adam.delete(f"/sessions/{current['id']}")).status_code == 204


async def follow(stack: Stack) -> None:
    ann, bob = await stack.sign_in_as("Authors"), await stack.sign_in_as(None, "Bob")
    claim = Claim(stack.database, await session_of(stack, bob))
    news = stack.app.state.live.follow(await find_actor(claim), None)
    assert (await anext(news)).topic == "ready"
    await ann.post("/posts", json=POST)
    assert (await anext(news)).topic == "posts"
    await news.aclose()


async def session_of(stack: Stack, browser: httpx.AsyncClient) -> Token:
    settings = stack.app.state.settings
    cookie = browser.cookies[session_cookie_name(settings)]
    return Token.parse(session_signer(settings).unsign(cookie).decode())


async def administer_the_organization(stack: Stack) -> None:
    """And what its IT administrators do in WorkOS's Admin Portal."""
    emulator, of = stack.emulator, stack.organization.id
    ann = stack.person("Ann")
    adam = await stack.sign_in_as("Admins", "Adam")
    connection = stack.organization.connection_id
    domain = emulator.add_domain(of, "acme.example", DomainState.VERIFIED)
    emulator.deactivate_connection(connection)
    emulator.activate_connection(connection)
    emulator.let_certificate_expire(connection, 5)
    emulator.revoke_token(emulator.token_ids(stack.directory.id)[0])
    for event in emulator.events:
        await stack.post_event(event)
    await ask(adam, "/directory")
    for email in ("ann@acme.example", "ann@nobody.example"):
        assert (await stack.browser().get("/auth", params={"email": email})).status_code == 302
    emulator.delete_domain(domain)
    await stack.deliver()
    changed = await adam.patch(
        "/organization",
        json={
            "version": (await ask(adam, "/organization"))["version"],
            "seats": 5,
            "logout_issuer": emulator.okta_issuer(of),
            "logout_jwks_url": emulator.okta_key_address(of),
        },
    )
    assert changed.status_code == 200
    link = await adam.post("/organization/portal-link", json={"intent": "sso"})
    assert link.status_code == 201
    emulator.set_revocation(of, changed.json()["logout_endpoint"])
    wrong = emulator.revocation(ann, Wrong.KEY)
    answer = await stack.browser().post(wrong.url, content=wrong.body, headers=wrong.headers)
    assert answer.status_code == 401
    request = emulator.revocation(ann)
    answer = await stack.browser().post(request.url, content=request.body, headers=request.headers)
    assert answer.status_code == 204
    by_id = request.headers
    emulator.set_revocation(of, request.url, SubjectFormat.ISS_SUB)
    request = emulator.revocation(ann)
    answer = await stack.browser().post(request.url, content=request.body, headers=by_id)
    assert answer.status_code == 204
    body = {"sub_id": {"format": "opaque", "id": await user_id_of(adam, ann)}}
    answer = await stack.browser().post(request.url, json=body, headers=by_id)
    assert answer.status_code == 204


def in_days(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


async def use_people(stack: Stack) -> None:
    adam, ann = await stack.sign_in_as("Admins", "Adam"), await stack.sign_in_as("Authors")
    await ann.post("/posts", json=POST)
    page = await ask(adam, "/people", limit=1)
    await ask(adam, "/people", cursor=page["next_cursor"])
    for filters in (
        {"sort": "department"}, {"sort": "last_seen"}, {"q": "ann", "role": "author"},
        {"department": "x", "kind": "guest"}, {"kind": "service"}, {"group": "Authors"},
        {"status": "blocked"}, {"status": "deactivated", "owns_posts": True},
    ):  # fmt: skip
        await ask(adam, "/people", **filters)
    await ask(adam, "/people/counts")
    ann_id, adam_id = [(await stack.me(browser))["id"] for browser in (ann, adam)]
    person = f"/people/{ann_id}"
    await ask(adam, person)
    await ask(adam, f"{person}/access")
    await ask(adam, f"{person}/access", as_of=in_days(-1))
    guest = {"name": "Gus", "email": "gus@partner.example", "reason": "x", "until": in_days(9)}
    gus = (await adam.post("/people/guests", json=guest | {"role": "author"})).json()["id"]
    for _ in range(2):
        await stack.sign_in("gus@partner.example", idp_id="gus-at-okta")
    changes = [
        ("PATCH", f"/people/guests/{gus}", {"until": in_days(8), "reason": "y"}),
        ("DELETE", f"/people/guests/{gus}", None),
        ("POST", f"{person}/hand-over", {"to": adam_id}),
        ("POST", f"{person}/sign-out", {"tokens": True}),
        ("POST", f"{person}/block", {"reason": "x"}),
        ("POST", f"{person}/unblock", None),
        ("PUT", "/organization/break-glass", {"user_id": adam_id}),
    ]
    for method, path, body in changes:
        answer = await adam.request(method, path, json=body)
        assert answer.status_code == 204, answer.text
    await ask(adam, "/organization/break-glass")


async def lose_the_directory(stack: Stack) -> None:
    nora, ann = stack.person("Nora"), stack.person("Ann")
    adam = await stack.sign_in_as("Admins", "Adam")
    nora_id, ann_id = await user_id_of(adam, nora), await user_id_of(adam, ann)
    await adam.put("/organization/break-glass", json={"user_id": nora_id})
    stack.emulator.delete_directory(stack.directory.id)
    await stack.deliver()
    async with stack.database.transaction() as session:
        await break_glass.let_in(session, stack.organization.id, why="x", hours=1)
    owner = await stack.sign_in(str(nora.email), idp_id=nora.idp_id)
    await ask(owner, "/directory/gone")
    await ask(owner, "/directory")
    wanted = {"user_ids": [ann_id], "reason": "x", "until": in_days(9)}
    assert (await owner.post("/directory/gone/let-in", json=wanted)).status_code == 200
    assert await stack.refused(str(ann.email), idp_id="another")
    for body in ({"reason": "x"}, {"reason": "x", "user_ids": [ann_id]}):
        assert (await owner.post("/directory/gone/keep-out", json=body)).status_code == 200


STORIES = [
    follow,
    use_posts,
    use_team,
    use_sessions_and_tokens,
    use_people,
    lose_the_directory,
    sign_in,
    sign_in_by_address,
    sign_in_without_a_directory,
    look_into_the_directory,
    use_reconciliations,
    use_the_audit_log,
    receive_events,
    administer_the_organization,
    use_roles,
]


def noting(app: Any, asked: set[tuple[str, str]]) -> Any:
    async def note(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        asked.add((scope["method"], re.sub(r"\w+_id(?=\})", "id", scope["route"].path)))

    return note


async def test_invariant_9_every_scan_is_of_one_organization(own: Database, plans: Plans) -> None:
    asked: set[tuple[str, str]] = set()
    for story in STORIES:
        async with running_stack(own) as stack:
            stack.transport.app = noting(stack.app, asked)
            await story(stack)
    assert asked >= {*ROUTES, *PUBLIC}
    run = await plans.taken()
    assert set().union(*(plan.tables for plan in run)) == set(TENANT_COLUMN)
    for plan in run:
        allowed = [of for part, of in OF_EVERYBODY.items() if part in plan.statement]
        assert plan.unbound <= set().union(*allowed), plan.statement


@pytest.mark.parametrize("without", ["hashjoin", "mergejoin", "nestloop"])
@pytest.mark.parametrize(
    ("tables", "where", "unbound"),
    [
        ("posts p", "p.title = 'x'", {"posts"}),
        ("posts p", "p.organization_id = 'a' AND p.title = 'x'", set()),
        ("posts p", "p.organization_id = 'a' AND (p.title = 'x' OR p.content = 'x')", set()),
        ("posts p", "p.organization_id = 'a' OR p.title = 'x'", {"posts"}),
        ("posts p", "p.organization_id <> 'a'", {"posts"}),
        ("posts p", "p.organization_id = p.title", {"posts"}),
        # They are tied to each other, and to nothing else.
        ("posts p JOIN users u USING (organization_id)", "u.name = 'x'", {"posts", "users"}),
        ("posts p JOIN users u USING (organization_id)", "organization_id = 'a'", set()),
        # An outer join keeps what it does not find.
        (
            """posts p LEFT JOIN users u
                ON u.organization_id = p.organization_id AND u.organization_id = 'a'""",
            "p.title = 'x'",
            {"posts"},
        ),
        # A table that is hashed for a look into it is read whole.
        (
            "posts p",
            "p.organization_id = 'a' AND p.author_id NOT IN (SELECT id FROM users)",
            {"users"},
        ),
    ],
)
async def test_what_is_read_of_everybody_is_noticed(
    own: Database, plans: Plans, tables: str, where: str, unbound: set[str], without: str
) -> None:
    async with own.transaction() as session:
        await session.execute(text(f"SET LOCAL enable_{without} = off"))
        await session.execute(text(f"SELECT FROM {tables} WHERE {where}"))
    (plan,) = [plan for plan in await plans.taken() if plan.tables]
    assert plan.unbound == unbound
