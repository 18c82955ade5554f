"""The audit trail and what seals it. Triggers refuse to change or delete their rows."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.base import Base, OwnKey, WorkosId, WorkosKey

# Of somebody's access or of a group, whether there is a role that not everybody active has.
ELEVATED = text("""detail @? '$.*.*.roles[*] ? (@ != "member")'""")


class AuditEvent(Base):
    """`detail` is written and read by `schemas.audit`.

    `salt` is random, so that what an entry said cannot be guessed from the hash that is kept of it
    when names in it are erased. Entries from before there were salts have none.
    """

    __tablename__ = "audit_events"

    organization_id: Mapped[WorkosKey]
    id: Mapped[OwnKey]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    action: Mapped[str]
    actor_id: Mapped[UUID | None]
    event_id: Mapped[WorkosId | None]
    subject_id: Mapped[WorkosId | None]
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"))
    salt: Mapped[UUID | None] = mapped_column(server_default=func.gen_random_uuid())

    __table_args__ = (
        Index(None, "organization_id", "at", "id"),
        Index(None, "organization_id", "subject_id", "at", "id"),
        Index(None, "organization_id", "action", "at", "id"),
        # No webhook has an actor, and none pays for this one.
        Index(
            None,
            "organization_id",
            "actor_id",
            "at",
            "id",
            postgresql_where=text("actor_id IS NOT NULL"),
        ),
        # Who had a role on a day.
        Index("ix_audit_events_elevated", "organization_id", "at", "id", postgresql_where=ELEVATED),
        Index(None, "organization_id", "event_id", postgresql_where=text("event_id IS NOT NULL")),
    )


class AuditSeal(Base):
    """A range of an organization's entries, hashed together with the seal before.

    It covers those of `from_at` < `at` <= `to_at`; the first one has no `from_at`.
    """

    __tablename__ = "audit_seals"

    organization_id: Mapped[WorkosKey]
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    from_at: Mapped[datetime | None]
    to_at: Mapped[datetime]
    entries: Mapped[int] = mapped_column(BigInteger)
    previous: Mapped[bytes]
    hash: Mapped[bytes]
    sealed_at: Mapped[datetime] = mapped_column(server_default=func.now())


class AuditErasure(Base):
    """That names were erased from an entry: its hash before, with which it was sealed, and after.

    `erasure_id` is the entry that says who had it done.
    """

    __tablename__ = "audit_erasures"

    organization_id: Mapped[WorkosKey]
    erasure_id: Mapped[UUID] = mapped_column(primary_key=True)
    entry_id: Mapped[UUID] = mapped_column(primary_key=True)
    before: Mapped[bytes]
    after: Mapped[bytes]

    __table_args__ = (Index(None, "organization_id", "entry_id", "erasure_id"),)


class RefusalCount(Base):
    """How many strangers' requests of a client were refused in an hour, which has one entry.

    Forged webhooks are of no organization.
    """

    __tablename__ = "refusal_counts"

    organization_id: Mapped[WorkosKey]
    action: Mapped[str] = mapped_column(primary_key=True)
    client: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    count: Mapped[int]


class ForgedWebhooks(Base):
    """As the version before counted them, which may serve beside this one; the next may drop it."""

    __tablename__ = "forged_webhooks"

    client: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    count: Mapped[int]
