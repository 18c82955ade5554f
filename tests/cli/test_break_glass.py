"""`rollcall break-glass`: an operator lets the owner in when nobody else can administer."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from backend.cli.main import app
from backend.settings import Settings, get_settings
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


async def break_glass(stack: Stack, *args: str) -> Result:
    here = ["break-glass", "--organization", stack.organization.id]
    return await asyncio.to_thread(CliRunner().invoke, app, [*here, *args])


async def test_the_owner_is_an_admin_for_hours_and_everybody_else_is_nothing(stack: Stack) -> None:
    adam, nora = await stack.sign_in_as("Admins", "Adam"), await stack.sign_in_as(None, "Nora")
    refused = await break_glass(stack, "--why", "Locked out.")
    assert refused.exit_code == 1
    assert "has named an owner" in refused.output
    me = await stack.me(nora)
    assert (
        await adam.put("/organization/break-glass", json={"user_id": me["id"]})
    ).status_code == 204
    told = await break_glass(stack, "--why", "Locked out.", "--hours", "2")
    assert told.exit_code == 0, told.output
    assert me["name"] in told.stdout
    assert await stack.roles(nora) == ["member", "admin"]
    status = (await nora.get("/directory")).json()
    assert [
        trouble["text"] for trouble in status["troubles"] if trouble["code"] == "break_glass"
    ] != []


@pytest.mark.parametrize("wrong", [["--why", " "], [], ["--why", "x", "--hours", "73"]])
async def test_why_and_for_how_long_must_make_sense(stack: Stack, wrong: list[str]) -> None:
    assert (await break_glass(stack, *wrong)).exit_code == 2
