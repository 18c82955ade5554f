"""Invariant 9 in the plans: whatever a request reads, it reads of one organization."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text

from backend.database import Database
from tests.asking_roles import grant, group_named, have_give, have_slug_give, heed
from tests.database.plans import TENANT_COLUMN, Plans
from tests.directory_api import ask, broken, user_id_of
from tests.http.test_guards import ROUTES
from tests.reconciling import reconcile
from tests.stack import ORIGIN, Stack, new_event, running_stack, user_data

# By what a statement has in it: the tables that it may read of everybody.
OF_EVERYBODY = {
    # The event names no organization: if one has the directory that it names, it is theirs.
    "WHERE d.id = batch[n].directory_id": {"directories"},
}

POST = {"title": "t", "content": "c"}

PUBLIC = [
    ("POST", "/api/directory-sync"),
    ("GET", "/auth"),
    ("GET", "/auth/callback"),
    ("POST", "/auth/logout"),
    ("GET", "/invitations/{token}"),
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
    assert (await adam.delete(path)).status_code == 204
    await ask(adam, "/me")


async def use_team(stack: Stack) -> None:
    ian, kim = stack.person("Ian"), stack.person("Kim")
    adam = await stack.sign_in_as("Admins", "Adam")
    page = await ask(adam, "/team", limit=1)
    await ask(adam, "/team", cursor=page["next_cursor"])
    await ask(adam, "/team", cursor=page["next_cursor"], status="invited", group="Admins", q="a")
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
    ):  # fmt: skip
        page = await ask(adam, "/directory/events", limit=1, **filters)
        await ask(adam, "/directory/events", cursor=page["next_cursor"], **filters)
    path = f"/directory/events/{page['items'][0]['id']}"
    await ask(adam, path)
    for replay in (path, "/directory/events"):
        range_ = {"since": "2026-01-01T00:00:00Z", "until": "2036-01-01T00:00:00Z"}
        assert (await adam.post(f"{replay}/replay", json=range_)).status_code == 200


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


STORIES = [
    use_posts, use_team, sign_in, sign_in_by_address, sign_in_without_a_directory,
    look_into_the_directory, use_reconciliations, receive_events, use_roles,
]  # fmt: skip


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
