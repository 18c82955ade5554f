"""The shape of the code, held by contracts rather than by habit."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_imports_point_downwards_only() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    ended = subprocess.run([lint], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout
    assert "0 broken" in ended.stdout


def test_one_place_commits() -> None:
    commits = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "backend").rglob("*.py")
        if ".commit()" in path.read_text()
    ]
    assert {str(Path(path).parent) for path in commits} == {"backend/database"}


def test_the_migrations_are_no_package() -> None:
    """A package of this name would shadow the library."""
    assert not (ROOT / "alembic" / "__init__.py").exists()
