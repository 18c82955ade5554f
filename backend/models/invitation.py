"""Invitations to join, each with a one-time link of which only the hash is stored."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.base import Base, CreatedAt, OwnKey, WorkosId


class Invitation(Base):
    __tablename__ = "invitations"

    id: Mapped[OwnKey]
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    organization_id: Mapped[WorkosId] = mapped_column(ForeignKey("organizations.workos_id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    invited_by: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "uq_invitations_open",
            "user_id",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
    )
