"""`rollcall identities`: the way back for people who cannot sign in as themselves any more."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from unicodedata import normalize

import pytest
from typer.testing import CliRunner, Result

from backend.cli.main import app
from backend.settings import Settings, get_settings
from emulator.workos import organizations
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
    return await asyncio.to_thread(CliRunner().invoke, app, ["identities", *args])


async def told(*args: str) -> str:
    result = await rollcall(*args)
    assert result.exit_code == 0, result.output
    return result.stdout


def connection(stack: Stack, organization_id: str | None = None) -> str:
    here = organization_id or stack.organization.id
    return str(organizations.create_connection(stack.emulator.world, here, "Another")["id"])


async def test_a_second_connection_is_allowed(stack: Stack) -> None:
    ann, bob = stack.person("Ann"), stack.person("Bob")
    await stack.deliver()
    hers = await stack.me(await stack.sign_in(ann))
    await stack.sign_in(bob)
    other = connection(stack)
    assert await stack.refused(ann, connection_id=other) == "other_connection"
    await told("allow", stack.organization.id, hers["id"], other)
    again = await stack.me(await stack.sign_in(ann, connection_id=other))
    assert again["id"] == hers["id"]
    await stack.sign_in(ann)
    assert await stack.refused(bob, connection_id=other) == "other_connection"
    listed = await told("list", stack.organization.id, "--user", hers["id"])
    assert listed.count(hers["id"]) == 2


async def test_a_connection_that_stops_sending_ids(stack: Stack) -> None:
    ann = stack.person("Ann")
    await stack.deliver()
    stack.clock.advance(15)
    browser = await stack.sign_in(ann)
    hers = await stack.me(browser)
    assert await stack.refused(ann, idp_id="saml-ann") == "not_in_directory"
    (line,) = (await told("list", stack.organization.id)).splitlines()
    connection_id = next(word for word in line.split() if word.startswith("conn_"))
    done = await told("forget", stack.organization.id, "--connection", connection_id)
    assert done.startswith("1 forgotten")
    assert (await browser.get("/me")).status_code == 401
    assert (await stack.me(await stack.sign_in(ann, idp_id="saml-ann")))["id"] == hers["id"]


async def test_a_tie_by_address_is_said_to_hold_in_either_spelling(stack: Stack) -> None:
    """As the sign-in itself finds it to hold."""
    kept, said = (normalize(form, "åsa@acme.example") for form in ("NFD", "NFC"))
    asa = stack.person("Asa", email=kept)
    await stack.deliver()
    stack.clock.advance(15)
    for _ in range(2):
        await stack.sign_in(asa, idp_id="saml-asa", email=said)
    listed = await told("list", stack.organization.id)
    assert f"by email {said}" in listed
    assert "does not hold" not in listed
    stack.emulator.update_user(asa, email="other@acme.example")
    await stack.deliver()
    assert "does not hold" in await told("list", stack.organization.id)


async def test_a_connection_that_was_made_anew(stack: Stack) -> None:
    ann, bob = stack.person("Ann"), stack.person("Bob")
    await stack.deliver()
    hers = await stack.me(await stack.sign_in(ann))
    await stack.sign_in(bob)
    new = connection(stack)
    assert await stack.refused(ann, connection_id=new) == "other_connection"
    await told("forget", stack.organization.id, "--user", hers["id"])
    assert (await stack.me(await stack.sign_in(ann, connection_id=new)))["id"] == hers["id"]
    assert await stack.refused(bob, connection_id=new) == "other_connection"


async def test_two_users_of_one_person_are_joined(stack: Stack) -> None:
    """After a change of provider, whose directory has another id of everybody."""
    authors = stack.group("Authors")
    ann = stack.person("Ann", email="ann@acme.example")
    stack.emulator.add_member(authors, ann)
    await stack.deliver()
    browser = await stack.sign_in(ann)
    earlier = await stack.me(browser)
    written = await browser.post("/posts", json={"title": "Mine", "content": "Words"})
    assert written.status_code == 201
    path = f"/posts/{written.json()['id']}"
    written = await browser.patch(path, json={"content": "Other words"})
    deleted = (await browser.post("/posts", json={"title": "Gone", "content": "Words"})).json()
    assert (await browser.delete(f"/posts/{deleted['id']}")).status_code == 204
    anna = stack.person("Ann", email="ann.new@acme.example")
    stack.emulator.add_member(authors, anna)
    await stack.deliver()
    now = await stack.sign_in(anna)
    ids = (earlier["id"], (await stack.me(now))["id"])
    refused = await rollcall("join", stack.organization.id, *ids)
    assert refused.exit_code == 1
    assert "another person" in refused.stderr
    stack.emulator.deactivate_user(ann)
    await stack.deliver()
    assert "1 posts" in await told("join", stack.organization.id, *ids)
    (post,) = (await now.get("/posts")).json()["items"]
    assert (post["title"], post["author"]["id"], post["can_edit"]) == ("Mine", ids[1], True)
    assert post["updated_at"] == written.json()["updated_at"]
    assert post["edited_by"] == post["author"]
    restored = await now.post(f"/posts/{deleted['id']}/restore")
    assert restored.json()["author"] == post["author"]


async def test_nothing_of_another_organization_is_touched(stack: Stack) -> None:
    """Invariant 9."""
    other = Stack(stack.app, stack.emulator, stack.clock)
    ann = stack.person("Ann")
    await stack.deliver()
    browser = await stack.sign_in(ann)
    me = await stack.me(browser)
    there = other.organization.id
    assert (await told("forget", there, "--user", me["id"])).startswith("0 forgotten")
    for command in (
        ["allow", there, me["id"], "conn_1"],
        ["join", there, me["id"], me["id"][::-1]],
    ):
        assert (await rollcall(*command)).exit_code != 0
    assert (await browser.get("/me")).status_code == 200


async def test_forgetting_says_whose(stack: Stack) -> None:
    assert (await rollcall("forget", stack.organization.id)).exit_code == 2
