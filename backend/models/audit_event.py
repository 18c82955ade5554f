"""The audit trail. A trigger refuses to change or delete its rows."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.base import Base, OwnKey, WorkosId, WorkosKey


class AuditEvent(Base):
    """`detail` is written and read by `schemas.audit`."""

    __tablename__ = "audit_events"

    organization_id: Mapped[WorkosKey]
    id: Mapped[OwnKey]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    action: Mapped[str]
    actor_id: Mapped[UUID | None]
    event_id: Mapped[WorkosId | None]
    subject_id: Mapped[WorkosId | None]
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))

    __table_args__ = (
        Index(None, "organization_id", "at", "id"),
        Index(None, "organization_id", "subject_id", "at"),
        Index(None, "organization_id", "event_id", postgresql_where=text("event_id IS NOT NULL")),
    )
