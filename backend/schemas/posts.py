"""Posts on the wire."""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from backend.pagination import Page
from backend.schemas.text import Content, Title

EXCERPT = 300
"""Characters of the content at most, in a summary."""

RESTORABLE_FOR = timedelta(minutes=1)
"""After a deletion."""


class PostView(StrEnum):
    """How much of each post a list has."""

    FULL = "full"
    SUMMARY = "summary"


class PostCreate(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"title": "Stand-up notes", "content": "We ship today."}]}
    )

    title: Title
    content: Content


class PostUpdate(BaseModel):
    """Only what is given is changed."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"content": "We shipped.", "version": 1}]}
    )

    title: Title | None = None
    content: Content | None = None
    version: int | None = Field(
        default=None,
        description="That of the post as it was read: of another one 409, and nothing is changed.",
    )


class PostPerson(BaseModel):
    id: UUID
    name: str


class _Shown(BaseModel):
    id: UUID
    title: str
    author: PostPerson
    created_at: datetime
    updated_at: datetime
    edited_by: PostPerson | None = Field(description="Who edited it last; null if nobody has.")
    version: int = Field(description="Counts its edits from 1.")
    can_edit: bool = Field(description="Whether the person asking may edit it now.")
    can_delete: bool = Field(description="Whether the person asking may delete it now.")


class Post(_Shown):
    content: str


class PostSummary(_Shown):
    excerpt: str = Field(
        description=f"The content, or its first {EXCERPT} characters and an ellipsis."
    )


class PostPage(Page[Post]):
    pass


class PostSummaryPage(Page[PostSummary]):
    pass
