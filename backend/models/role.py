"""The two sources of roles beside membership: mappings of groups, and manual grants."""

from uuid import UUID

from sqlalchemy import ForeignKey, false
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.base import Base, CreatedAt, WorkosId, WorkosKey


class RoleMapping(Base):
    __tablename__ = "role_mappings"

    group_id: Mapped[WorkosKey]
    role: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[WorkosId] = mapped_column(index=True)
    source: Mapped[str]
    removed: Mapped[bool] = mapped_column(server_default=false())
    event_id: Mapped[WorkosId | None]
    created_at: Mapped[CreatedAt]


class RoleGrant(Base):
    __tablename__ = "role_grants"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[WorkosId] = mapped_column(ForeignKey("organizations.workos_id"))
    granted_by: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[CreatedAt]
