"""Posts: the team's notebook."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Computed, Index, func
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.base import Base, CreatedAt, OwnKey, WorkosKey, refers_to_user


class _Written:
    """What somebody wrote. `version` counts its edits from 1."""

    organization_id: Mapped[WorkosKey]
    id: Mapped[OwnKey]
    author_id: Mapped[UUID]
    title: Mapped[str]
    content: Mapped[str]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    version: Mapped[int] = mapped_column(server_default="1")
    edited_by: Mapped[UUID | None]


class Post(_Written, Base):
    __tablename__ = "posts"

    words: Mapped[str] = mapped_column(
        TSVECTOR, Computed("words_of(((title || chr(10)) || content))", persisted=True)
    )

    __table_args__ = (
        refers_to_user("author_id"),
        refers_to_user("edited_by"),
        Index(None, "organization_id", "author_id", "created_at", "id"),
        Index(None, "organization_id", "created_at", "id"),
        # With PostgreSQL's btree_gin, and as long a list of what is pending as that of users has.
        Index(
            "ix_posts_words",
            "organization_id",
            "words",
            postgresql_using="gin",
            postgresql_with={"gin_pending_list_limit": 64},
        ),
    )


class DeletedPost(_Written, Base):
    """Kept until `expires_at` for the one who deleted it, who may take that back.

    In a table of its own, so that nothing that reads posts can show it.
    """

    __tablename__ = "deleted_posts"

    deleted_by: Mapped[UUID]
    expires_at: Mapped[datetime]

    __table_args__ = (
        refers_to_user("author_id"),
        refers_to_user("edited_by"),
        refers_to_user("deleted_by"),
    )
