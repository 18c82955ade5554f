"""The two sources of roles beside membership: mappings of groups, and manual grants."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import false
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.base import Base, CreatedAt, WorkosId, WorkosKey, refers_to_user


class RoleMapping(Base):
    __tablename__ = "role_mappings"

    organization_id: Mapped[WorkosKey]
    group_id: Mapped[WorkosKey]
    role: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str]
    removed: Mapped[bool] = mapped_column(server_default=false())
    event_id: Mapped[WorkosId | None]
    created_at: Mapped[CreatedAt]


class RoleGrant(Base):
    __tablename__ = "role_grants"

    organization_id: Mapped[WorkosKey]
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    granted_by: Mapped[UUID | None]
    created_at: Mapped[CreatedAt]
    reason: Mapped[str] = mapped_column(server_default="")
    until: Mapped[datetime | None]

    __table_args__ = (refers_to_user("user_id"), refers_to_user("granted_by"))
