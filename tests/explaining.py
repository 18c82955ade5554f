"""Asking in tests why somebody has the access they have."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import text

from backend.database import Database
from backend.schemas.access import Actor, Role
from backend.schemas.explanation import Explanation
from backend.services.explanation import access as access_explanation
from emulator.testing import User as Person
from tests.stack import Stack, new_event


async def user_id_of(browser: httpx.AsyncClient, person: Person | str) -> str:
    query = person if isinstance(person, str) else person.email
    (found,) = (await browser.get("/team", params={"q": query})).json()["items"]
    user_id: str = found["id"]
    return user_id


async def why(browser: httpx.AsyncClient, user_id: str, **params: Any) -> Any:
    answer = await browser.get(f"/directory/people/{user_id}/access", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def execute(stack: Stack, statement: str, **values: Any) -> None:
    async with stack.database.transaction() as session:
        await session.execute(text(statement), values)


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


def membership(user: dict[str, Any], group: dict[str, Any]) -> dict[str, Any]:
    return {"directory_id": user["directory_id"], "user": user, "group": group}


def group_data(stack: Stack, user: dict[str, Any], name: str = "Designers") -> dict[str, Any]:
    return {
        "object": "directory_group",
        "id": user["id"].replace("user", "group"),
        "directory_id": user["directory_id"],
        "organization_id": stack.organization.id,
        "idp_id": name,
        "name": name,
    }


async def post(stack: Stack, kind: str, data: dict[str, Any], seconds_ago: float) -> str:
    event = new_event(kind, data, created_at=ago(seconds_ago))
    assert await stack.post_event(event) == "applied"
    event_id: str = event["id"]
    return event_id


async def explained(database: Database, organization_id: str, user_id: Any) -> Explanation:
    asking = Actor(
        user_id=user_id,
        name="",
        email=None,
        organization_id=organization_id,
        organization_name="",
        roles=(Role.ADMIN,),
    )
    async with database.snapshot() as snapshot:
        return await access_explanation.explain(snapshot, asking, user_id, cursor=None, limit=100)
