"""Answers that need no model to become JSON."""

from collections.abc import AsyncIterator

from fastapi import Response
from fastapi.responses import StreamingResponse

_MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}


class JsonText(Response):
    """JSON already: as PostgreSQL wrote it, or one of a few that are always the same."""

    media_type: str | None = "application/json"


def download(parts: AsyncIterator[bytes], *, name: str) -> StreamingResponse:
    """A file to keep, of a type that its name ends with."""
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }
    media_type = _MEDIA_TYPES[name.rpartition(".")[2]]
    return StreamingResponse(parts, headers=headers, media_type=media_type)
