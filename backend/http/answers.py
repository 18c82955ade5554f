"""Answers that need no model to become JSON."""

from fastapi import Response


class JsonText(Response):
    """JSON already: as PostgreSQL wrote it, or one of a few that are always the same."""

    media_type: str | None = "application/json"
