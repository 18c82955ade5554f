"""Reconciling in tests: a WorkOS that can be made to fail, and both sides as they stand."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import httpx2
from sqlalchemy import select, text

from backend.schemas.reconciliations import Reconciliation, Trigger
from backend.services.reconciliation import requests as reconciliations
from backend.services.reconciliation.run import run
from backend.workos.client import WorkosClient
from backend.workos.retrying import RetryPolicy
from tests.stack import Stack

# Requests of one reconciliation of `company`: directories, organization, connections, the
# directory, two pages of people, one of groups, two of Authors, one of Admins, the directory again.
REQUESTS = 11

ONE_TRY = RetryPolicy(attempts=1, backoff=0)

# Called before each request with its number, from 1; what it returns is answered instead.
Meddle = Callable[[int, httpx2.Request], Awaitable[httpx2.Response | None]]


class Wire(httpx2.AsyncBaseTransport):
    """The way to the emulator, counted, and meddled with."""

    def __init__(self, stack: Stack, meddle: Meddle | None = None) -> None:
        self._through = httpx2.ASGITransport(app=stack.emulator.app)
        self._meddle = meddle
        self.paths: list[str] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.paths.append(request.url.raw_path.decode())
        instead = await self._meddle(len(self.paths), request) if self._meddle else None
        return instead or await self._through.handle_async_request(request)


async def request(stack: Stack, trigger: Trigger = Trigger.COMMAND) -> UUID:
    async with stack.database.transaction() as session:
        return (await reconciliations.request(session, stack.organization.id, trigger)).id


async def reconcile(
    stack: Stack,
    meddle: Meddle | None = None,
    *,
    wire: Wire | None = None,
    only: UUID | None = None,
    retry_policy: RetryPolicy = ONE_TRY,
    only_directory: str = "",
    **options: Any,
) -> Reconciliation:
    """Request (unless it is said which) and run, a minute after whatever happened before."""
    stack.clock.advance(60)
    transport = wire or Wire(stack, meddle)
    settings = stack.app.state.settings.model_copy(update={"workos_directory_id": only_directory})
    client = WorkosClient(settings, transport=transport, listings_per_second=0)
    try:
        asked = only or await request(stack)
        return await run(
            stack.database,
            client,
            stack.organization.id,
            asked,
            retry_policy=retry_policy,
            **options,
        )
    finally:
        await client.close()


async def completed(stack: Stack, meddle: Meddle | None = None, **options: Any) -> Reconciliation:
    done = await reconcile(stack, meddle, **options)
    assert done.state == "completed", done
    return done


async def confirm(stack: Stack, reconciliation_id: UUID) -> Reconciliation:
    async with stack.database.transaction() as session:
        return await reconciliations.confirm(session, stack.organization.id, reconciliation_id)


async def mirror(stack: Stack) -> dict[str, Any]:
    """What is live of the organization, and who may do what."""
    queries = {
        "people": """SELECT id, name, email, state FROM live_directory_users
            WHERE organization_id = :organization AND state = 'active'""",
        "groups": """SELECT g.id, g.name FROM live_groups g
            WHERE g.organization_id = :organization""",
        "memberships": """SELECT directory_user_id, group_id FROM live_memberships
            WHERE organization_id = :organization AND state = 'active'""",
    }
    async with stack.database.connect() as connection:
        return {
            kind: {
                tuple(row)
                for row in await connection.execute(
                    text(query), {"organization": stack.organization.id}
                )
            }
            for kind, query in queries.items()
        }


async def source(stack: Stack) -> dict[str, Any]:
    """What WorkOS lists of the organization, asked in another way than a reconciliation does."""
    client: WorkosClient = stack.app.state.workos
    found: dict[str, Any] = {"people": set(), "groups": set(), "memberships": set()}
    for directory in await client.directories(stack.organization.id):
        for user in await client.users(directory.id):
            if user.state == "active":
                found["people"].add((user.id, user.display_name, user.email, user.state))
                groups = await client.groups_of(user.id)
                found["memberships"] |= {(user.id, group.id) for group in groups}
        page = await client.list_page("directory_groups", None, directory=directory.id)
        found["groups"] |= {(item["id"], item["name"]) for item in page.items}  # type: ignore[index]  # objects
    return found


async def everything(stack: Stack) -> list[Any]:
    """Every row of the mirror, versions included."""
    rows = []
    async with stack.database.connect() as connection:
        for table in (
            "directories",
            "directory_users",
            "directory_groups",
            "directory_memberships",
        ):
            found = await connection.execute(
                text(f"SELECT to_jsonb(t) FROM {table} t WHERE organization_id = :organization"),
                {"organization": stack.organization.id},
            )
            rows += sorted(repr(row) for row in found.scalars())
    return rows


async def complete_as_of(stack: Stack) -> Any:
    async with stack.database.connect() as connection:
        return await connection.scalar(
            text(
                "SELECT max(complete_as_of) FROM directories WHERE organization_id = :organization"
            ),
            {"organization": stack.organization.id},
        )


async def audited(stack: Stack, action: str) -> list[Any]:
    async with stack.database.connect() as connection:
        found = await connection.execute(
            text(
                "SELECT subject_id, event_id, actor_id, detail FROM audit_events"
                " WHERE organization_id = :organization AND action = :action"
            ),
            {"organization": stack.organization.id, "action": action},
        )
        return list(found)


async def user_id_of(stack: Stack, person: Any) -> UUID:
    async with stack.database.connect() as connection:
        found = await connection.scalar(
            select(text("id"))
            .select_from(text("users"))
            .where(text("organization_id = :organization AND key = :key")),
            {"organization": stack.organization.id, "key": person.idp_id},
        )
    assert isinstance(found, UUID)
    return found


def answer(body: Any, status: int = 200, **headers: str) -> httpx2.Response:
    dated = {"Date": "Tue, 24 Nov 2026 12:00:00 GMT", **headers}
    return httpx2.Response(status, json=body, headers=dated)
