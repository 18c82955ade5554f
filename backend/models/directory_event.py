"""The inbox: every event that was accepted, with its raw body until that is purged."""

from datetime import datetime

from sqlalchemy import Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.base import Base, CreatedAt, WorkosId, WorkosKey


class DirectoryEvent(Base):
    __tablename__ = "directory_events"

    id: Mapped[WorkosKey]
    type: Mapped[str]
    source: Mapped[str]
    organization_id: Mapped[WorkosId | None]
    directory_id: Mapped[WorkosId | None]
    user_id: Mapped[WorkosId | None]
    group_id: Mapped[WorkosId | None]
    occurred_at: Mapped[datetime]
    received_at: Mapped[CreatedAt]
    body: Mapped[bytes | None]
    outcome: Mapped[str]
    error: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(Integer, server_default="1")
    next_attempt_at: Mapped[datetime | None]

    __table_args__ = (
        Index(None, "received_at", "id"),
        Index(None, "organization_id", "received_at", "id"),
        Index(None, "organization_id", "type", "received_at", "id"),
        Index(None, "user_id", "received_at", "id"),
        Index(None, "group_id", "received_at", "id"),
        # Almost all are applied: what is not is found without reading those.
        Index(
            "ix_directory_events_unapplied",
            "organization_id",
            "outcome",
            "received_at",
            "id",
            postgresql_where=text("outcome <> 'applied'"),
        ),
        Index(
            "ix_directory_events_parked",
            "next_attempt_at",
            postgresql_where=text("outcome = 'parked'"),
        ),
    )
