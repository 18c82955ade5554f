"""Users, and the identities that people sign in with."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    Computed,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.base import Base, CreatedAt, OwnKey, WorkosId, WorkosKey, refers_to_user
from backend.models.directory import REWRITTEN, RoleSlugs


class User(Base):
    """Somebody here. `key` is the idp_id, else the directory-user id; it joins the mirror.

    Of a guest it is `guest_<uuid>`. The profile (name to department) is a copy for display, newest
    version wins; no access in it. `role_slugs` are of the last sign-in, and mean something only
    where no directory decides.
    """

    __tablename__ = "users"

    organization_id: Mapped[str] = mapped_column(
        Text(collation="C"), ForeignKey("organizations.workos_id"), primary_key=True
    )
    id: Mapped[OwnKey]
    key: Mapped[WorkosId]
    name: Mapped[str] = mapped_column(server_default="")
    sort_name: Mapped[str] = mapped_column(
        Text(collation="C"), Computed("folded(name)", persisted=True)
    )
    search_text: Mapped[str] = mapped_column(
        Text(collation="C"),
        Computed("folded(((name || chr(10)) || COALESCE(email, ''::text)))", persisted=True),
    )
    email: Mapped[str | None]
    job_title: Mapped[str | None]
    department: Mapped[str | None]
    sort_department: Mapped[str] = mapped_column(
        Text(collation="C"),
        # Whoever has none comes last.
        Computed("COALESCE(NULLIF(folded(department), ''::text), chr(1114111))", persisted=True),
    )
    profile_rank: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    profile_at: Mapped[datetime | None]
    profile_event_id: Mapped[WorkosId | None]
    joined_at: Mapped[datetime | None]
    last_seen_at: Mapped[datetime | None]
    unseen: Mapped[int] = mapped_column(
        Integer,
        # Fewer days for whoever was seen later. It changes once a day and not once a minute, or
        # each of their requests would have to write all indexes anew.
        Computed(
            "COALESCE('2200-01-01'::date - (last_seen_at AT TIME ZONE 'UTC'::text)::date,"
            " 2147483647)",
            persisted=True,
        ),
    )
    blocked_at: Mapped[datetime | None]
    blocked_by: Mapped[UUID | None]
    blocked_reason: Mapped[str | None]
    created_at: Mapped[CreatedAt]
    role_slugs: Mapped[RoleSlugs]

    __table_args__ = (
        refers_to_user("blocked_by"),
        UniqueConstraint("organization_id", "key"),
        Index(None, "organization_id", "sort_name", "id"),
        Index(
            "ix_users_not_joined",
            "organization_id",
            "sort_name",
            "id",
            postgresql_where=text("joined_at IS NULL"),
        ),
        Index(None, "organization_id", "sort_department", "sort_name", "id"),
        Index(None, "organization_id", "unseen", "sort_name", "id"),
        Index(
            "ix_users_blocked",
            "organization_id",
            "sort_name",
            "id",
            postgresql_where=text("blocked_at IS NOT NULL"),
        ),
        # By PostgreSQL's pg_trgm, and by its btree_gin so that the organization comes first. A
        # long list of what is pending is read at every search, and the planner rather reads the
        # table; without one, writing costs three times as much.
        Index(
            "ix_users_search_text",
            "organization_id",
            "search_text",
            postgresql_using="gin",
            postgresql_ops={"search_text": "gin_trgm_ops"},
            postgresql_with={"gin_pending_list_limit": 64},
        ),
        # Whoever has a role of WorkOS's, for what becomes of those whom a mapping is of.
        Index(
            "ix_users_role_slugs",
            "organization_id",
            "role_slugs",
            postgresql_using="gin",
            postgresql_where=text("role_slugs <> '{}'"),
            postgresql_with={"gin_pending_list_limit": 64},
        ),
        REWRITTEN,
    )


class SsoIdentity(Base):
    """Who the identity provider said someone is, and how that led to the user."""

    __tablename__ = "sso_identities"

    organization_id: Mapped[WorkosKey]
    connection_id: Mapped[WorkosKey]
    subject: Mapped[WorkosKey]
    user_id: Mapped[UUID]
    matched_by: Mapped[str]
    directory_user_id: Mapped[WorkosId | None]
    email: Mapped[str | None]
    last_used_at: Mapped[CreatedAt]

    __table_args__ = (refers_to_user("user_id"), Index(None, "organization_id", "user_id"))
