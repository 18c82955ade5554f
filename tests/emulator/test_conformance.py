"""Two SCIM conformance programs that are not ours, against the running emulator.

Two settings are other than WorkOS's for them, because scim2-tester creates people with random
values: who has no address is announced, and with soft deletion a creation with `active: false` is
not refused. RFC 7644 section 3.12 is on WorkOS's side (400 invalidValue, "the value specified was
not compatible with the operation"), and test_workos_requirements.py holds both.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.emulator.server import Program

SETTINGS = {
    "unique_email": "on", "webhooks": "on", "retain_deactivated": "on", "without_email": "announce",
}  # fmt: skip
TOOLS = Path(sys.executable).parent


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    with Program(tmp_path_factory.mktemp("conformance")) as program:
        saved = program.http.post("/settings", data=SETTINGS)
        assert saved.status_code == 303
        yield program.scim_token()


def test_scim2_tester_passes_entirely(endpoint: tuple[str, str]) -> None:
    url, token = endpoint
    header = f"Authorization: Bearer {token}"
    ended = subprocess.run(
        [TOOLS / "scim2", "--url", url, "--header", header, "test"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    outcomes = [line.split()[0] for line in ended.stdout.splitlines() if line[:1].isupper()]
    assert ended.returncode == 0, ended.stdout
    assert set(outcomes) - {"Performing", "SUCCESS"} <= {"SKIPPED"}, ended.stdout
    assert outcomes.count("SUCCESS") > 80


def test_scim_sanity_passes_entirely(endpoint: tuple[str, str]) -> None:
    url, token = endpoint
    ended = subprocess.run(
        [TOOLS / "scim-sanity", "probe", url, "--token", token, "--i-accept-side-effects"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout
    assert "[FAIL]" not in ended.stdout
    assert "[WARN]" not in ended.stdout
    assert ended.stdout.count("[PASS]") == 28
