"""Reading whole directories from WorkOS, a page at a time, from wherever a reading stopped.

A listing that is malformed, of another directory, goes round in circles or breaks off is an
error here: nothing is inferred from it.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import NamedTuple, TypeVar, assert_never

from backend.errors import WorkosUnavailable
from backend.schemas.reconciliations import Progress
from backend.services.mirror.facts import FACT, Facts, directory_row, group_row, user_row
from backend.services.reconciliation.checkpoint import (
    Circle,
    Counted,
    CountedRows,
    Patience,
    Phase,
    Position,
)
from backend.services.reconciliation.pages import Tries, list_directories, parse
from backend.workos.client import WorkosClient, reading_time
from backend.workos.models import DirectoryCounts, DirectoryGroup, DirectoryUser, ListedMember

_DELETING = "deleting"  # WorkOS is taking the directory apart: what it lists now means nothing

RowT = TypeVar("RowT", DirectoryUser, DirectoryGroup, ListedMember)


class Step(NamedTuple):
    """What a page says, and whether the next one can only be asked for when this is merged."""

    facts: Facts
    is_boundary: bool


class Opening(NamedTuple):
    """The time of which a reading tells, and the directories that there are."""

    as_of: datetime
    facts: Facts


class _Gone(Exception):
    """WorkOS does not know the directory that is being read."""


class Reader:
    """Reads the directories of one organization, and moves `position` and `progress` on.

    Args:
        client: where they are read.
        organization_id: whose.
        position: where to go on.
        progress: what has been read.
        patience: with a WorkOS that fails.
        look_up: awaited before each request; raises to stop.
        note_trouble: awaited with why a request is tried again, and with None when it went well.
        groups_after: of a directory, the groups to read that follow a group.
    """

    def __init__(
        self,
        client: WorkosClient,
        organization_id: str,
        *,
        position: Position,
        progress: Progress,
        patience: Patience,
        look_up: Callable[[], Awaitable[None]],
        note_trouble: Callable[[str | None], Awaitable[None]],
        groups_after: Callable[[str, str | None], Awaitable[list[str]]],
    ) -> None:
        self.position = position
        self.progress = progress
        self._client = client
        self._organization_id = organization_id
        self._tries = Tries(patience, look_up, note_trouble)
        self._groups_after = groups_after
        self._groups: list[str] = []
        self._circle = Circle()

    async def open(self, known: list[str], only_directory: str) -> Opening:
        """Begin anew: what directories there are.

        Args:
            known: those that the mirror holds; whether they are gone is found out.
            only_directory: when not empty, nothing is read or inferred of others.

        Raises:
            WorkosUnavailable: for too long, or what it says cannot be trusted.
        """
        listed, as_of = await self._tries.answer(self._list_directories)
        organization = await self._tries.answer(
            lambda: self._client.organization(self._organization_id)
        )
        wanted = [each for each in listed if only_directory in {"", each.id}]
        facts = Facts(directories=[directory_row(directory) for directory in wanted])
        if listed:
            facts["managed"] = [self._organization_id]
        if organization is not None:
            facts["organizations"] = [organization.model_dump()]
        self.position = Position(
            directories=[each.id for each in wanted if each.state != _DELETING]
        )
        for directory_id in {*known} - {directory.id for directory in listed}:
            if only_directory in {"", directory_id}:
                await self._note_gone(directory_id)
        return Opening(as_of, facts)

    async def _list_directories(self) -> tuple[list[DirectoryCounts], datetime]:
        return await list_directories(self._client, self._organization_id)

    async def step(self) -> Step:
        """Read one page; `position` is behind it then.

        Raises:
            WorkosUnavailable: for too long, or what it says cannot be trusted.
        """
        directory_id = self.position.directories[0]
        try:
            if self.position.counted is None:
                await self._begin(directory_id)
            match self.position.phase:
                case Phase.PEOPLE:
                    return await self._people(directory_id)
                case Phase.GROUPS:
                    return await self._list_groups(directory_id)
                case Phase.MEMBERSHIPS:
                    return await self._members(directory_id)
                case _:
                    assert_never(self.position.phase)
        except _Gone:
            await self._note_gone(directory_id)
            self._next_directory()
            return Step(Facts(), is_boundary=True)

    async def _begin(self, directory_id: str) -> None:
        counted = await self._count(directory_id)
        self.position.counted = counted or Counted()
        if counted is not None:
            self.progress.people_total = (self.progress.people_total or 0) + counted.people
            self.progress.groups_total = (self.progress.groups_total or 0) + counted.groups

    async def _count(self, directory_id: str) -> Counted | None:
        directory = await self._tries.answer(lambda: self._client.directory_counts(directory_id))
        if directory is None:
            raise _Gone
        if directory.metadata is None:
            return None
        users = directory.metadata.users
        return Counted(people=users.active + users.inactive, groups=directory.metadata.groups)

    async def _people(self, directory_id: str) -> Step:
        people = await self._page(
            DirectoryUser,
            "directory_users",
            directory_id,
            pace=directory_id,
            directory=directory_id,
        )
        if people is None:
            raise _Gone
        self.progress.people += len(people)
        is_last = self._has_ended(Phase.GROUPS)
        return Step(Facts(users=[user_row(each, FACT) for each in people]), is_last)

    async def _list_groups(self, directory_id: str) -> Step:
        groups = await self._page(
            DirectoryGroup, "directory_groups", directory_id, directory=directory_id
        )
        if groups is None:
            raise _Gone
        self.progress.groups += len(groups)
        is_last = self._has_ended(Phase.MEMBERSHIPS)
        return Step(Facts(groups=[group_row(each, FACT) for each in groups]), is_last)

    async def _members(self, directory_id: str) -> Step:
        group = self.position.group
        if group is None or self.position.after is None:
            self._groups = self._groups or await self._groups_after(directory_id, group)
            if not self._groups:
                await self._end(directory_id)
                return Step(Facts(), is_boundary=True)
            group = self._groups.pop(0)
        members = await self._page(
            ListedMember, "directory_users", directory_id, pace=directory_id, group=group
        )
        if members is None:
            await self._see_that_group_is_gone(group)
            members = []
        self.position.group = group
        self.progress.memberships += len(members)
        if self.position.after is None:
            self.progress.groups_read += 1
        row = {
            "user_ids": [member.id for member in members],
            "group_id": group,
            "directory_id": directory_id,
            "organization_id": self._organization_id,
            "present": True,
        }
        return Step(Facts(memberships=[row]), is_boundary=False)

    async def _see_that_group_is_gone(self, group: str) -> None:
        if await self._tries.answer(lambda: self._client.group(group)) is not None:
            raise WorkosUnavailable(f"WorkOS lists no members of the group {group}, which exists.")
        self.position.after = None

    async def _page(
        self, model: type[RowT], resource: str, directory_id: str, pace: str = "", **filters: str
    ) -> list[RowT] | None:
        """The next page, and `position.after` behind it; None when what is listed is gone."""

        async def read() -> tuple[list[RowT], str | None] | None:
            page = await self._client.list_page(resource, self.position.after, pace=pace, **filters)
            if page is None:
                return None
            rows = [parse(model, item) for item in page.items]
            for row in rows:
                if (row.directory_id, row.organization_id) != (directory_id, self._organization_id):
                    raise WorkosUnavailable(
                        f"WorkOS listed {row.id} of another directory in {directory_id}."
                    )
            return rows, page.following

        found = await self._tries.answer(read)
        if found is None:
            return None
        rows, following = found
        if self.position.after is None:
            self._circle = Circle()
        if following is not None and self._circle.closes(following):
            raise WorkosUnavailable(f"WorkOS's listing of {resource} goes round in circles.")
        self.position.after = following
        return rows

    def _has_ended(self, following: Phase) -> bool:
        if self.position.after is not None:
            return False
        self.position.phase = following
        return True

    async def _end(self, directory_id: str) -> None:
        begun = self.position.counted or Counted()
        ended = await self._count(directory_id) or Counted()
        self.position.counts += [
            CountedRows(
                directory_id=directory_id,
                kind=kind,
                counted=min(getattr(begun, kind), getattr(ended, kind)),
            )
            for kind in ("people", "groups")
        ]
        self.position.read.append(directory_id)
        self._next_directory()

    def _next_directory(self) -> None:
        before = self.position
        self._groups = []
        self.position = Position(
            directories=before.directories[1:],
            read=before.read,
            gone=before.gone,
            counts=before.counts,
        )

    async def _note_gone(self, directory_id: str) -> None:
        self.position.gone[directory_id] = await self._tries.answer(
            lambda: self._gone_at(directory_id)
        )

    async def _gone_at(self, directory_id: str) -> datetime:
        """When WorkOS, asked in two ways, has the directory no more."""
        directory = await self._client.directory(directory_id)
        found_at = reading_time()
        listed, _ = await self._list_directories()
        if directory is not None or directory_id in {each.id for each in listed}:
            raise WorkosUnavailable(
                f"WorkOS contradicts itself on whether the directory {directory_id} exists."
            )
        return found_at
