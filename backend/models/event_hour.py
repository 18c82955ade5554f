"""How many events were received in an hour that is over."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from backend.models.base import Base, WorkosKey


class EventHour(Base):
    """Of nobody, `NO_ORGANIZATION`, there is one of each hour that was counted for everybody.

    A trigger of the inbox forgets an hour in which an event is no more what it was.
    """

    __tablename__ = "event_hours"

    organization_id: Mapped[WorkosKey]
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    events: Mapped[int]
