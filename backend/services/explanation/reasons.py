"""Why a row of the mirror does not count: the views' conditions, said one by one in words.

The views decide; these sentences only explain. A test draws histories and compares the two.
"""

from datetime import UTC, datetime
from typing import NamedTuple

Version = tuple[datetime, str]


def said(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


class Above(NamedTuple):
    """The directory of a row; all None where it has never been described."""

    name: str | None
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

    def ended(self, version: Version) -> str | None:
        """Why something of this version ended with the directory, or with its listing."""
        if self.removed_at is not None and self.is_removed_since(version):
            return f"Its directory was removed on {said(self.removed_at)}."
        if self.complete is not None and version < self.complete:
            return (
                f"The complete listing of the directory of {said(self.complete[0])} "
                "did not have it any more."
            )
        return None


class PersonRow(NamedTuple):
    version: Version | None
    state: str | None
    removed_at: datetime | None
    read: Version | None
    newer_namesake: str | None
    directory: Above


class GroupRow(NamedTuple):
    version: Version | None
    removed_at: datetime | None
    same_directory: bool


class Edge(NamedTuple):
    version: Version
    present: bool


def why_person_does_not_count(person: PersonRow) -> str | None:
    """None for somebody who counts; that includes whoever counts but is not active."""
    if person.version is None:
        return "Only removals of this person have arrived; the directory never described them."
    if (
        person.removed_at is not None
        and person.version[0] <= person.removed_at
        and not person.directory.supersedes(person.removed_at)
    ):
        return f"Removed or deactivated in the directory on {said(person.removed_at)}."
    if ended := person.directory.ended(person.version):
        return ended
    if person.newer_namesake is not None:
        return f"The same person is in the directory under a newer id, {person.newer_namesake}."
    return None


def why_person_gives_no_access(person: PersonRow) -> str | None:
    """As `why_person_does_not_count`, and for whoever counts without being active."""
    return why_person_does_not_count(person) or (
        None
        if person.state == "active"
        else f"The directory says that they are “{person.state}”; only “active” may enter."
    )


def why_membership_does_not_count(edge: Edge, person: PersonRow, group: GroupRow) -> str | None:
    """None for one that counts."""
    if not edge.present:
        return f"They were taken out of the group on {said(edge.version[0])}."
    if group.version is None:
        return "The group itself has not been announced, or only its deletion."
    if not group.same_directory:
        return "The group belongs to another directory than the person."
    if why_person_does_not_count(person):
        return "The person does not count in this directory."
    return _why_group_ended(edge, person.directory, group) or _why_edge_ended(edge, person)


def _why_group_ended(edge: Edge, directory: Above, group: GroupRow) -> str | None:
    assert group.version is not None
    removed_at = group.removed_at
    if removed_at is not None and not directory.supersedes(removed_at):
        if group.version[0] <= removed_at:
            return f"The group was deleted on {said(removed_at)}."
        if edge.version[0] <= removed_at:
            return (
                f"It is from before the group was deleted on {said(removed_at)}; the group came "
                "back, and has not been said to have them since."
            )
    if ended := directory.ended(group.version):
        return f"The group: {ended[0].lower()}{ended[1:]}"
    return None


def _why_edge_ended(edge: Edge, person: PersonRow) -> str | None:
    removed_at = person.removed_at
    if (
        removed_at is not None
        and edge.version[0] <= removed_at
        and not person.directory.supersedes(removed_at)
    ):
        return (
            f"It is from before the person left on {said(removed_at)}, and has not been read "
            "since they are back; the background work or their next sign-in reads it."
        )
    if person.read is not None and edge.version < person.read:
        return f"The reading of the person's groups of {said(person.read[0])} did not have it."
    return person.directory.ended(edge.version)
