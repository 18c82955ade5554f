"""Tokens of API clients. Only hashes of their secrets are stored."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.base import Base, CreatedAt, OwnKey, WorkosKey, refers_to_user


class ApiToken(Base):
    """It is deleted when it ends. `scopes` are a subset of `schemas.tokens.TokenScope`."""

    __tablename__ = "api_tokens"

    organization_id: Mapped[WorkosKey]
    id: Mapped[OwnKey]
    token_hash: Mapped[bytes]
    user_id: Mapped[UUID]
    name: Mapped[str]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_by: Mapped[UUID]
    created_at: Mapped[CreatedAt]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]

    __table_args__ = (
        refers_to_user("user_id"),
        refers_to_user("created_by"),
        UniqueConstraint("organization_id", "token_hash"),
        Index(None, "organization_id", "user_id"),
        Index(None, "organization_id", "created_at", "id"),
        {"postgresql_with": {"fillfactor": 50}},
    )
