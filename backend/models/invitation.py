"""Invitations to join, each with a one-time link of which only the hash is stored."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped

from backend.models.base import Base, CreatedAt, OwnKey, WorkosKey, refers_to_user


class Invitation(Base):
    __tablename__ = "invitations"

    organization_id: Mapped[WorkosKey]
    id: Mapped[OwnKey]
    token_hash: Mapped[bytes]
    user_id: Mapped[UUID]
    invited_by: Mapped[UUID]
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]

    __table_args__ = (
        refers_to_user("user_id"),
        refers_to_user("invited_by"),
        UniqueConstraint("organization_id", "token_hash"),
        Index(
            "uq_invitations_open",
            "organization_id",
            "user_id",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
    )
