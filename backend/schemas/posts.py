"""Posts on the wire."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from backend.pagination import Page
from backend.schemas.text import Content, Title


class PostCreate(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"title": "Stand-up notes", "content": "We ship today."}]}
    )

    title: Title
    content: Content


class PostUpdate(BaseModel):
    """Only what is given is changed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"content": "We shipped."}]})

    title: Title | None = None
    content: Content | None = None


class PostAuthor(BaseModel):
    id: UUID
    name: str


class Post(BaseModel):
    id: UUID
    title: str
    content: str
    author: PostAuthor
    created_at: datetime
    updated_at: datetime
    can_edit: bool = Field(description="Whether the person asking may edit it now.")
    can_delete: bool = Field(description="Whether the person asking may delete it now.")


class PostPage(Page[Post]):
    pass
