"""Where the built pages are."""

from pathlib import Path

from backend.http import docs_page

PAGES = Path(__file__).parent.parent.parent / "frontend" / "build"

FOLDERS_OF_FILES = ("/_app", docs_page.ASSETS.rstrip("/"))
IMMUTABLE = "/_app/immutable/"  # named by their content
