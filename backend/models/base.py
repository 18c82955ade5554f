"""What all tables share: naming, ids, times.

The tenant comes first: `organization_id` is the first column of every key, foreign key and index of
a tenant's table, so that rows of two organizations cannot be tied.
"""

from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from sqlalchemy import DateTime, ForeignKeyConstraint, MetaData, Text, func
from sqlalchemy.orm import DeclarativeBase, mapped_column
from uuid_utils.compat import uuid7


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text(),
        datetime: DateTime(timezone=True),
    }


WorkosId = Annotated[str, mapped_column(Text(collation="C"))]
WorkosKey = Annotated[str, mapped_column(Text(collation="C"), primary_key=True)]
OwnKey = Annotated[UUID, mapped_column(primary_key=True, default=uuid7)]
CreatedAt = Annotated[datetime, mapped_column(server_default=func.now())]

NO_ORGANIZATION = ""
"""Under which an event is kept that names none: it waits parked, or is ignored."""


def refers_to_user(column: str) -> ForeignKeyConstraint:
    """A foreign key to a user of the row's own organization."""
    return ForeignKeyConstraint(["organization_id", column], ["users.organization_id", "users.id"])
