"""The inbox: every event that was accepted, with its raw body until that is purged."""

from datetime import datetime

from sqlalchemy import Index, Integer, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.base import Base, CreatedAt, WorkosId, WorkosKey


class DirectoryEvent(Base):
    """Of no organization: `NO_ORGANIZATION`. `reason`, `field`, `detail` say why it is parked."""

    __tablename__ = "directory_events"

    organization_id: Mapped[WorkosKey]
    id: Mapped[WorkosKey]
    type: Mapped[str]
    source: Mapped[str]
    directory_id: Mapped[WorkosId | None]
    directory_user_id: Mapped[WorkosId | None]
    group_id: Mapped[WorkosId | None]
    occurred_at: Mapped[datetime]
    received_at: Mapped[CreatedAt]
    body: Mapped[bytes | None]
    outcome: Mapped[str]
    reason: Mapped[str | None]
    field: Mapped[str | None]
    detail: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(Integer, server_default="1")
    next_attempt_at: Mapped[datetime | None]

    __table_args__ = (
        # Of all organizations, for the command line and for purging.
        Index(None, "received_at", "id"),
        Index(None, "organization_id", "received_at", "id"),
        Index(None, "organization_id", "type", "received_at", "id"),
        Index(None, "organization_id", "source", "received_at", "id"),
        Index(None, "organization_id", "directory_user_id", "received_at", "id"),
        Index(None, "organization_id", "group_id", "received_at", "id"),
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
