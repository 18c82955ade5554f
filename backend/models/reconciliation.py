"""Reconciliations: readings of an organization's whole directories, and where they stand."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, ForeignKey, Index, false, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.base import Base, CreatedAt, OwnKey, WorkosId


class Reconciliation(Base):
    """One reading. `as_of` and the id make its version; `position` is where it goes on."""

    __tablename__ = "reconciliations"

    id: Mapped[OwnKey]
    organization_id: Mapped[WorkosId] = mapped_column(ForeignKey("organizations.workos_id"))
    trigger: Mapped[str]
    requested_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    state: Mapped[str]
    cancel_requested: Mapped[bool] = mapped_column(Boolean, server_default=false())
    as_of: Mapped[datetime | None]
    position: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    progress: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    drift: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    held: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    error: Mapped[str | None]
    created_at: Mapped[CreatedAt]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    confirmed_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))

    __table_args__ = (
        Index(None, "organization_id", "created_at", "id"),
        Index(
            "uq_reconciliations_unfinished",
            "organization_id",
            unique=True,
            postgresql_where=text("state IN ('queued', 'running')"),
        ),
    )
