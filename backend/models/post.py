"""Posts: the team's notebook."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.base import Base, CreatedAt, OwnKey, WorkosId


class Post(Base):
    __tablename__ = "posts"

    id: Mapped[OwnKey]
    organization_id: Mapped[WorkosId] = mapped_column(ForeignKey("organizations.workos_id"))
    author_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    title: Mapped[str]
    content: Mapped[str]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (Index(None, "organization_id", "created_at", "id"),)
