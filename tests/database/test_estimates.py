"""Plans are right before the statistics are: those made on empty tables suit full ones, too."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from backend.database import Database
from tests.database.plans import Plan, Plans
from tests.database.test_access_plans import filling
from tests.database.test_hot_paths import EVENTS, more, signed_in
from tests.directory_api import ask, user_id_of
from tests.owner import as_owner, execute_as_owner, owning
from tests.reconciling import reconcile
from tests.stack import Stack, new_event, running_stack

PEOPLE = 8_000

# There is much of everything, for what fits into a few pages the planner reads whole, rightly; and
# there are other organizations. Almost all have joined, and the one who asks is an admin.
REST = f"""
UPDATE users SET joined_at = now(), department = 'D' || right(key, 2),
    last_seen_at = now() - ascii(md5(key)) * interval '1 day'
WHERE organization_id = 'org_plan' AND right(key, 2) <> '77' AND key <> 'plan300';
UPDATE directory_users SET state = 'inactive'
WHERE organization_id = 'org_plan' AND right(id, 2) = '50';
INSERT INTO role_grants (organization_id, user_id, role)
SELECT 'org_plan', id, CASE key WHEN 'plan199' THEN 'admin' ELSE 'author' END
FROM users WHERE organization_id = 'org_plan' AND right(key, 1) = '9';
INSERT INTO role_mappings (organization_id, group_id, role, source)
SELECT 'org_plan', 'group_plan_' || n, 'author', 'admin' FROM generate_series(201, 1000) AS n;
INSERT INTO reconciliations (organization_id, id, trigger, state, created_at)
SELECT 'org_plan', gen_random_uuid(), 'schedule', 'completed', now() - n * interval '1 hour'
FROM generate_series(1, 700) AS n;
INSERT INTO invitations (organization_id, id, token_hash, user_id, invited_by, expires_at)
SELECT 'org_plan', gen_random_uuid(), sha256(key::bytea), id, id, now() + interval '1 day'
FROM users WHERE organization_id = 'org_plan' AND right(key, 1) = '7';
INSERT INTO organizations (workos_id) SELECT 'org_' || n FROM generate_series(1, {PEOPLE}) AS n;
INSERT INTO organization_domains (organization_id, id, domain, state, occurred_at, event_id)
SELECT 'org_' || n, 'org_domain_' || n, n || '.example', 'verified', now(), 'event_' || n
FROM generate_series(1, {PEOPLE}) AS n;
INSERT INTO connections (organization_id, id, state, occurred_at, event_id)
SELECT 'org_' || n, 'conn_' || n, 'active', now(), 'event_' || n
FROM generate_series(1, {PEOPLE}) AS n;
INSERT INTO connection_certificates (organization_id, connection_id, due, occurred_at, event_id)
SELECT 'org_' || n, 'conn_' || n, TRUE, now(), 'event_' || n
FROM generate_series(1, {PEOPLE}) AS n;
INSERT INTO directory_tokens (organization_id, id, directory_id, revoked, occurred_at, event_id)
SELECT 'org_' || n, 'directory_token_' || n, 'directory_' || n, TRUE, now(), 'event_' || n
FROM generate_series(1, {PEOPLE}) AS n;
INSERT INTO directories (organization_id, id)
SELECT 'org_' || n, 'directory_' || n FROM generate_series(1, {PEOPLE}) AS n
""".split(";\n")

# What is not asked, by what the statement has in it, or the request.
MAY_BE_READ_WHOLE = {
    "invitations.closed_at IS NULL": {
        "invitations": "all that are open are wanted, and here these are all there are",
    },
    "u.directory_id = directory LIMIT 1000": {
        "directory_users": "one that is told of is counted, and no further than a thousand",
    },
    "GET /people/counts": {
        "users": "so many are counted as there are here",
        "directory_users": "… and each of them is looked at",
    },
    # The view access, joined where it is a filter.
    "GET /people ['status']": {
        "users": "a page of one status goes through the company until it is full",
    },
    "GET /people ['owns_posts', 'status']": {
        "users": "a page of one status goes through the company until it is full",
    },
    "GET /team ['status']": {
        "users": "a page of one status goes through the company until it is full",
    },
}
MAY_BE_MISJUDGED = {
    # A group has ten members or all. A thousand of them are counted, and some pages looked at.
    "m.group_id = l.id AND m.present": "the state of a group",
    "live_memberships.group_id = $2": "those of a group whom a preview looks at",
    "GET /directory/events/hours": "all of 72 hours are counted, a million at most",
    "LIMIT 1001": "members are counted up to a thousand",
    "users.id = ANY ($2::UUID[]) ORDER BY users.sort_name": "whom a preview names some of",
    "GET /team ['status']": "nobody knows how many have a status",
    "GET /people ['department']": "a department has hundreds of people, or nobody",
    "GET /people ['role']": "nobody knows how many have a role",
    "GET /people ['status']": "nobody knows how many have a status",
    "GET /people ['owns_posts', 'status']": "nor of those how many have written something",
    "SELECT candidate.id FROM": "nor how many may administer",
    "UPDATE posts SET author_id": "nor how much somebody has written",
    "GET /people/counts": "nor how many were let in by hand",
    "users.joined_at IS NOT NULL OR users.id = ANY": "nor how many take a seat",
}

Look = Callable[[str], Awaitable[None]]
Get = Callable[..., Awaitable[dict[str, Any]]]
Change = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> Plans:
    return Plans(monkeypatch)


@pytest.fixture(params=["planned when empty", "analysed"])
async def stack(
    request: pytest.FixtureRequest, own_database_url: str, plans: Plans
) -> AsyncIterator[Stack]:
    """With one connection, which keeps its plans."""
    own = Database(own_database_url, pool_size=1)
    async with running_stack(own) as stack:
        if request.param == "planned when empty":
            ian, kim = stack.person("Ian"), stack.person("Kim")
            stack.group("Designers", ian)
            adam = await stack.sign_in_as("Admins", "Adam")
            await use(adam, await user_id_of(adam, ian), await user_id_of(adam, kim))
            stack.emulator.delete_user(kim)
            await stack.deliver()
        *people, _analyse = filling(PEOPLE)
        await execute_as_owner(own, *people, *more(PEOPLE), *REST)
        if request.param == "analysed":
            await execute_as_owner(own, "ANALYZE")
        await plans.taken()
        yield stack
    await own.close()


async def _nothing(_asked: str) -> None:
    pass


def in_a_month() -> str:
    return (datetime.now(UTC) + timedelta(days=30)).isoformat()


async def use_people(get: Get, change: Change, person: str, newcomer: str) -> None:
    for sort in ("name", "department", "last_seen"):
        page = await get("/people", sort=sort, limit=1)
        await get("/people", sort=sort)
        await get("/people", sort=sort, cursor=page["next_cursor"])
    for filters in (
        {"group": "G2"}, {"q": "p12"}, {"department": "D7"}, {"department": "nobody's"},
        {"role": "admin"}, {"kind": "guest"}, {"kind": "service"}, {"status": "blocked"},
        {"status": "deactivated"}, {"status": "deactivated", "owns_posts": True},
    ):  # fmt: skip
        await get("/people", **filters)
    await get("/people/counts")
    await get(f"/people/{person}")
    await get(f"/people/{person}/access")
    await get(f"/people/{person}/access", as_of="2026-01-01T00:00:00Z")
    guest = {"name": "Gus", "email": f"{newcomer}@x.example", "reason": "x", "until": in_a_month()}
    guest_id = (await change("POST", "/people/guests", json=guest)).json()["id"]
    await change("PATCH", f"/people/guests/{guest_id}", json={"reason": "y"})
    await change("DELETE", f"/people/guests/{guest_id}")
    await change("POST", f"/people/{newcomer}/block", json={"reason": "x"})
    await change("POST", f"/people/{newcomer}/unblock")
    await change("POST", f"/people/{newcomer}/sign-out")
    me = (await get("/me"))["id"]
    await change("POST", f"/people/{person}/hand-over", json={"to": me})
    await change("PUT", "/organization/break-glass", json={"user_id": me})


async def use_roles(get: Any, change: Any, person: str) -> None:
    await get("/roles")
    some: dict[str, Any]
    for some in ({}, {"q": "g2"}, {"role": "author"}, {"mapped": False}):
        await get("/roles/groups", limit=2, **some)
    group = (await get("/roles/groups", limit=1, mapped=False))["items"][0]
    for wanted in ({"group_id": group["id"]}, {"slug": "editor"}):
        await change("POST", "/roles/preview", json=wanted | {"roles": ["author"]})
    some = {"roles": ["author"], "version": group["version"]}
    await change("PUT", f"/roles/mappings/{group['id']}", json=some)
    known = {each["slug"]: each for each in (await get("/roles"))["workos_roles"]}
    some = {"roles": ["author"], "version": known.get("editor", {}).get("version", 0)}
    await change("PUT", "/roles/workos/editor", json=some)
    await change("POST", f"/people/{person}/grants", json={"role": "author", "reason": "r"})
    await change("DELETE", f"/people/{person}/grants/author")


async def use_tokens(get: Any, change: Any, person: str) -> None:
    for path in ("/sessions", "/tokens", f"/people/{person}/sessions", "/organization/tokens"):
        await get(path)
    token = {"name": "t", "scopes": ["read"]}
    made = (await change("POST", "/tokens", json=token)).json()
    await change("DELETE", f"/tokens/{made['id']}")
    robot = {"name": "Program", "role": "author", "reason": "Tried."}
    made = (await change("POST", "/service-accounts", json=robot)).json()
    program = f"/service-accounts/{made['id']}"
    await change("POST", f"{program}/tokens", json=token)
    await get("/service-accounts")
    await change("DELETE", program)


async def use(admin: httpx.AsyncClient, person: str, newcomer: str, look: Look = _nothing) -> None:
    async def get(path: str, **query: Any) -> dict[str, Any]:
        answer: dict[str, Any] = await ask(admin, path, **query)
        await look(f"GET {path} {sorted(query)}")
        return answer

    async def change(method: str, path: str, **more: Any) -> httpx.Response:
        answer = await admin.request(method, path, **more)
        assert answer.is_success, answer.text
        await look(f"{method} {path}")
        return answer

    await change("POST", "/posts", json={"title": "s", "content": "c"})
    written = await change("POST", "/posts", json={"title": "t", "content": "c"})
    post = f"/posts/{written.json()['id']}"
    page = await get("/posts", limit=1)
    await get("/posts")
    await get("/posts", cursor=page["next_cursor"])
    for filters in (
        {"view": "summary"}, {"author": written.json()["author"]["id"]}, {"q": "t"},
        {"q": "nowhere"}, {"q": "t", "author": person},
    ):  # fmt: skip
        await get("/posts", **filters)
    await get(post)
    await change("PATCH", post, json={"title": "u"})
    await change("DELETE", post)
    await change("POST", f"{post}/restore")
    await get("/me")
    assert (await admin.get(f"/me/invitations/{person}")).status_code == 404
    await look("GET /me/invitations/{id}")
    page = await get("/team", limit=1)
    await get("/team")
    await get("/team", cursor=page["next_cursor"])
    for filters in (
        {"group": "Everybody"}, {"group": "G2"}, {"q": "p"}, {"q": "p12"}, {"q": "nobody"},
        {"status": "joined"}, {"status": "invitable"}, {"status": "invited"},
        {"status": "deactivated"},
    ):  # fmt: skip
        await get("/team", **filters)
    await use_people(get, change, person, newcomer)
    page = await get("/directory/events", limit=1)
    await get("/directory/events", cursor=page["next_cursor"])
    for filters in (
        {}, {"person": person}, {"group": "group_plan_1"}, {"type": "dsync.user.updated"},
        {"outcome": "parked"}, {"outcome": "applied", "since": "2026-01-01T00:00:00Z"},
        {"source": "webhook"},
    ):  # fmt: skip
        await get("/directory/events", **filters)
        await get("/directory/events/count", **filters)
    await get("/directory/events/hours")
    await get(f"/directory/events/{page['items'][0]['id']}")
    await get("/directory")
    await get("/directory", counts=False)
    await get("/directory/reconciliations")
    await get(f"/directory/people/{person}/access")
    await use_roles(get, change, person)
    await change("POST", f"/team/{newcomer}/invitation")
    await change("DELETE", f"/team/{newcomer}/invitation")
    await change("POST", f"/team/{newcomer}/invitation/restore")
    await change("DELETE", f"/team/{newcomer}/invitation")
    await use_tokens(get, change, person)
    begun = await admin.get("/auth", params={"email": "ann@77.example"})
    assert begun.status_code == 302
    await look("GET /auth")
    version = (await get("/organization"))["version"]
    await change("PATCH", "/organization", json={"version": version, "seats": 5})
    await change("POST", "/sessions/end-others")


def faults(asked: str, plan: Plan) -> list[str]:
    about = f"{asked} {plan.statement}"
    whole = plan.read_whole.difference(
        *(set(tables) for part, tables in MAY_BE_READ_WHOLE.items() if part in about)
    )
    known = any(part in about for part in MAY_BE_MISJUDGED)
    return [*(f"{table} is read whole" for table in whole), *([] if known else plan.misjudged)]


async def test_no_plan_waits_for_statistics(stack: Stack, plans: Plans) -> None:
    found: dict[str, list[str]] = {}
    seen = 0

    async def look(asked: str) -> None:
        nonlocal seen
        for plan in await plans.taken():
            if plan.tables:
                seen += 1
                if wrong := faults(asked, plan):
                    found.setdefault(f"{asked}: {plan.statement}", wrong)

    async with owning(stack.database) as connection:
        ann, newcomer = await connection.fetchrow(
            "SELECT (SELECT id FROM users WHERE key = 'plan299'),"
            " (SELECT id FROM users WHERE key = 'plan300')"
        )
    admin = await signed_in(stack)
    await plans.taken()
    await use(admin, str(ann), str(newcomer), look)
    for kind, data in EVENTS:
        assert await stack.post_event(new_event(kind, data)) == "applied"
        await look(kind)
    assert found == {}
    assert seen > 200


async def test_a_small_listing_does_not_unteach_the_planner(own_database_url: str) -> None:
    """Where the owner serves: no other role may analyse."""
    own = Database(as_owner(own_database_url), pool_size=2)
    async with running_stack(own) as stack:
        for _ in range(300):
            stack.person()
        stack.skip()  # nothing tells of them, so that all are new
        admin = await stack.sign_in_as("Admins", "Adam")
        stack.clock.advance(15)
        await reconcile(stack)
        assert len((await ask(admin, "/team", limit=100))["items"]) == 100
    await own.close()
    async with owning(own_database_url) as connection:
        query = "SELECT reltuples FROM pg_class WHERE relname IN ('users', 'directory_users')"
        assert {row["reltuples"] for row in await connection.fetch(query)} == {2000}
