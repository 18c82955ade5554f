"""`rollcall-emulator`: starts, keeps what it was told, ends cleanly, says what is wrong."""

import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.server import PROGRAM, Program
from tools.ports import free_port

ORGANIZATION = "org_01JAC0ACMER0B0T1CS00000001"
DIRECTORY = "directory_01JAC0ACMER0B0T1CS0000001"
PERSON = "{first_name = 'Ann', last_name = 'Lee', email = '%s'}"
EVENTS = "organization.created,dsync.activated,dsync.group.created,dsync.user.deleted"


def listed(program: Program, path: str, **query: str) -> list[dict[str, Any]]:
    answer = program.http.get(path, params={"limit": "100", **query})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def test_the_default_company_survives_restarts_and_crashes(tmp_path: Path) -> None:
    with Program(tmp_path) as program:
        assert [each["id"] for each in listed(program, "/organizations")] == [ORGANIZATION]
        people = listed(program, "/directory_users", directory=DIRECTORY)
        groups = listed(program, "/directory_groups", directory=DIRECTORY)
        assert 10 <= len(people) <= 15
        assert {"Authors", "Admins"} < {group["name"] for group in groups}
        in_groups = [
            person["id"]
            for person in people
            if listed(program, "/directory_groups", user=person["id"])
        ]
        assert 0 < len(in_groups) < len(people)
        told = {"department", "job_title"}
        described = [each for each in people if told <= set(each["custom_attributes"])]
        assert len(people) / 2 < len(described) < len(people)
        answer = program.http.post("/groups", data={"name": "Crashed"})
        assert answer.status_code == 303
        program.end(signal.SIGKILL)
    with Program(tmp_path) as program:
        assert listed(program, "/directory_users", directory=DIRECTORY) == people
        again = listed(program, "/directory_groups", directory=DIRECTORY)
        assert [each["name"] for each in again if each not in groups] == ["Crashed"]
        program.http.post("/settings", data={"events_held_back_seconds": "0"})
        events = [event["event"] for event in listed(program, "/events", events=EVENTS)]
        assert events.count("organization.created") == 1
        assert events.count("dsync.user.deleted") == 1
        second = subprocess.run(
            [PROGRAM, "--port", str(program.port + 1), "--home", tmp_path],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert second.returncode == 1
        assert "another emulator is running" in second.stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_quickly_and_cleanly(tmp_path: Path, how: signal.Signals) -> None:
    with Program(tmp_path) as program:
        begin = time.monotonic()
        output = program.end(how)
    assert program.process.returncode == 0
    assert time.monotonic() - begin < 8
    assert output == f"WorkOS and Okta: {program.url}/\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("companies = [", "Invalid"),
        ("[[companies]]\nname = 'A'\ncolour = 'red'", "companies.1.colour"),
        ("[[companies]]\nname = 'A'\n[[companies]]\nname = 'a'", "two companies have the name a"),
        (
            "companies = [{name = 'A', directory_id = 'd'}, {name = 'B', directory_id = 'd'}]",
            "two companies have the directory_id",
        ),
        (
            f"companies = [{{name = 'A', people = [{PERSON % 'a@x.ex'}, {PERSON % 'A@x.ex'}]}}]",
            "companies.1: two people have the e-mail address A@x.ex",
        ),
        (
            "[[companies]]\nname = 'A'\nconnected = false\ngroups = ['Authors']",
            "a company that is not connected has no groups yet",
        ),
        (
            "[[companies]]\nname = 'A'\n[[timeline]]\ndo = 'add_member'",
            "timeline.1: add_member needs person and",
        ),
    ],
)
def test_a_broken_scenario_is_one_sentence(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "broken.toml"
    file.write_text(text)
    ended = subprocess.run(
        [PROGRAM, "--port", str(free_port()), "--home", tmp_path, "--scenario", file],
        capture_output=True, text=True, check=False, timeout=20,
    )  # fmt: skip
    assert ended.returncode == 1
    assert told in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_home_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = subprocess.run(
        [PROGRAM, "--port", str(free_port()), "--home", tmp_path / "file"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert "cannot be used (" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    with Program(tmp_path / "one") as program:
        ended = subprocess.run(
            [PROGRAM, "--port", str(program.port), "--home", tmp_path / "two"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert ended.returncode == 1
    assert "is in use" in ended.stderr


def test_a_timeline_is_played_once(tmp_path: Path) -> None:
    file = tmp_path / "story.toml"
    file.write_text("""
[[companies]]
name = "Beta"
people = [{ first_name = "Ann", last_name = "Lee", email = "ann@beta.example" }]
[[timeline]]
do = "create_group"
name = "Authors"
[[timeline]]
after = 0.1
do = "add_member"
person = "ann@beta.example"
group = "Authors"
[[timeline]]
do = "add_member"
person = "nobody@beta.example"
group = "Authors"
[[timeline]]
do = "deactivate"
person = "ann@beta.example"
""")
    home = tmp_path / "home"
    wanted = "dsync.group.created,dsync.group.user_added,dsync.user.deleted"
    with Program(home, "--scenario", str(file)) as program:
        program.http.post("/settings", data={"events_held_back_seconds": "0"})
        names: list[str] = []
        for _ in range(100):
            names = [event["event"] for event in listed(program, "/events", events=wanted)]
            if len(names) == 3:
                break
            time.sleep(0.1)
        assert names == wanted.split(",")
        assert "nobody@beta.example" in program.end()
    with Program(home, "--scenario", str(file)) as program:
        time.sleep(0.5)
        assert len(listed(program, "/events", events=wanted)) == 3


def test_a_crash_while_generating_leaves_no_half_company(tmp_path: Path) -> None:
    arguments = ["--port", str(free_port()), "--home", str(tmp_path), "--people", "60000"]
    journal = tmp_path / "emulator" / "workos.sqlite-wal"
    with subprocess.Popen(
        [str(PROGRAM), *arguments, "--webhook-url", "http://127.0.0.1:9/"]
    ) as first:
        for _ in range(300):
            if journal.exists() and journal.stat().st_size > 200_000:
                break
            time.sleep(0.05)
        time.sleep(0.5)
        first.kill()
    with Program(tmp_path, "--people", "300") as program:
        (directory,) = listed(program, "/directories")
        state = program.http.get(f"/directories/{directory['id']}").json()["metadata"]
        assert state["users"]["active"] == 300


def test_a_generated_company(tmp_path: Path) -> None:
    with Program(tmp_path, "--people", "2500") as program:
        (organization,) = listed(program, "/organizations")
        (directory,) = listed(program, "/directories", organization_id=organization["id"])
        program.http.post("/settings", data={"directory_users_per_second": "0"})
        seen: set[str] = set()
        query = {"directory": directory["id"], "limit": "100"}
        while True:
            page = program.http.get("/directory_users", params=query).json()
            seen |= {user["email"] for user in page["data"]}
            if page["list_metadata"]["after"] is None:
                break
            query["after"] = page["list_metadata"]["after"]
        assert len(seen) == 2500
        state = program.http.get(f"/directories/{directory['id']}").json()["metadata"]
        assert state == {"users": {"active": 2500, "inactive": 0}, "groups": 25}
        events = listed(program, "/events", events="dsync.user.created")
        assert events == []
        found = program.http.get("/people", params={"q": "aisha.abebe.0@"}).text
        assert found.count("/people/00u") == 1
        assert "Authors" in found
