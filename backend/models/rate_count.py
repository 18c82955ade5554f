"""How often something was done that is limited, by anybody: strangers are of no organization."""

from datetime import datetime

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.base import Base


class RateCount(Base):
    """Not logged: after a crash, and on a server that was a replica, counting begins anew."""

    __tablename__ = "rate_counts"

    key: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    count: Mapped[int]
    expires_at: Mapped[datetime]

    __table_args__ = ({"prefixes": ["UNLOGGED"]},)
