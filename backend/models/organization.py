"""Organizations: the tenants."""

from datetime import datetime

from sqlalchemy import false, true
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.base import Base, WorkosId, WorkosKey


class Organization(Base):
    __tablename__ = "organizations"

    workos_id: Mapped[WorkosKey]
    name: Mapped[str] = mapped_column(server_default="")
    directory_managed: Mapped[bool] = mapped_column(server_default=false())
    default_mappings: Mapped[bool] = mapped_column(server_default=true())
    deleted: Mapped[bool] = mapped_column(server_default=false())
    occurred_at: Mapped[datetime | None]
    event_id: Mapped[WorkosId | None]
