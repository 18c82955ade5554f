"""`rollcall events`: parked events shown with their reason, replayed singly or as a range."""

import asyncio
import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from backend.cli.main import app
from backend.settings import Settings, get_settings
from tests.owner import execute_as_owner
from tests.stack import Stack, new_event, user_data

pytestmark = pytest.mark.usefixtures("database")  # which migrates it


@pytest.fixture(autouse=True)
def _elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> Iterator[None]:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


async def rollcall(*args: str) -> Result:
    """`rollcall events …`, with an event loop of its own as in a terminal."""
    return await asyncio.to_thread(CliRunner().invoke, app, ["events", *args])


async def lines(*args: str) -> list[str]:
    result = await rollcall(*args)
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def sentence(result: Result) -> str:
    assert (result.exit_code, result.stdout) == (1, ""), result.output
    (line,) = result.stderr.splitlines()
    return line


def of_a_kind(stack: Stack, **change: Any) -> dict[str, Any]:
    """An event of which the inbox has no other of its type."""
    return new_event("dsync.user.created", user_data(stack) | change)


async def set_body(stack: Stack, event: dict[str, Any], body: bytes | None) -> None:
    async with stack.database.transaction() as session:
        await session.execute(
            text("UPDATE directory_events SET body = :body WHERE id = :id"),
            {"body": body, "id": event["id"]},
        )


async def test_a_parked_event_is_shown_and_replayed(stack: Stack) -> None:
    """Its cause lies in what the database holds; once that is gone a replay applies it."""
    event = new_event("dsync.user.created", user_data(stack))
    await execute_as_owner(
        stack.database,
        "ALTER TABLE directory_users ADD CONSTRAINT for_a_test"
        f" CHECK (id <> '{event['data']['id']}') NOT VALID",
    )
    try:
        assert await stack.post_event(event) == "parked"
    finally:
        await execute_as_owner(
            stack.database, "ALTER TABLE directory_users DROP CONSTRAINT for_a_test"
        )
    listed = await lines("list", "--outcome", "parked", "--limit", "1000")
    (at,) = [number for number, line in enumerate(listed) if event["id"] in line]
    assert "dsync.user.created" in listed[at]
    assert listed[at + 1].startswith("    The database's rules refuse a value of the event.")
    shown = "\n".join(await lines("show", event["id"]))
    assert "for_a_test" in shown
    assert event["data"]["email"] in shown
    assert await lines("replay", event["id"]) == ["applied"]
    assert await lines("replay", event["id"]) == ["superseded"]
    # It stays known as applied, and webhooks go on.
    assert await stack.post_event(event) == "duplicate"
    shown = "\n".join(await lines("show", event["id"]))
    assert "outcome:         applied" in shown
    assert "try 3, replay: superseded" in shown
    assert "try 2, replay: applied" in shown
    assert '"roles": ["member"]' in shown


async def test_list_filters(stack: Stack) -> None:
    kind = f"unknown.{secrets.token_hex(4)}"
    kim = stack.person("Kim")
    group = stack.group("Designers", kim)
    adam = await stack.sign_in_as("Admins", "Adam")
    event = new_event(kind, {})
    await stack.post_event(event)
    (line,) = await lines("list", "--type", kind)
    assert (event["id"] in line, "ignored" in line) == (True, True)
    assert await lines("list", "--type", f"{kind}.x") == ["No events."]
    (user,) = (await adam.get("/team", params={"q": kim.email})).json()["items"]
    about = await lines("list", "--person", user["id"])
    assert [line.split()[3] for line in about] == ["dsync.group.user_added", "dsync.user.created"]
    about = await lines("list", "--group", group.id, "--limit", "1")
    assert about[0].split()[3] == "dsync.group.user_added"
    assert about[1] == "The newest 1; there are more (--limit, --until)."
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert await lines("list", "--since", tomorrow) == ["No events."]
    assert await lines("list", "--until", "2026-01-01", "--type", kind) == ["No events."]


async def test_a_range_of_which_one_stays_parked(stack: Stack) -> None:
    parked = [of_a_kind(stack, state=None) for _ in range(3)]
    since = datetime.now(UTC).isoformat()
    for event in parked:
        await stack.post_event(event)
    for event in parked[:2]:
        whole = event | {"data": event["data"] | {"state": "active"}}
        await set_body(stack, event, json.dumps(whole).encode())
    ids = [event["id"] for event in parked]
    result = await rollcall("replay", *ids, "--outcome", "parked", "--since", since)
    assert (result.exit_code, result.stdout.splitlines()) == (
        1,
        [f"{ids[2]}  parked", "3 replayed: 2 applied, 1 parked."],
    )
    result = await rollcall("replay", "--since", since, "--type", "dsync.user.created")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (1, "1 replayed: 1 parked.")
    assert await lines("replay", *ids[:2]) == ["2 replayed: 2 superseded."]
    nothing = ["replay", "--outcome", "parked", "--until", "2000-01-01"]
    assert await lines(*nothing) == ["0 replayed."]
    # Leave nothing parked for others.
    await set_body(stack, parked[2], json.dumps(new_event("x", {}) | {"id": ids[2]}).encode())
    assert await lines("replay", ids[2]) == ["ignored"]


async def test_a_single_one_that_stays_parked_ends_with_1(stack: Stack) -> None:
    event = of_a_kind(stack, state=None)
    await stack.post_event(event)
    result = await rollcall("replay", event["id"])
    assert (result.exit_code, result.stdout) == (1, "parked\n")
    (shown,) = [line for line in await lines("show", event["id"]) if line.startswith("error:")]
    assert "The value of “state” is not of the kind that WorkOS describes." in shown


async def test_a_purged_body(stack: Stack) -> None:
    event = of_a_kind(stack)
    await stack.post_event(event)
    await set_body(stack, event, None)
    shown = await lines("show", event["id"])
    assert shown[-1] == "The body was purged: the event cannot be replayed any more."
    said = sentence(await rollcall("replay", event["id"]))
    assert said.startswith("The event cannot be applied again: its body was purged")
    result = await rollcall("replay", event["id"], "event_unknown")
    assert (result.exit_code, result.stdout.splitlines()) == (
        1,
        [f"{event['id']}  body purged", "event_unknown  unknown", "0 replayed."],
    )


@pytest.mark.parametrize("command", ["show", "replay"])
async def test_unknown_id(command: str) -> None:
    said = sentence(await rollcall(command, "event_unknown"))
    assert said == "No event has this id; `rollcall events list` shows the newest."


@pytest.mark.parametrize(
    "args",
    [
        ("list", "--limit", "0"),
        ("list", "--limit", "x"),
        ("list", "--outcome", "lost"),
        ("list", "--since", "soon"),
        ("list", "--person", "ann"),
        ("replay",),
        ("replay", "--until", "soon"),
        ("show",),
    ],
)
async def test_options_that_cannot_be_used(args: tuple[str, ...]) -> None:
    result = await rollcall(*args)
    assert (result.exit_code, result.stdout) == (2, "")
