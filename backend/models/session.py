"""Signed-in browsers. Only hashes of their secrets are stored."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.base import Base, CreatedAt, OwnKey, WorkosKey, refers_to_user


class Session(Base):
    """It is deleted when it ends. `user_agent` and `address` are those of the sign-in."""

    __tablename__ = "sessions"

    organization_id: Mapped[WorkosKey]
    id: Mapped[OwnKey]
    token_hash: Mapped[bytes]
    user_id: Mapped[UUID]
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[CreatedAt]
    user_agent: Mapped[str | None]
    address: Mapped[str | None]

    __table_args__ = (
        refers_to_user("user_id"),
        UniqueConstraint("organization_id", "token_hash"),
        Index(None, "organization_id", "user_id"),
        # When one was last used is written again and again, and is in no index.
        {"postgresql_with": {"fillfactor": 50}},
    )


class UsedState(Base):
    """A sign-in state that has come back once and must not again."""

    __tablename__ = "used_states"

    organization_id: Mapped[WorkosKey]
    state_hash: Mapped[bytes] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime]

    __table_args__ = (Index(None, "organization_id", "expires_at"),)
