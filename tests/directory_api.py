"""Asking `/directory` in tests, and events that cannot be applied."""

import json
from typing import Any

import httpx
from sqlalchemy import text

from emulator.testing import User
from tests.stack import Stack, new_event, user_data


async def ask(browser: httpx.AsyncClient, path: str, **params: Any) -> Any:
    answer = await browser.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def execute(stack: Stack, statement: str, **values: Any) -> None:
    async with stack.database.transaction() as session:
        await session.execute(text(statement), values)


async def user_id_of(browser: httpx.AsyncClient, person: User) -> str:
    (found,) = (await ask(browser, "/team", q=person.email))["items"]
    user_id: str = found["id"]
    return user_id


async def events(browser: httpx.AsyncClient, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await ask(browser, "/directory/events", **params))["items"]
    return found


def ids(found: list[dict[str, Any]]) -> list[str]:
    return [event["id"] for event in found]


def broken(stack: Stack, **change: Any) -> dict[str, Any]:
    """An event that cannot be applied: it lacks the state."""
    return new_event("dsync.user.created", user_data(stack) | {"state": None} | change)


async def mend(stack: Stack, event: dict[str, Any]) -> None:
    """What was missing in a stored event is there now, as after an update of the parser."""
    whole = json.dumps(event | {"data": event["data"] | {"state": "active"}})
    await execute(
        stack,
        "UPDATE directory_events SET body = convert_to(:body, 'UTF8') WHERE id = :id",
        body=whole,
        id=event["id"],
    )
