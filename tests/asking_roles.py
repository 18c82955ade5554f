"""Asking `/roles` in tests, and changing what gives which."""

from typing import Any

import httpx
from sqlalchemy import text

from tests.directory_api import ask, execute
from tests.stack import Stack, new_event, user_data


async def group_named(admin: httpx.AsyncClient, name: str) -> dict[str, Any]:
    (found,) = (await ask(admin, "/roles/groups", q=name))["items"]
    group: dict[str, Any] = found
    return group


async def put(
    admin: httpx.AsyncClient, group: dict[str, Any], *roles: str, version: int | None = None
) -> httpx.Response:
    body = {"roles": roles, "version": group["version"] if version is None else version}
    return await admin.put(f"/roles/mappings/{group['id']}", json=body)


async def have_give(admin: httpx.AsyncClient, name: str, *roles: str) -> dict[str, Any]:
    """The group of this name as it is then."""
    answer = await put(admin, await group_named(admin, name), *roles)
    assert answer.status_code == 200, answer.text
    group: dict[str, Any] = answer.json()
    return group


async def have_slug_give(admin: httpx.AsyncClient, slug: str, *roles: str, version: int = 0) -> Any:
    body = {"roles": roles, "version": version}
    answer = await admin.put(f"/roles/workos/{slug}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def grant(admin: httpx.AsyncClient, user_id: str, role: str, **more: Any) -> httpx.Response:
    body = {"role": role, "reason": "as a test", **more}
    return await admin.post(f"/people/{user_id}/grants", json=body)


async def entry_of(admin: httpx.AsyncClient, role: str) -> dict[str, Any]:
    """All that gives a role."""
    (found,) = [each for each in (await ask(admin, "/roles"))["items"] if each["role"] == role]
    entry: dict[str, Any] = found
    return entry


async def trail(stack: Stack, action: str) -> list[Any]:
    query = text(
        "SELECT subject_id, actor_id::text, event_id, detail FROM audit_events"
        " WHERE organization_id = :here AND action = :action ORDER BY at, id"
    )
    async with stack.database.connect() as connection:
        found = await connection.execute(query, {"here": stack.organization.id, "action": action})
        return list(found.all())


async def heed(stack: Stack, source: str) -> None:
    await execute(
        stack,
        "UPDATE organizations SET role_source = :source WHERE workos_id = :here",
        source=source,
        here=stack.organization.id,
    )


def with_roles(user: dict[str, Any], *slugs: str, **more: Any) -> dict[str, Any]:
    """An event that says which roles somebody has at WorkOS."""
    roles = [{"slug": slug} for slug in slugs]
    given = {"role": roles[0] if roles else None, "roles": roles}
    return new_event("dsync.user.updated", user | given | more)


async def somebody(stack: Stack, *slugs: str) -> dict[str, Any]:
    """In the directory, with these roles at WorkOS."""
    user = user_data(stack)
    assert await stack.post_event(with_roles(user, *slugs)) == "applied"
    return user


async def roles_of(admin: httpx.AsyncClient, user: dict[str, Any]) -> list[str]:
    (found,) = (await ask(admin, "/team", q=user["email"]))["items"]
    roles: list[str] = found["roles"]
    return roles
