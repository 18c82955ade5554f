"""The sources of roles beside membership: mappings of groups and of WorkOS's roles, and grants."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Integer, false
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

    __table_args__ = (Index(None, "organization_id", "role", "group_id"),)


class WorkosRoleMapping(Base):
    """What a role of WorkOS's gives, by its slug; as `RoleMapping`, and never by default."""

    __tablename__ = "workos_role_mappings"

    organization_id: Mapped[WorkosKey]
    slug: Mapped[WorkosKey]
    role: Mapped[str] = mapped_column(primary_key=True)
    removed: Mapped[bool] = mapped_column(server_default=false())
    created_at: Mapped[CreatedAt]


class WorkosRole(Base):
    """A role of WorkOS's that somebody has had, or that an admin has named."""

    __tablename__ = "workos_roles"

    organization_id: Mapped[WorkosKey]
    slug: Mapped[WorkosKey]


class MappingVersion(Base):
    """How often admins have changed what a group or a role of WorkOS's gives; none: never.

    `kind` is of `schemas.roles.MappedKind`, `mapped_id` the group's id or the slug.
    """

    __tablename__ = "mapping_versions"

    organization_id: Mapped[WorkosKey]
    kind: Mapped[str] = mapped_column(primary_key=True)
    mapped_id: Mapped[WorkosKey]
    version: Mapped[int] = mapped_column(Integer)


class RoleGrant(Base):
    __tablename__ = "role_grants"

    organization_id: Mapped[WorkosKey]
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    granted_by: Mapped[UUID | None]
    created_at: Mapped[CreatedAt]
    reason: Mapped[str] = mapped_column(server_default="")
    until: Mapped[datetime | None]

    __table_args__ = (
        refers_to_user("user_id"),
        refers_to_user("granted_by"),
        Index(None, "organization_id", "role", "created_at", "user_id"),
    )
