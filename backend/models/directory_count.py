"""How much a directory holds, of an organization that is too large to count at each look."""

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.base import Base, WorkosKey


class DirectoryCount(Base):
    """Those of an organization are of one moment, `counted_at`; counting all of it `took` so long.

    One of a directory that was never described has no row of `directories`.
    """

    __tablename__ = "directory_counts"

    organization_id: Mapped[str] = mapped_column(
        Text(collation="C"), ForeignKey("organizations.workos_id"), primary_key=True
    )
    directory_id: Mapped[WorkosKey]
    active_people: Mapped[int]
    people: Mapped[int]
    groups: Mapped[int]
    memberships: Mapped[int]
    counted_at: Mapped[datetime] = mapped_column(server_default=func.now())
    took: Mapped[timedelta]
