"""The tokens of a directory's SCIM endpoint: made and revoked, told by the Events API only."""

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from emulator.testing import Directory, Emulator, NotFoundError, Organization

Told = Callable[..., Awaitable[list[Any]]]
EVENTS = ("dsync.token.created", "dsync.token.revoked")


async def push(browser: httpx.AsyncClient, directory: Directory, token: str) -> int:
    answer = await browser.get(
        f"{directory.scim_path}/Users", headers={"Authorization": f"Bearer {token}"}
    )
    return answer.status_code


def token_of(emulator: Emulator, token_id: str) -> str:
    row = emulator.world.store.one("select token from directory_tokens where id = ?", token_id)
    return str(row["token"])


async def test_a_revoked_token_opens_nothing(
    emulator: Emulator, browser: httpx.AsyncClient, directory: Directory, told: Told
) -> None:
    (first,) = emulator.token_ids(directory.id)
    second = emulator.create_token(directory.id)
    assert await push(browser, directory, directory.token) == 200
    assert await push(browser, directory, token_of(emulator, second)) == 200
    emulator.revoke_token(first)
    emulator.revoke_token(first)
    assert await push(browser, directory, directory.token) == 401
    assert await push(browser, directory, token_of(emulator, second)) == 200
    emulator.revoke_token(second)
    for token in ("", token_of(emulator, second)):
        assert await push(browser, directory, token) == 401

    events = await told(*EVENTS)
    assert [(event.event, event.data.id) for event in events] == [
        (EVENTS[0], first), (EVENTS[0], second), (EVENTS[1], first), (EVENTS[1], second),
    ]  # fmt: skip
    assert events[2].data == events[0].data
    assert events[0].data.token_suffix == directory.token[-4:]
    sent = emulator.world.store.rows(
        "select 1 from deliveries d join events e on e.id = d.event_id"
        " where e.event like 'dsync.token.%'"
    )
    assert sent == []
    with pytest.raises(NotFoundError):
        emulator.revoke_token("directory_token_unknown")


async def test_okta_goes_on_with_the_new_token(
    emulator: Emulator, browser: httpx.AsyncClient, directory: Directory
) -> None:
    emulator.revoke_token(emulator.token_ids(directory.id)[0])
    (company,) = emulator.records.companies()
    await browser.post("/groups", data={"name": "Authors"})
    assert emulator.events[-1]["event"] == "dsync.token.revoked"
    new = token_of(emulator, emulator.create_token(directory.id))
    settings = {"app": "catalogue", "saml_id": "user.id", "scim_token": new}
    await browser.post(f"/companies/{company['id']}", data=settings)
    await browser.post("/groups", data={"name": "Admins"})
    assert emulator.events[-1]["event"] == "dsync.group.created"
    await browser.post(f"/companies/{company['id']}", data=settings | {"scim_token": ""})
    assert emulator.records.company(company["id"])["scim_token"] == new


def test_a_state_of_an_earlier_emulator_is_opened(tmp_path: Path) -> None:
    first = Emulator(home=tmp_path)
    acme: Organization = first.create_organization("Acme")
    directory = first.create_directory(acme.id, "Acme Okta")
    ann = first.create_user(directory.id, email="ann@acme.example")
    first.close()
    for half, statements in {
        "workos": (
            "drop table directory_tokens", "drop table role_assignments",
            "drop table portal_sessions", "alter table connections drop column state",
            "alter table connections drop column certificate_expires_at",
            "alter table directory_users drop column roles",
            "alter table portal_links drop column external_user_id",
        ),
        "okta": (
            "drop table signing_keys", "drop table revocations",
            "alter table companies drop column revocation_url",
            "alter table companies drop column subject_format",
            "alter table companies drop column subject_member",
        ),
    }.items():  # fmt: skip
        with sqlite3.connect(tmp_path / "emulator" / f"{half}.sqlite") as store:
            for statement in statements:
                store.execute(statement)
        store.close()

    second = Emulator(home=tmp_path)
    (token_id,) = second.token_ids(directory.id)
    assert token_of(second, token_id) == directory.token
    second.revoke_token(token_id)
    second.deactivate_connection(acme.connection_id)
    second.update_user(ann, first_name="Ann")
    assert second.events[-1]["data"]["role"] == {"slug": "member"}
    second.set_revocation(acme.id, "http://localhost:3000/revoke")
    assert second.revocation(ann).url == "http://localhost:3000/revoke"
    second.close()
    third = Emulator(home=tmp_path)
    assert third.token_ids(directory.id) == []
    third.close()
