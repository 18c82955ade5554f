"""`rollcall grant-admin`: the way back for an organization that has lost its admins."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from backend.cli.main import app
from backend.settings import Settings, get_settings
from tests.directory_api import ask, execute
from tests.stack import Stack


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


async def grant_admin(stack: Stack, who: str, *, why: str = "nobody was left") -> Result:
    args = ["grant-admin", who, "--organization", stack.organization.id, "--why", why]
    return await asyncio.to_thread(CliRunner().invoke, app, args)


async def trail(stack: Stack) -> list[Any]:
    query = text(
        "SELECT subject_id, actor_id, detail FROM audit_events"
        " WHERE organization_id = :here AND action = 'grant.created'"
    )
    async with stack.database.connect() as connection:
        return list((await connection.execute(query, {"here": stack.organization.id})).all())


async def test_after_the_directory_has_taken_the_last_one(stack: Stack) -> None:
    adam = stack.person("Adam", email="Adam.Été@acme.example")
    admins = stack.group("Admins", adam)
    await stack.deliver()
    browser = await stack.sign_in(adam)
    me = (await stack.me(browser))["id"]
    stack.emulator.delete_group(admins)
    await stack.deliver()
    assert await stack.roles(browser) == ["member"]
    result = await grant_admin(stack, " adam.ÉTÉ@ACME.example")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{(await stack.me(browser))['name']} ({me}) is an admin from now on.\n"
    assert await stack.roles(browser) == ["member", "admin"]
    (row,) = await trail(stack)
    assert (row.subject_id, row.actor_id) == (me, None)
    assert (row.detail["role"], row.detail["reason"]) == ("admin", "nobody was left")
    (shown,) = (await ask(browser, f"/directory/people/{me}/access"))["grants"]
    assert (shown["granted_by"], shown["reason"]) == (None, "nobody was left")
    history = (await ask(browser, f"/directory/people/{me}/access"))["history"]["items"]
    assert (history[0]["summary"], history[0]["cause"]["kind"]) == ("Gained admin.", "operator")


async def test_whoever_may_not_enter_is_told_of(stack: Stack) -> None:
    ann = stack.person("Ann")
    await stack.deliver()
    stack.emulator.deactivate_user(ann)
    await stack.deliver()
    result = await grant_admin(stack, ann.email or "")
    assert result.exit_code == 0, result.output
    assert "They may not enter at all" in result.stdout


async def test_it_names_one_person_of_the_organization(stack: Stack) -> None:
    other = Stack(stack.app, stack.emulator, stack.clock)
    elsewhere = other.person("Ann")
    await other.deliver()
    ann, bob = stack.person("Ann"), stack.person("Bob")
    await stack.deliver()
    for who in (elsewhere.email or "", "nobody@acme.example", ""):
        result = await grant_admin(stack, who)
        assert (result.exit_code, result.stdout) == (1, ""), who
        assert "has nobody with the address" in result.stderr
    await execute(
        stack,
        "UPDATE users SET email = :email WHERE organization_id = :here",
        email="one@acme.example",
        here=stack.organization.id,
    )
    result = await grant_admin(stack, "one@acme.example")
    assert result.exit_code == 1
    assert "name one of them by the id" in result.stderr
    assert await trail(stack) == []
    query = text("SELECT id::text FROM users WHERE organization_id = :here ORDER BY id")
    async with stack.database.connect() as connection:
        ids = list(await connection.scalars(query, {"here": stack.organization.id}))
    assert len(ids) == len([ann, bob])
    assert (await grant_admin(stack, ids[0])).exit_code == 0
    assert [row.subject_id for row in await trail(stack)] == [ids[0]]


async def test_it_says_why(stack: Stack) -> None:
    result = await grant_admin(stack, "ann@acme.example", why="  ")
    assert result.exit_code == 2
