"""The views that derive access: `backend/sql/views` defines them, nothing here is stored."""

from sqlalchemy import Boolean, Column, DateTime, MetaData, SmallInteger, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

views = MetaData()


def _id(name: str) -> Column[str]:
    return Column(name, Text(collation="C"), primary_key=True)


def _text(name: str) -> Column[str]:
    return Column(name, Text(collation="C"))


access = Table(
    "access",
    views,
    _id("organization_id"),
    Column("user_id", Uuid, primary_key=True),
    Column("active", Boolean),
    Column("roles", ARRAY(Text)),
)

live_directories = Table(
    "live_directories",
    views,
    _id("organization_id"),
    _id("id"),
    Column("name", Text),
    Column("type", Text),
    Column("complete_as_of", DateTime(timezone=True)),
)

live_directory_users = Table(
    "live_directory_users",
    views,
    _id("organization_id"),
    _id("id"),
    _text("directory_id"),
    _text("user_key"),
    Column("name", Text),
    Column("email", Text),
    Column("state", Text),
    Column("rank", SmallInteger),
    Column("occurred_at", DateTime(timezone=True)),
    _text("event_id"),
    Column("removed_at", DateTime(timezone=True)),
    Column("snapshot_as_of", DateTime(timezone=True)),
    _text("snapshot_id"),
    Column("directory_removed_at", DateTime(timezone=True)),
    Column("complete_as_of", DateTime(timezone=True)),
    _text("complete_id"),
    Column("role_slugs", ARRAY(Text(collation="C"))),
)

live_groups = Table(
    "live_groups",
    views,
    _id("organization_id"),
    _id("id"),
    _text("directory_id"),
    Column("name", Text),
    Column("occurred_at", DateTime(timezone=True)),
    _text("event_id"),
    Column("removed_at", DateTime(timezone=True)),
    _text("sort_name"),
)

live_memberships = Table(
    "live_memberships",
    views,
    _id("organization_id"),
    _id("directory_user_id"),
    _id("group_id"),
    _text("user_key"),
    Column("group_name", Text),
    Column("state", Text),
    _text("directory_id"),
)
