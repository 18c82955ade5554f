"""A third role is two lines: the program with them and the one without, on one database."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

# After which line each is put.
EDITOR = {
    '    ADMIN = "admin", _ADMIN\n': (
        '    EDITOR = "editor", _AUTHOR | {Permission.EDIT_ANY_POST}\n'
    ),
    '    "Admins": Role.ADMIN,\n': '    "Editors": Role.EDITOR,\n',
}


def program(home: Path, lines: dict[str, str]) -> Path:
    """A copy of the application with these lines more."""
    skipped = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "backend", home / "backend", ignore=skipped)
    access = home / "backend" / "schemas" / "access.py"
    source = access.read_text()
    for before, line in lines.items():
        assert source.count(before) == 1, before
        source = source.replace(before, before + line)
    access.write_text(source)
    return home


def what_an_editor_may(program: Path, database_url: str, *options: str) -> Any:
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "tests.third_role", database_url, *options],
        cwd=program,
        env=os.environ | {"PYTHONPATH": f"{program}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


async def test_a_third_role_is_two_lines(tmp_path: Path, own_database_url: str) -> None:
    assert what_an_editor_may(program(tmp_path / "with", EDITOR), own_database_url) == {
        "described": ["member", "author", "admin", "editor"],
        "roles": ["member", "editor"],
        "in the team": ["member", "editor"],
        "can": [True, False],
        "editing": 200,
        "deleting": 403,
        "left": ["We shipped.", "Ann"],
    }


async def test_a_role_that_only_a_newer_version_knows_gives_nothing(
    tmp_path: Path, own_database_url: str
) -> None:
    """While two versions run on one database, whoever has the new role goes on as a member."""
    without = program(tmp_path / "without", {})
    assert what_an_editor_may(without, own_database_url, "mapped") == {
        "described": ["member", "author", "admin"],
        "roles": ["member"],
        "in the team": ["member"],
        "can": [False, False],
        "editing": 403,
        "deleting": 403,
        "left": ["We ship.", "Ann"],
    }
