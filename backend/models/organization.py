"""Organizations: the tenants."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, Integer, false, text, true
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.base import Base, WorkosId, WorkosKey


class Organization(Base):
    """What its admins decide begins with `settings_version`; None is: no limit, nobody, nothing.

    `access_changed`: of many people at once, and what they hold is still to be ended.
    `domains_as_of`, `domains_id`: the version of what last listed all of its domains.
    `role_source` is of `schemas.access.RoleSource`.
    """

    __tablename__ = "organizations"

    workos_id: Mapped[WorkosKey]
    name: Mapped[str] = mapped_column(server_default="")
    directory_managed: Mapped[bool] = mapped_column(server_default=false())
    default_mappings: Mapped[bool] = mapped_column(server_default=true())
    role_source: Mapped[str] = mapped_column(server_default="groups")
    deleted: Mapped[bool] = mapped_column(server_default=false())
    occurred_at: Mapped[datetime | None]
    event_id: Mapped[WorkosId | None]
    domains_as_of: Mapped[datetime | None]
    domains_id: Mapped[WorkosId | None]
    access_changed: Mapped[bool] = mapped_column(server_default=false())
    settings_version: Mapped[int] = mapped_column(Integer, server_default="0")
    session_idle_seconds: Mapped[int] = mapped_column(Integer, server_default="86400")
    token_days_max: Mapped[int] = mapped_column(Integer, server_default="365")
    seats: Mapped[int | None]
    inviters: Mapped[str] = mapped_column(server_default="members")
    audit_days: Mapped[int | None]
    break_glass_user_id: Mapped[UUID | None]
    logout_issuer: Mapped[str | None]
    logout_jwks_url: Mapped[str | None]

    __table_args__ = (
        Index(
            "ix_organizations_access_changed", "workos_id", postgresql_where=text("access_changed")
        ),
        # Each refers to the other: this one is made when both are there.
        ForeignKeyConstraint(
            ["workos_id", "break_glass_user_id"],
            ["users.organization_id", "users.id"],
            name="fk_organizations_break_glass_user",
            use_alter=True,
        ),
    )
