"""`make migration`: edit a file, and the migration to it is written."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TREE = ["alembic", "backend", "tools", "pyproject.toml"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in TREE:
        of = ROOT / name
        (shutil.copytree if of.is_dir() else shutil.copy)(of, tmp_path / name)
    return tmp_path


def run(tree: Path, *command: str, database_url: str = "") -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(tree), "DATABASE_URL": database_url}
    return subprocess.run(
        [sys.executable, *command],
        cwd=tree, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_a_function_and_a_column(tree: Path, empty_database_url: str) -> None:
    edit(tree / "backend/sql/functions/refuse_change.sql", "is append only", r'only "\grows"')
    edit(tree / "backend/models/post.py", "    title:", "    note: Mapped[str | None]\n    title:")
    versions = tree / "alembic/versions"
    before = set(versions.glob("*.py"))
    written = run(tree, "tools/migration.py", "Posts have", 'a "note"')
    assert written.returncode == 0, written.stderr
    (migration,) = set(versions.glob("*.py")) - before
    assert migration.read_text().startswith('"""Posts have a \'note\'"""\n')
    for command in ("upgrade head", "check", "downgrade -1", "upgrade head", "check"):
        done = run(tree, "-m", "alembic", *command.split(), database_url=empty_database_url)
        assert done.returncode == 0, done.stderr
    nothing = run(tree, "tools/migration.py", "nothing")
    assert "There is nothing to migrate" in nothing.stdout
    assert set(versions.glob("*.py")) == {*before, migration}


def test_it_wants_to_be_told_what_it_does(tree: Path) -> None:
    refused = run(tree, "tools/migration.py", " ")
    assert refused.returncode == 1
    assert refused.stderr.startswith("Say what the migration does: make migration m=")
