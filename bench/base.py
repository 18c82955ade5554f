"""Another commit of this repository, set up to run beside this one."""

import filecmp
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.programs import HEAD, Application

_PAGES = "frontend/build"  # the application refuses to start without them; nothing measures them
_LOCK = "requirements.lock"


@contextmanager
def checked_out(commit: str, home: Path) -> Iterator[Application]:
    """The application at a commit, with this one's packages where it has locked the same."""
    tree = home / "base"
    _git("worktree", "add", "--detach", "--quiet", str(tree), commit)
    try:
        shutil.copytree(HEAD / _PAGES, tree / _PAGES)
        yield Application("base", tree, _python(tree))
    finally:
        _git("worktree", "remove", "--force", str(tree))


def _python(tree: Path) -> str:
    if filecmp.cmp(HEAD / _LOCK, tree / _LOCK, shallow=False):
        return sys.executable
    print("The packages of that commit are others; they are being installed …", flush=True)
    venv.create(tree / ".venv", with_pip=True)
    python = str(tree / ".venv" / "bin" / "python")
    install = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    subprocess.run([python, *install, "--require-hashes", "-r", str(tree / _LOCK)], check=True)
    return python


def _git(*arguments: str) -> None:
    subprocess.run(["git", "-C", str(HEAD), *arguments], check=True)
