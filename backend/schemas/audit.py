"""What the audit trail keeps of an entry: one model, for whoever writes and whoever reads."""

from datetime import datetime
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")

# Nothing is kept or said of what is not known.
Known = Annotated[T | None, Field(exclude_if=lambda value: value is None)]


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AccessState(_Kept):
    active: bool = False
    roles: list[str] = []


class DirectoryUserState(_Kept):
    name: Known[str] = None
    email: Known[str] = None
    state: Known[str] = None
    live: Known[bool] = None


class GroupState(_Kept):
    """`members` are counted up to 1,000."""

    name: Known[str] = None
    live: Known[bool] = None
    members: int = 0
    roles: list[str] = []


class WorkosRoleState(_Kept):
    roles: list[str] = []


class DirectoryMirrorState(_Kept):
    """`people` are counted up to 1,000."""

    name: Known[str] = None
    live: bool = True
    people: int = 0


class MirrorState(_Kept):
    """The state of what an event is about, as the SQL function `mirror_states` says it.

    Of a role at WorkOS, which no event is about: what it gives.
    """

    directory_user: Known[DirectoryUserState] = None
    access: Known[AccessState] = None
    member: Known[bool] = None
    group: Known[GroupState] = None
    directory: Known[DirectoryMirrorState] = None
    workos_role: Known[WorkosRoleState] = None


class AuditDetail(_Kept):
    """What is known of an entry besides who, what and when.

    Of an event: `outcome`, `reason`, `detail`, `source`, `attempt` and, where it is about a person
    in a group, `group_id`; `before` and `after` of what changed. Of a deleted post: `title` and
    `author_id`. Of a grant: `role`, `reason` and `until`. Of a reconciliation: `people` and `limit`
    if held; `drift`, `lost_access` and `confirmed` if completed.
    """

    outcome: Known[str] = None
    reason: Known[str] = None
    detail: Known[str] = None
    source: Known[str] = None
    attempt: Known[int] = None
    group_id: Known[str] = None
    before: Known[MirrorState] = None
    after: Known[MirrorState] = None
    role: Known[str] = None
    until: Known[datetime] = None
    title: Known[str] = None
    author_id: Known[str] = None
    people: Known[int] = None
    limit: Known[int] = None
    drift: Known[dict[str, dict[str, int]]] = None
    lost_access: Known[int] = None
    confirmed: Known[bool] = None
