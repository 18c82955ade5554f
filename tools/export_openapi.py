"""Write `frontend/openapi.json`, from which the pages' types are generated."""

import json
from pathlib import Path

from backend.main import create_app
from backend.settings import Settings

TARGET = Path(__file__).parent.parent / "frontend" / "openapi.json"


def description() -> str:
    app = create_app(
        Settings(session_secret="only-for-the-description-of-the-api"), check_pages=False
    )
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(description())
