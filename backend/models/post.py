"""Posts: the team's notebook."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, func
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.base import Base, CreatedAt, OwnKey, WorkosKey, refers_to_user


class Post(Base):
    __tablename__ = "posts"

    organization_id: Mapped[WorkosKey]
    id: Mapped[OwnKey]
    author_id: Mapped[UUID]
    title: Mapped[str]
    content: Mapped[str]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        refers_to_user("author_id"),
        Index(None, "organization_id", "author_id"),
        Index(None, "organization_id", "created_at", "id"),
    )
