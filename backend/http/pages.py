"""Where the built pages are, and which build it is."""

import json
from pathlib import Path

PAGES = Path(__file__).parent.parent.parent / "frontend" / "build"

FOLDERS_OF_FILES = ("/_app",)
IMMUTABLE = "/_app/immutable/"  # named by their content


def build_of(pages: Path = PAGES) -> str | None:
    """What the build is called; None where none was made."""
    try:
        written = json.loads((pages / "_app" / "version.json").read_bytes())
    except (OSError, ValueError):
        return None
    build = written.get("version") if isinstance(written, dict) else None
    return build if isinstance(build, str) and build.isascii() and build.isprintable() else None
