"""The emulator is an administrator's page without a password: who may ask it for anything."""

import os
import stat
from pathlib import Path

import httpx
import pytest

from emulator.testing import Emulator
from tests.emulator.server import Program

FORM = {"send_twice": "7"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:3000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://emulator:8080"},
        {"Origin": "null"},
    ],
)
@pytest.mark.parametrize("path", ["/faults", "/settings", "/people", "/emulator/settle"])
async def test_a_foreign_site_changes_nothing(
    emulator: Emulator, browser: httpx.AsyncClient, headers: dict[str, str], path: str
) -> None:
    refused = await browser.post(path, data=FORM, headers=headers)
    assert refused.status_code == 403
    assert emulator.faults.send_twice == 0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://emulator"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://emulator"},
    ],
)
async def test_the_page_itself_and_programs_may(
    emulator: Emulator, browser: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    assert (await browser.post("/faults", data=FORM, headers=headers)).status_code == 303
    assert emulator.faults.send_twice == 7


async def test_a_sign_in_may_come_from_the_application(
    emulator: Emulator, browser: httpx.AsyncClient
) -> None:
    query = {"client_id": emulator.client_id, "redirect_uri": emulator.options.redirect_uri}
    answer = await browser.get(
        "/sso/authorize", params=query, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert answer.headers["Location"].startswith(emulator.options.redirect_uri)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:3001", "emulator.evil.example", ""])
async def test_an_unknown_host_is_refused(browser: httpx.AsyncClient, host: str) -> None:
    for path in ("/", "/settings", "/healthz", "/events", "/scim/v2.0/x/Users"):
        refused = await browser.get(path, headers={"Host": host})
        assert refused.status_code == 400
        assert "sk_test" not in refused.text


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:3001", "LOCALHOST", "127.0.0.1:3001", "[::1]:3001", "emulator"]
)
async def test_its_own_names_are_known(browser: httpx.AsyncClient, host: str) -> None:
    assert (await browser.get("/settings", headers={"Host": host})).status_code == 200


async def test_no_page_can_be_framed(browser: httpx.AsyncClient) -> None:
    for path in ("/", "/settings", "/nowhere"):
        headers = (await browser.get(path)).headers
        assert headers["Content-Security-Policy"] == "frame-ancestors 'none'"
        assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.usefixtures("directory")
async def test_a_refusal_leads_nowhere_else(browser: httpx.AsyncClient) -> None:
    refused = await browser.post(
        "/people/unknown/push", headers={"Referer": "https://evil.example/people?q=a"}
    )
    assert refused.headers["Location"] == "/people?q=a"


def test_its_files_are_its_owners(tmp_path: Path) -> None:
    home = tmp_path / "home"
    folder = home / "emulator"
    folder.mkdir(parents=True)
    (folder / "workos.sqlite").touch(mode=0o644)
    umask = os.umask(0o022)
    try:
        with Program(home, "--allowed-host", "rollcall.test") as program:
            program.http.get("/").raise_for_status()
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
            known = program.http.get("/", headers={"Host": "rollcall.test"})
            unknown = program.http.get("/", headers={"Host": "other.test"})
    finally:
        os.umask(umask)
    assert {"workos.sqlite", "okta.sqlite", "workos.sqlite-wal", "lock"} <= set(modes)
    assert set(modes.values()) == {0o600}
    assert (known.status_code, unknown.status_code) == (200, 400)
    with Program(tmp_path / "new"):
        assert stat.S_IMODE((tmp_path / "new" / "emulator").stat().st_mode) == 0o700
