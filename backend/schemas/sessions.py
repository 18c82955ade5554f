"""Sessions on the wire."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field


class Session(BaseModel):
    id: UUID
    device: str = Field(description="In words, as its browser says.", examples=["Firefox, Linux"])
    place: str = Field(
        description="In words, from the address of the sign-in.", examples=["a private network"]
    )
    address: str | None
    created_at: datetime
    last_used_at: datetime = Field(description="To the minute.")
    expires_at: datetime = Field(description="At the latest; sooner when it is not used.")
    current: bool = Field(description="Whether it is the one that asks.")


class SessionList(BaseModel):
    items: list[Session]
