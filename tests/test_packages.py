"""What the pages are built with."""

import json
from pathlib import Path

LOCK = Path(__file__).parent.parent / "frontend" / "package-lock.json"


def test_no_package_runs_a_script_when_it_is_installed() -> None:
    """One did, to report home."""
    packages = json.loads(LOCK.read_text())["packages"]
    assert [path for path, package in packages.items() if package.get("hasInstallScript")] == []
