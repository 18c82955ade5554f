"""Errors on the wire (RFC 9457)."""

from typing import Any

from pydantic import BaseModel, Field

from backend.errors import ProblemCode


class FieldError(BaseModel):
    field: str
    message: str


class Problem(BaseModel):
    type: str = "about:blank"
    title: str
    status: int
    detail: str = Field(description="What happened and what to do.")
    code: ProblemCode = Field(description="Stable; for programs.")
    request_id: str | None = Field(
        default=None, description="That of the header X-Request-ID, and of our log."
    )
    errors: list[FieldError] | None = Field(default=None, description="On 422: each bad field.")
    current: dict[str, Any] | None = Field(
        default=None,
        description="On 409 `stale_version`: what is there now, as a GET of it would say.",
    )
