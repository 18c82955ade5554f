"""The mirror of the customers' directories. Nothing is ever deleted from it.

A row's version is (rank, occurred_at, event_id); no version means that only a removal was seen.
Snapshots read from the API have versions as events have: `complete_as_of` and `complete_id` are
that of a directory's last complete listing, `snapshot_as_of` and `snapshot_id` that of a person's.
"""

from datetime import datetime
from typing import Annotated, Any

from sqlalchemy import Computed, Index, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.base import Base, WorkosId, WorkosKey

RoleSlugs = Annotated[
    list[str], mapped_column(ARRAY(Text(collation="C")), server_default=text("'{}'::text[]"))
]
"""Of the roles that WorkOS says somebody has."""

Rank = Annotated[int, mapped_column(SmallInteger, server_default="0")]

# A complete listing writes a new version of every row: room for it beside the old one spares the
# indexes.
REWRITTEN = {"postgresql_with": {"fillfactor": 50}}


class Versioned:
    rank: Mapped[Rank]
    occurred_at: Mapped[datetime | None]
    event_id: Mapped[WorkosId | None]
    removed_at: Mapped[datetime | None]
    removed_by: Mapped[WorkosId | None]


class Directory(Versioned, Base):
    __tablename__ = "directories"

    organization_id: Mapped[WorkosKey]
    id: Mapped[WorkosKey]
    name: Mapped[str | None]
    type: Mapped[str | None]
    complete_as_of: Mapped[datetime | None]
    complete_id: Mapped[WorkosId | None]


class DirectoryUser(Versioned, Base):
    __tablename__ = "directory_users"

    organization_id: Mapped[WorkosKey]
    id: Mapped[WorkosKey]
    directory_id: Mapped[WorkosId]
    idp_id: Mapped[WorkosId | None]
    user_key: Mapped[str] = mapped_column(
        Text(collation="C"), Computed("coalesce(nullif(idp_id, ''), id)", persisted=True)
    )
    email: Mapped[str | None]
    name: Mapped[str | None]
    state: Mapped[str | None]
    custom_attributes: Mapped[dict[str, Any]] = mapped_column(
        JSONB, server_default=text("'{}'::jsonb")
    )
    role_slugs: Mapped[RoleSlugs]
    snapshot_as_of: Mapped[datetime | None]
    snapshot_id: Mapped[WorkosId | None]

    __table_args__ = (
        Index(None, "organization_id", "user_key"),
        # Whoever left once: they may be back, and wait for a snapshot of their memberships.
        Index(
            "ix_directory_users_left",
            "organization_id",
            "user_key",
            postgresql_where=text("removed_at IS NOT NULL"),
        ),
        # Whoever has a role of WorkOS's, for what becomes of those whom a mapping is of.
        Index(
            "ix_directory_users_role_slugs",
            "organization_id",
            "role_slugs",
            postgresql_using="gin",
            postgresql_where=text("role_slugs <> '{}'"),
            postgresql_with={"gin_pending_list_limit": 64},
        ),
        REWRITTEN,
    )


class DirectoryGroup(Versioned, Base):
    __tablename__ = "directory_groups"

    organization_id: Mapped[WorkosKey]
    id: Mapped[WorkosKey]
    directory_id: Mapped[WorkosId]
    name: Mapped[str | None]
    sort_name: Mapped[str] = mapped_column(
        Text(collation="C"), Computed("folded(COALESCE(name, ''::text))", persisted=True)
    )

    # A name is looked for in one spelling.
    __table_args__ = (
        Index("ix_directory_groups_name", "organization_id", text("normalize(name)")),
        Index(None, "organization_id", "sort_name", "id"),
    )


class DirectoryMembership(Base):
    """A last-writer-wins register; it may arrive before its user and its group."""

    __tablename__ = "directory_memberships"

    organization_id: Mapped[WorkosKey]
    directory_user_id: Mapped[WorkosKey]
    group_id: Mapped[WorkosKey]
    present: Mapped[bool]
    occurred_at: Mapped[datetime]
    event_id: Mapped[WorkosId]

    # All columns, as in the key: by the group alone, a look at one membership may be planned to
    # read all of a large group.
    __table_args__ = (Index(None, "organization_id", "group_id", "directory_user_id"), REWRITTEN)
