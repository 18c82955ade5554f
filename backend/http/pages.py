"""Where the built pages are."""

from pathlib import Path

PAGES = Path(__file__).parent.parent.parent / "frontend" / "build"
