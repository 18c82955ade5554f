"""What a profile is matched by."""

from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func
from sqlalchemy.orm import InstrumentedAttribute


class MatchedBy(StrEnum):
    IDP_ID = "idp_id"
    EMAIL = "email"
    PROFILE = "profile"  # in an organization without a directory
    ADMISSION = "admission"  # of whom an admin let in by hand


class Match(NamedTuple):
    """The user's key, and what led to it."""

    user_key: str
    matched_by: MatchedBy
    directory_user_id: str | None = None


def same_address(
    one: ColumnElement[Any] | InstrumentedAttribute[Any],
    other: ColumnElement[Any] | InstrumentedAttribute[Any] | str,
) -> ColumnElement[bool]:
    """Whether two e-mail addresses are one, in whatever spelling."""
    return func.lower(func.normalize(one)) == func.lower(func.normalize(other))
