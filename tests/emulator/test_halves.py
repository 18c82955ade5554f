"""The two halves talk over HTTP only, and neither knows the application."""

import ast
from pathlib import Path

import pytest

import emulator

ROOT = Path(emulator.__file__).parent
FORBIDDEN = {
    "workos": ("backend", "emulator.okta"),
    "okta": ("backend", "emulator.workos"),
    "": ("backend", "workos"),
}


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found.add(node.module)
    return found


@pytest.mark.parametrize("half", FORBIDDEN)
def test_no_import_crosses(half: str) -> None:
    files = list((ROOT / half).rglob("*.py"))
    assert files
    crossing = {
        (str(path.relative_to(ROOT)), name)
        for path in files
        for name in imported(path)
        for forbidden in FORBIDDEN[half]
        if name == forbidden or name.startswith(f"{forbidden}.")
    }
    assert crossing == set()
