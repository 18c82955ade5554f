"""Invitations to join, each with a one-time link of which only the hash is stored.

What was made of an ended one stays for a while, for the list: `ended_as` says it, and is null while
nobody has ended it. The `mail_…` are null where none was asked for.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

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
    ended_as: Mapped[str | None]
    replaces: Mapped[bool] = mapped_column(server_default=false())
    mail_status: Mapped[str | None]
    mail_at: Mapped[datetime | None]
    mail_reason: Mapped[str | None]
    mail_answer: Mapped[str | None]

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
        Index(None, "organization_id", "created_at", "id"),
        Index(None, "organization_id", "ended_as", "created_at", "id"),
    )
