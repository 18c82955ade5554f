"""Why a row of the mirror is not live: the views' conditions, one by one.

The views decide; these reasons only explain. A test draws histories and compares the two.
"""

from datetime import datetime
from typing import NamedTuple

from backend.schemas.explanation import Reason, ReasonCode

Version = tuple[datetime, str]

_OF_THE_GROUP = {
    ReasonCode.DIRECTORY_REMOVED: ReasonCode.GROUP_DIRECTORY_REMOVED,
    ReasonCode.NOT_LISTED: ReasonCode.GROUP_NOT_LISTED,
}


class DirectoryRow(NamedTuple):
    """The directory of a row; all None where it has never been described."""

    removed_at: datetime | None
    complete: Version | None

    def supersedes(self, removed_at: datetime) -> bool:
        """Whether a complete listing came after that removal, and so has the last word."""
        return self.complete is not None and removed_at <= self.complete[0]

    def is_removed_since(self, version: Version) -> bool:
        return (
            self.removed_at is not None
            and version[0] <= self.removed_at
            and not self.supersedes(self.removed_at)
        )

    def why_ended(self, version: Version) -> Reason | None:
        """Why something of this version ended with the directory, or with its listing."""
        if self.is_removed_since(version):
            return Reason(code=ReasonCode.DIRECTORY_REMOVED, at=self.removed_at)
        if self.complete is not None and version < self.complete:
            return Reason(code=ReasonCode.NOT_LISTED, at=self.complete[0])
        return None


class DirectoryUserRow(NamedTuple):
    version: Version | None
    state: str | None
    removed_at: datetime | None
    snapshot: Version | None
    newer_namesake: str | None
    directory: DirectoryRow


class GroupRow(NamedTuple):
    version: Version | None
    removed_at: datetime | None
    same_directory: bool


class MembershipRow(NamedTuple):
    version: Version
    present: bool


def why_directory_user_is_not_live(user: DirectoryUserRow) -> Reason | None:
    """None for somebody who is live; that includes whoever is live but not active."""
    if user.version is None:
        return Reason(code=ReasonCode.NEVER_DESCRIBED)
    if (
        user.removed_at is not None
        and user.version[0] <= user.removed_at
        and not user.directory.supersedes(user.removed_at)
    ):
        return Reason(code=ReasonCode.REMOVED, at=user.removed_at)
    if ended := user.directory.why_ended(user.version):
        return ended
    if user.newer_namesake is not None:
        return Reason(code=ReasonCode.NEWER_NAMESAKE, directory_user_id=user.newer_namesake)
    return None


def why_directory_user_gives_no_access(user: DirectoryUserRow) -> Reason | None:
    """As `why_directory_user_is_not_live`, and for whoever is live without being active."""
    return why_directory_user_is_not_live(user) or (
        None if user.state == "active" else Reason(code=ReasonCode.NOT_ACTIVE, state=user.state)
    )


def why_membership_is_not_live(
    membership: MembershipRow, user: DirectoryUserRow, group: GroupRow
) -> Reason | None:
    """None for one that is live."""
    if not membership.present:
        return Reason(code=ReasonCode.TAKEN_OUT, at=membership.version[0])
    if group.version is None:
        return Reason(code=ReasonCode.GROUP_UNKNOWN)
    if not group.same_directory:
        return Reason(code=ReasonCode.GROUP_OF_OTHER_DIRECTORY)
    if why_directory_user_is_not_live(user):
        return Reason(code=ReasonCode.DIRECTORY_USER_NOT_LIVE)
    return _why_group_ended(membership, user.directory, group) or _why_membership_ended(
        membership, user
    )


def _why_group_ended(
    membership: MembershipRow, directory: DirectoryRow, group: GroupRow
) -> Reason | None:
    assert group.version is not None
    removed_at = group.removed_at
    if removed_at is not None and not directory.supersedes(removed_at):
        if group.version[0] <= removed_at:
            return Reason(code=ReasonCode.GROUP_DELETED, at=removed_at)
        if membership.version[0] <= removed_at:
            return Reason(code=ReasonCode.BEFORE_GROUP_DELETION, at=removed_at)
    if ended := directory.why_ended(group.version):
        return Reason(code=_OF_THE_GROUP[ended.code], at=ended.at)
    return None


def _why_membership_ended(membership: MembershipRow, user: DirectoryUserRow) -> Reason | None:
    removed_at = user.removed_at
    if (
        removed_at is not None
        and membership.version[0] <= removed_at
        and not user.directory.supersedes(removed_at)
    ):
        return Reason(code=ReasonCode.BEFORE_REMOVAL, at=removed_at)
    if user.snapshot is not None and membership.version < user.snapshot:
        return Reason(code=ReasonCode.NOT_IN_SNAPSHOT, at=user.snapshot[0])
    return user.directory.why_ended(membership.version)
