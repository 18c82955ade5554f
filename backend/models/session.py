"""Signed-in browsers. Only hashes of their secrets are stored."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.base import Base, CreatedAt, OwnKey, WorkosId


class Session(Base):
    __tablename__ = "sessions"

    id: Mapped[OwnKey]
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    organization_id: Mapped[WorkosId] = mapped_column(ForeignKey("organizations.workos_id"))
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[datetime]


class UsedState(Base):
    """A sign-in state that has come back once and must not again."""

    __tablename__ = "used_states"

    state_hash: Mapped[bytes] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
