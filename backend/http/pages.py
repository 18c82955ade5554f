"""Where the built pages are."""

from pathlib import Path

PAGES = Path(__file__).parent.parent.parent / "frontend" / "build"

FOLDERS_OF_FILES = ("/_app",)
IMMUTABLE = "/_app/immutable/"  # named by their content
