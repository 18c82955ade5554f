"""How far the Events API has been read: one row for the whole deployment."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Integer, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.base import Base, WorkosId


class EventCursor(Base):
    """`after` is the event to read on from; none: from the oldest that WorkOS still has.

    It trails the newest: only what no older event can appear behind any more is left behind.
    `failures` are polls in a row that failed, for `reason`; `error` says it in words.
    """

    __tablename__ = "event_cursor"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, server_default="1")
    after: Mapped[WorkosId | None]
    occurred_at: Mapped[datetime | None]
    polled_at: Mapped[datetime | None]
    next_poll_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(Integer, server_default="0")
    reason: Mapped[str | None]
    error: Mapped[str | None]

    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)
