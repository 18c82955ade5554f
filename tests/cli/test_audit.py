"""`rollcall audit`: what an operator and an auditor do with the audit log."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from backend import jobs
from backend.cli.main import app
from backend.services.audit_log import seals
from backend.settings import Settings, get_settings
from tests.directory_api import user_id_of
from tests.owner import execute_as_owner
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


async def rollcall(*args: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, ["audit", *args])


async def told(*args: str) -> str:
    result = await rollcall(*args)
    assert result.exit_code == 0, result.output
    return result.stdout


async def made_old(stack: Stack) -> None:
    await execute_as_owner(
        stack.database,
        "SET LOCAL rollcall.audit_change = 'on'",
        f"""UPDATE audit_events SET at = at - interval '1 minute'
        WHERE organization_id = '{stack.organization.id}'""",
    )


async def test_seal_verify_and_a_change_that_is_noticed(stack: Stack) -> None:
    await stack.sign_in_as("Admins", "Adam")
    await made_old(stack)
    here = stack.organization.id
    assert "nothing is sealed yet" in await told("verify", "--organization", here)
    assert " entries sealed, by " in await told("seal")
    intact = await told("verify", "--organization", here)
    assert intact.startswith(f"{here}: intact. seals 1 to 1, ")
    known = intact.split()[-1]
    assert await told("verify", "--organization", here, "--known", known) == intact
    assert f"{here}: intact." in await told("verify")
    wrong = await rollcall("verify", "--organization", here, "--known", f"1:{'0' * 64}")
    assert (wrong.exit_code, "is not the one that was written down" in wrong.stdout) == (1, True)
    await execute_as_owner(
        stack.database,
        "SET LOCAL rollcall.audit_change = 'on'",
        f"DELETE FROM audit_events WHERE organization_id = '{here}' AND action = 'session.opened'",
    )
    broken = await rollcall("verify", "--organization", here)
    assert broken.exit_code == 1
    assert broken.stdout.startswith(f"{here}: BROKEN. Seal 1 (up to ")


async def test_erase_by_an_operator(stack: Stack) -> None:
    kim = stack.person("Kim", last_name="Secret")
    adam = await stack.sign_in_as("Admins", "Adam")
    user_id = await user_id_of(adam, kim)
    done = await told("erase", stack.organization.id, "--user", user_id)
    assert done.startswith("Names and addresses were erased from 1 entries")
    newest = (await adam.get("/audit", params={"limit": 1})).json()["items"][0]
    assert newest["sentence"].startswith("An operator had names and addresses of a person erased")
    assert newest["actor"] is None
    assert (await rollcall("erase", "org_x", "--user", user_id)).exit_code == 1


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["erase", "org_x"], "--user or --email"),
        (["verify", "--known", "1:ab"], "say whose seal it is"),
        (["verify", "--organization", "org_x", "--known", "one"], "as it was printed"),
    ],
)
async def test_what_is_missing_is_said(args: list[str], said: str) -> None:
    result = await rollcall(*args)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


async def test_nothing_is_pruned_where_nobody_has_said_how_long(stack: Stack) -> None:
    adam = await stack.sign_in_as("Admins", "Adam")
    before = (await adam.get("/audit/export")).text
    assert await told("prune") == "0 entries removed.\n"
    assert (await adam.get("/audit/export")).text == before


async def test_the_background_work_seals(stack: Stack) -> None:
    await stack.sign_in_as("Admins", "Adam")
    await made_old(stack)
    state = stack.app.state
    worker = jobs.Worker(state.settings, stack.database, state.workos, asyncio.Event())
    await worker.seal_audit()
    async with stack.database.connect() as connection:
        newest = await seals.newest(connection, stack.organization.id)
    assert newest is not None
    assert newest.number == 1
