"""Who is let in by hand, whatever the directory holds: guests, programs, people in an emergency."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.base import Base, CreatedAt, WorkosKey, refers_to_user


class Admission(Base):
    """`kind` is of `schemas.access.AdmissionKind`; an operator admits as nobody."""

    __tablename__ = "admissions"

    organization_id: Mapped[WorkosKey]
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    reason: Mapped[str]
    admitted_by: Mapped[UUID | None]
    created_at: Mapped[CreatedAt]
    until: Mapped[datetime | None]

    __table_args__ = (
        refers_to_user("user_id"),
        refers_to_user("admitted_by"),
        Index(None, "organization_id", "kind", "created_at", "user_id"),
        Index(
            "ix_admissions_until",
            "organization_id",
            "until",
            postgresql_where=text("until IS NOT NULL"),
        ),
    )
