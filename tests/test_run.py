import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests import fake_program, processes
from tests.processes import is_alive
from tools import run
from tools.ports import free_port


@dataclass(frozen=True)
class Story:
    """What a fake tells of how it was started."""

    arguments: list[str]
    environment: dict[str, str]
    pids: list[int]


@dataclass(frozen=True)
class Place:
    """An empty folder to run in, with programs that pretend, and two free ports."""

    folder: Path
    port: int
    emulator_port: int

    @property
    def command(self) -> list[str]:
        return [
            *(sys.executable, str(Path(run.__file__))),
            *("--port", str(self.port), "--emulator-port", str(self.emulator_port)),
            *("--programs", str(self.folder / "programs")),
        ]

    def story(self, name: str) -> Story:
        return Story(**json.loads((self.folder / f"{name}.json").read_text()))

    def started(self) -> list[str]:
        return sorted(path.stem for path in self.folder.glob("*.json"))

    def alive(self) -> list[int]:
        pids = [pid for name in self.started() for pid in self.story(name).pids]
        return [pid for pid in pids if is_alive(pid)]

    @contextmanager
    def running(self, **environment: str) -> Iterator[subprocess.Popen[str]]:
        with subprocess.Popen(
            self.command,
            cwd=self.folder,
            env=clean_environment() | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as supervisor:
            try:
                yield supervisor
            finally:
                supervisor.kill()

    def failing(self, **environment: str) -> str:
        """What it said when it gave up."""
        with self.running(**environment) as supervisor:
            _, said = supervisor.communicate(timeout=60)
        assert supervisor.returncode == 1
        assert self.alive() == []
        return said


def clean_environment() -> dict[str, str]:
    ours = ("WORKOS_", "ROLLCALL_", "EMULATOR_", "DATABASE_", "MIGRATION_", "SESSION_SECRET")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def read_lines(supervisor: subprocess.Popen[str], count: int) -> list[str]:
    assert supervisor.stdout
    return [supervisor.stdout.readline() for _ in range(count)]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("rollcall", "rollcall-emulator"):
        script = programs / name
        script.write_text(
            f'#!/bin/sh\nexec "{sys.executable}" "{fake_program.__file__}" "$0" "$@"\n'
        )
        script.chmod(0o755)
    return Place(tmp_path, free_port(), free_port())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_everything_ends_in_order_and_no_process_stays(place: Place, number: int) -> None:
    if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip("under nohup, where it means nothing")
    with place.running() as supervisor:
        lines = read_lines(supervisor, 3)
        assert f"http://localhost:{place.port}\n" in lines[0]
        assert f"http://localhost:{place.emulator_port} " in lines[1]
        assert "Ctrl-C" in lines[2]
        assert len(place.alive()) == 4
        os.killpg(supervisor.pid, number)  # as a terminal does it
        rest, complaints = supervisor.communicate(timeout=60)
    assert (supervisor.returncode, complaints) == (0, "")
    assert "stopped" in rest
    assert place.alive() == []
    assert (place.folder / "endings").read_text() == "rollcall rollcall-emulator "


def test_without_credentials_the_application_is_told_of_the_emulator(place: Place) -> None:
    (place.folder / ".env").write_text("WORKOS_API_KEY=\nWORKOS_BASE_URL=https://api.workos.com\n")
    with place.running(NO_PROXY="intranet", ROLLCALL_HOME="elsewhere") as supervisor:
        read_lines(supervisor, 3)
        emulator, application = place.story("rollcall-emulator"), place.story("rollcall")
        supervisor.send_signal(signal.SIGINT)
        supervisor.communicate(timeout=60)
    told = dict(zip(emulator.arguments[::2], emulator.arguments[1::2], strict=True))
    given = application.environment
    assert told["--home"] == "elsewhere"
    assert told["--webhook-url"] == f"http://localhost:{place.port}/api/directory-sync"
    assert given["WORKOS_API_KEY"] == told["--api-key"]
    assert given["WORKOS_CLIENT_ID"] == told["--client-id"]
    assert given["WORKOS_WEBHOOK_SECRET"] == told["--webhook-secret"]
    assert given["WORKOS_REDIRECT_URI"] == told["--redirect-uri"]
    assert given["WORKOS_REDIRECT_URI"] == f"http://localhost:{place.port}/auth/callback"
    assert given["WORKOS_BASE_URL"] == f"http://localhost:{place.emulator_port}"
    assert given["WORKOS_ORG_ID"] == "org_1"
    assert given["NO_PROXY"] == "intranet,localhost,127.0.0.1"


@pytest.mark.parametrize("where", [".env", "environment"])
def test_with_credentials_the_real_workos_is_used_as_configured(place: Place, where: str) -> None:
    environment = {"WORKOS_API_KEY": "sk_live_1"} if where == "environment" else {}
    (place.folder / ".env").write_text(f"WORKOS_API_KEY={'sk_live_1' if not environment else ''}\n")
    with place.running(**environment) as supervisor:
        lines = read_lines(supervisor, 3)
        story = place.story("rollcall")
        supervisor.send_signal(signal.SIGINT)
        supervisor.communicate(timeout=60)
    assert place.started() == ["rollcall"]
    assert "https://api.workos.com" in lines[1]
    given = {name for name in story.environment if name.startswith("WORKOS_")}
    assert given == set(environment)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("variable", ["PORT", "EMULATOR_PORT"])
def test_a_port_in_use_is_named_before_anything_starts(
    place: Place, address: str, variable: str
) -> None:
    port = place.port if variable == "PORT" else place.emulator_port
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as taken:
        try:
            taken.bind((address, port))
        except OSError:
            pytest.skip(f"no {address} on this machine")
        taken.listen()
        said = place.failing()
    assert said.startswith(f"Port {port} is in use: ")
    assert f"make run {variable}=" in said
    assert said.count("\n") == 1
    assert place.started() == []


@pytest.mark.parametrize("port", [0, 65536, 80000, -1])
def test_a_number_that_is_no_port_is_said(place: Place, port: int) -> None:
    said = replace(place, port=port).failing()
    assert said == f"PORT is {port}: a port is a number from 1 to 65535.\n"
    assert place.started() == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"SMTP_URL=\nWORKOS API KEY: sk\n", "Line 2 of "),
        (b"EVENTS_POLL_SECONDS=often\n", "EVENTS_POLL_SECONDS in the environment or .env: "),
        (b"SMTP_URL=\xff\n", ".env is not UTF-8 text"),
    ],
)
def test_a_broken_env_file_is_explained(place: Place, content: bytes, sentence: str) -> None:
    (place.folder / ".env").write_bytes(content)
    said = place.failing()
    assert said.startswith(sentence)
    assert said.count("\n") == 1
    assert place.started() == []


def test_a_program_that_does_not_start_ends_the_others(place: Place) -> None:
    said = place.failing(FATE_rollcall="start")
    assert place.started() == ["rollcall", "rollcall-emulator"]
    assert said.startswith("rollcall cannot start\nThe application ended by itself (exit code 1)")


@pytest.mark.parametrize(
    ("name", "title", "port"),
    [
        ("rollcall", "application", "port"),
        ("rollcall-emulator", "emulator", "emulator_port"),
    ],
)
def test_a_program_that_dies_later_ends_the_others(
    place: Place, name: str, title: str, port: str
) -> None:
    with place.running(**{f"FATE_{name.replace('-', '_')}": "/end"}) as supervisor:
        read_lines(supervisor, 3)
        with socket.create_connection(("127.0.0.1", getattr(place, port))) as connection:
            connection.sendall(b"GET /end HTTP/1.0\r\n\r\n")
        _, said = supervisor.communicate(timeout=60)
    assert supervisor.returncode == 1
    assert f"{name} is unwell\nThe {title} ended by itself (exit code 3)" in said
    assert place.alive() == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_when_the_supervisor_is_killed_its_programs_end_too(place: Place) -> None:
    with place.running() as supervisor:
        read_lines(supervisor, 3)
        programs, helpers = zip(*(place.story(name).pids for name in place.started()), strict=True)
        supervisor.kill()
        wait_until(lambda: not any(is_alive(pid) for pid in programs))
    for pid in helpers:
        os.kill(pid, signal.SIGKILL)


def test_who_does_not_listen_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "GRACE_SECONDS", 0.1)
    deaf = ["sh", "-c", "trap '' INT; echo deaf; sleep 60; sleep 60"]
    with subprocess.Popen(deaf, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout
        assert process.stdout.readline() == b"deaf\n"
        run.Program("deaf", process, 0).end()
    assert process.returncode == -signal.SIGKILL


def test_programs_that_are_not_installed_are_named(place: Place) -> None:
    shutil.rmtree(place.folder / "programs")
    assert "run `make install` first" in place.failing()


def test_the_real_programs_come_up_and_go_without_a_trace(place: Place) -> None:
    # Not under tmp_path, which root makes for itself alone: PostgreSQL runs as somebody else.
    home = Path(tempfile.mkdtemp(prefix="rollcall-")).resolve()
    home.chmod(0o755)
    shutil.rmtree(place.folder / "programs")
    (place.folder / "programs").symlink_to(Path(sys.executable).parent)
    with place.running(ROLLCALL_HOME=str(home)) as supervisor:
        assert "Ctrl-C" in read_lines(supervisor, 3)[2]
        assert processes.with_argument(home)
        connection = HTTPConnection("localhost", place.port, timeout=10)
        connection.request("GET", "/auth")
        answer = connection.getresponse()
        assert answer.status == 302
        to_workos = f"http://localhost:{place.emulator_port}/sso/authorize?"
        assert (answer.headers["Location"] or "").startswith(to_workos)
        connection.close()
        supervisor.send_signal(signal.SIGINT)
        _, said = supervisor.communicate(timeout=60)
    assert (supervisor.returncode, said) == (0, "")
    assert processes.with_argument(home) == []
    shutil.rmtree(home)
