"""The inbox: every event that was accepted, with its raw body."""

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
    occurred_at: Mapped[datetime]
    received_at: Mapped[CreatedAt]
    body: Mapped[bytes]
    outcome: Mapped[str]
    error: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(Integer, server_default="1")

    __table_args__ = (
        Index(None, "received_at", "id"),
        Index(
            "ix_directory_events_parked",
            "received_at",
            postgresql_where=text("outcome = 'parked'"),
        ),
    )
