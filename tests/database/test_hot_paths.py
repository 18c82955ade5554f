"""The two paths that everything is shaped after read a handful of rows, however large a tenant."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from backend.database import Database
from backend.http.guards import session_cookie_name, session_signer
from backend.schemas.events import Outcome, Source
from backend.services import sessions
from backend.services.events import intake, parsing
from backend.workos.scope import DirectoryScope
from tests.database.plans import Plans
from tests.database.test_access_plans import filling
from tests.owner import as_owner
from tests.stack import Stack, as_body, new_event, running_stack

PEOPLE = 5000
FEW = 100
COUNTED = 1000  # of a group or a directory the audit trail counts at most
AUTHOR = "(SELECT id FROM users WHERE key = 'plan199')"


# Besides the people: everybody is in one group, and there is much of all else.
def more(people: int) -> list[str]:
    return f"""
INSERT INTO directory_groups (id, directory_id, organization_id, name, rank, occurred_at, event_id)
VALUES ('group_of_all', 'directory_plan', 'org_plan', 'Everybody', 1, '2026-01-01', 'event_0');
INSERT INTO directory_memberships (
    organization_id, directory_user_id, group_id, present, occurred_at, event_id
)
SELECT 'org_plan', id, 'group_of_all', true, '2026-01-01', 'event_0' FROM directory_users
WHERE organization_id = 'org_plan';
INSERT INTO posts (organization_id, id, author_id, title, content, created_at)
SELECT 'org_plan', gen_random_uuid(), {AUTHOR}, '', '', now() - n * interval '1 minute'
FROM generate_series(1, {people}) n;
INSERT INTO sessions (organization_id, id, token_hash, user_id, expires_at)
SELECT 'org_plan', gen_random_uuid(), decode(md5(key), 'hex'), id, now() + interval '1 day'
FROM users WHERE organization_id = 'org_plan';
INSERT INTO directory_events (
    organization_id, id, type, source, directory_user_id, occurred_at, body, outcome
)
SELECT 'org_plan', 'event_' || n, 'dsync.user.updated', 'webhook', 'user_plan_' || n,
    '2026-01-01', '', 'applied'
FROM generate_series(1, {people}) n;
INSERT INTO audit_events (organization_id, id, action, event_id, subject_id)
SELECT organization_id, gen_random_uuid(), type, id, directory_user_id FROM directory_events
WHERE organization_id = 'org_plan'
""".split(";\n")


OF_ORGANIZATION = {"organization_id": "org_plan", "directory_id": "directory_plan"}
ANN = OF_ORGANIZATION | {
    "object": "directory_user", "id": "user_plan_199", "idp_id": "plan199", "email": "a@b.example",
    "state": "active",
}  # fmt: skip
LARGE = OF_ORGANIZATION | {
    "object": "directory_group", "id": "group_of_all", "name": "Everybody",
}  # fmt: skip
SMALL = LARGE | {"id": "group_plan_1", "name": "G1"}
DIRECTORY = {"object": "directory", "id": "directory_plan", "organization_id": "org_plan"}

EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("dsync.user.updated", ANN),
    ("dsync.user.updated", ANN | {"state": "inactive"}),
    ("dsync.user.updated", ANN),
    ("dsync.user.created", ANN | {"id": "user_new", "idp_id": "new"}),
    ("dsync.group.user_added", OF_ORGANIZATION | {"user": ANN, "group": LARGE}),
    ("dsync.group.user_removed", OF_ORGANIZATION | {"user": ANN, "group": LARGE}),
    ("dsync.group.user_added", OF_ORGANIZATION | {"user": ANN, "group": SMALL}),
    ("dsync.group.user_removed", OF_ORGANIZATION | {"user": ANN, "group": SMALL}),
    ("dsync.user.deleted", ANN),
    ("organization.updated", {"object": "organization", "id": "org_plan", "name": "Plan"}),
    ("dsync.group.updated", LARGE),
    ("dsync.group.deleted", LARGE),
    ("dsync.activated", DIRECTORY),
    ("dsync.deleted", DIRECTORY),
]


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> Plans:
    return Plans(monkeypatch)


@pytest.fixture
async def large(own_database_url: str) -> str:
    """A database with one organization that has everything."""
    own = Database(as_owner(own_database_url), pool_size=2)
    async with own.transaction() as session:
        for statement in [*filling(PEOPLE), *more(PEOPLE), "ANALYZE"]:
            await session.execute(text(statement))
    await own.close()
    return own_database_url


@pytest.fixture
async def stack(large: str, plans: Plans) -> AsyncIterator[Stack]:
    del plans  # it notes what is run on connections that are opened after it
    own = Database(large, pool_size=2)
    async with running_stack(own) as stack:
        yield stack
    await own.close()


async def signed_in(stack: Stack) -> httpx.AsyncClient:
    async with stack.database.transaction() as session:
        ann = (await session.execute(text(f"SELECT {AUTHOR}"))).scalar_one()
        token = await sessions.open_session(session, "org_plan", ann)
    settings = stack.app.state.settings
    cookie = session_signer(settings).sign(str(token)).decode()
    browser = stack.browser()
    browser.cookies.set(session_cookie_name(settings), cookie)
    return browser


async def test_the_posts(stack: Stack, plans: Plans) -> None:
    browser = await signed_in(stack)
    await plans.taken()
    page = (await browser.get("/posts")).json()
    await browser.get("/posts", params={"cursor": page["next_cursor"]})
    run = await plans.taken()
    assert len(run) == 2
    for plan in run:
        assert plan.rows_read <= FEW, plan.statement


@pytest.mark.parametrize("params", [{"view": "summary"}, {"author": "of them"}])
async def test_other_lists_of_posts(stack: Stack, plans: Plans, params: dict[str, str]) -> None:
    browser = await signed_in(stack)
    if "author" in params:
        params = {"author": (await browser.get("/me")).json()["id"]}
    await plans.taken()
    page = (await browser.get("/posts", params=params)).json()
    await browser.get("/posts", params=params | {"cursor": page["next_cursor"]})
    run = await plans.taken()
    assert len(run) == 2
    for plan in run:
        assert plan.rows_read <= FEW, plan.statement


async def test_writing_a_post(stack: Stack, plans: Plans) -> None:
    """By one statement, the entry of the audit trail included, after the guard's."""
    browser = await signed_in(stack)
    async with stack.database.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO role_grants (organization_id, user_id, role)"
                f" VALUES ('org_plan', {AUTHOR}, 'author')"
            )
        )
    await plans.taken()
    answer = await browser.post("/posts", json={"title": "t", "content": "c"})
    assert answer.status_code == 201
    writing = [plan for plan in await plans.taken() if "INSERT INTO posts" in plan.statement]
    assert len(writing) == 1
    assert "INSERT INTO audit_events" in writing[0].statement
    path = f"/posts/{answer.json()['id']}"
    assert (await browser.patch(path, json={"title": "u"})).status_code == 200
    assert (await browser.delete(path)).status_code == 204
    assert (await browser.post(f"{path}/restore")).status_code == 200
    for plan in [*writing, *await plans.taken()]:
        assert plan.rows_read <= FEW, plan.statement


async def test_a_webhook(stack: Stack, plans: Plans) -> None:
    for kind, data in EVENTS:
        assert await stack.post_event(new_event(kind, data)) == "applied"
        run = await plans.taken()
        assert len(run) >= 10
        for plan in run:
            assert plan.rows_read <= (FEW if "user" in kind else COUNTED), (kind, plan.statement)


async def test_whether_an_admin_is_left_is_asked_once(stack: Stack, plans: Plans) -> None:
    """Of an organization that loses several at once; whoever is last, each of them is noted."""
    leaving = [stack.person() for _ in range(6)]
    group = stack.group("Admins", *leaving)
    await stack.deliver()
    for person in leaving:
        stack.emulator.remove_member(group, person)
    events = [
        parsing.read(as_body(event), Source.WEBHOOK, DirectoryScope()) for event in stack.skip()
    ]
    await plans.taken()
    async with stack.database.connect() as connection:
        assert set(await intake.apply_all(connection, events)) == {Outcome.APPLIED}
        asked = [plan for plan in await plans.taken() if "FROM role_grants AS g" in plan.statement]
        noted = await connection.scalar(
            text("SELECT count(*) FROM audit_events WHERE action = 'admins.gone'")
        )
    assert len(asked) == 1
    assert noted == len(leaving)
