"""The views that derive access; the migrations define them, nothing here is stored."""

from sqlalchemy import ARRAY, Boolean, Column, DateTime, MetaData, Table, Text, Uuid

views = MetaData()

access = Table(
    "access",
    views,
    Column("user_id", Uuid, primary_key=True),
    Column("organization_id", Text),
    Column("active", Boolean),
    Column("roles", ARRAY(Text)),
)

counting_users = Table(
    "counting_users",
    views,
    Column("id", Text, primary_key=True),
    Column("directory_id", Text),
    Column("organization_id", Text),
    Column("account_key", Text),
    Column("email", Text),
    Column("state", Text),
    Column("read_as_of", DateTime(timezone=True)),
    Column("complete_as_of", DateTime(timezone=True)),
)

counting_memberships = Table(
    "counting_memberships",
    views,
    Column("user_id", Text, primary_key=True),
    Column("group_id", Text, primary_key=True),
    Column("organization_id", Text),
    Column("account_key", Text),
    Column("group_name", Text),
    Column("directory_id", Text),
)

counting_groups = Table(
    "counting_groups",
    views,
    Column("id", Text, primary_key=True),
    Column("directory_id", Text),
    Column("organization_id", Text),
    Column("name", Text),
)
