"""Reconciliations: snapshots of an organization's whole directories, and how far each has come."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, ForeignKey, Index, Text, false, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.base import Base, CreatedAt, OwnKey, refers_to_user


class Reconciliation(Base):
    """One snapshot. `as_of` and the id make its version; `checkpoint` is where it goes on."""

    __tablename__ = "reconciliations"

    organization_id: Mapped[str] = mapped_column(
        Text(collation="C"), ForeignKey("organizations.workos_id"), primary_key=True
    )
    id: Mapped[OwnKey]
    trigger: Mapped[str]
    requested_by: Mapped[UUID | None]
    state: Mapped[str]
    cancel_requested: Mapped[bool] = mapped_column(Boolean, server_default=false())
    as_of: Mapped[datetime | None]
    checkpoint: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    progress: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    drift: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    held: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    reason: Mapped[str | None]
    error: Mapped[str | None]
    created_at: Mapped[CreatedAt]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    confirmed_by: Mapped[UUID | None]

    __table_args__ = (
        refers_to_user("requested_by"),
        refers_to_user("confirmed_by"),
        Index(None, "organization_id", "created_at", "id"),
        Index(
            "uq_reconciliations_unfinished",
            "organization_id",
            unique=True,
            postgresql_where=text("state IN ('queued', 'running')"),
        ),
        # Almost all are over: what is not is found without reading those.
        Index(
            "ix_reconciliations_current",
            "organization_id",
            "created_at",
            "id",
            postgresql_where=text("state IN ('queued', 'running', 'held')"),
        ),
    )
