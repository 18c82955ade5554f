"""Reading whole directories from WorkOS, a page at a time, from wherever it stopped.

A listing that is malformed, of another directory, goes round in circles or breaks off is an
error here: nothing is inferred from it.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, TypeVar, assert_never

from backend.errors import WorkosFault, WorkosUnavailable
from backend.schemas.reconciliations import Progress
from backend.services.mirror.portal import connection_facts, organization_facts
from backend.services.mirror.rows import (
    FACT,
    Facts,
    Version,
    directory_row,
    group_row,
    membership_row,
    user_row,
)
from backend.services.reconciliation.checkpoint import Checkpoint, Counted, CountedRows, Phase
from backend.workos.answers import parse
from backend.workos.client import WorkosClient
from backend.workos.clock import snapshot_time
from backend.workos.listings import list_directories
from backend.workos.models import DirectoryCounts, DirectoryGroup, DirectoryUser, ListedMember
from backend.workos.paging import NotListed, Page, Pages
from backend.workos.retrying import Retrier, RetryPolicy

_DELETING = "deleting"  # WorkOS is taking the directory apart: what it lists now means nothing

RowT = TypeVar("RowT", DirectoryUser, DirectoryGroup, ListedMember)


class Step(NamedTuple):
    """What a page says, and whether the next one can only be asked for when this is merged."""

    facts: Facts
    is_boundary: bool


class Opening(NamedTuple):
    """The time of which the snapshot tells, and the directories that there are."""

    as_of: datetime
    facts: Facts


class Reader:
    """Reads the directories of one organization, and moves `checkpoint` and `progress` on.

    Args:
        client: where they are read.
        organization_id: whose.
        checkpoint: where to go on.
        progress: what has been read.
        retry_policy: for a WorkOS that fails.
        check_stop: awaited before each request and while waiting; raises to stop.
        note_trouble: awaited with why a request is tried again, and with None when it went well.
        groups_after: of a directory, the groups to read that follow a group.
        version_at: the version of what is read, by the time of the snapshot.
        as_of: that time, where it has begun.
    """

    def __init__(
        self,
        client: WorkosClient,
        organization_id: str,
        *,
        checkpoint: Checkpoint,
        progress: Progress,
        retry_policy: RetryPolicy,
        check_stop: Callable[[], Awaitable[None]],
        note_trouble: Callable[[WorkosUnavailable | None], Awaitable[None]],
        groups_after: Callable[[str, str | None], Awaitable[list[str]]],
        version_at: Callable[[datetime], Version],
        as_of: datetime | None,
    ) -> None:
        self.checkpoint = checkpoint
        self.progress = progress
        self._client = client
        self._organization_id = organization_id
        self._retrier = Retrier(retry_policy, check_stop, note_trouble)
        self._groups_after = groups_after
        self._version_at = version_at
        self._as_of = as_of
        self._groups: list[str] = []
        self._pages: Pages[Page[Any]] | None = None  # of the listing that is being read

    @property
    def _version(self) -> Version:
        assert self._as_of is not None, "it is opened first"
        return self._version_at(self._as_of)

    async def open(self, known: list[str], known_connections: list[str]) -> Opening:
        """Begin anew: what directories there are, domains and SSO connections.

        Args:
            known: the directories that the mirror holds; whether they are gone is found out.
            known_connections: those that it holds.

        Raises:
            WorkosUnavailable: for too long, or what it says cannot be trusted.
        """
        listed, as_of = await self._retrier.call(self._list_directories)
        organization = await self._retrier.call(
            lambda: self._client.organization(self._organization_id)
        )
        connections = await self._retrier.call(
            lambda: self._client.connections(self._organization_id)
        )
        self._as_of = as_of
        wanted = [each for each in listed if self._client.scope.includes(each.id)]
        facts = Facts(directories=[directory_row(each, self._version) for each in wanted])
        if listed:
            facts["managed"] = [self._organization_id]
        if organization is not None:
            facts |= organization_facts(organization, self._version)
        if connections is not None:
            facts |= connection_facts(
                self._organization_id, connections, known_connections, self._version
            )
        self.checkpoint = Checkpoint(
            directories=[each.id for each in wanted if each.state != _DELETING]
        )
        for directory_id in {*known} - {directory.id for directory in listed}:
            if self._client.scope.includes(directory_id):
                await self._note_gone(directory_id)
        return Opening(as_of, facts)

    async def _list_directories(self) -> tuple[list[DirectoryCounts], datetime]:
        return await list_directories(self._client, self._organization_id)

    async def step(self) -> Step:
        """Read one page; `checkpoint` is behind it then.

        Raises:
            WorkosUnavailable: for too long, or what it says cannot be trusted.
        """
        directory_id = self.checkpoint.directories[0]
        try:
            if self.checkpoint.counted is None:
                await self._begin(directory_id)
            match self.checkpoint.phase:
                case Phase.PEOPLE:
                    return await self._people(directory_id)
                case Phase.GROUPS:
                    return await self._list_groups(directory_id)
                case Phase.MEMBERSHIPS:
                    return await self._members(directory_id)
                case _:
                    assert_never(self.checkpoint.phase)
        except NotListed:
            await self._note_gone(directory_id)
            self._next_directory()
            return Step(Facts(), is_boundary=True)

    async def _begin(self, directory_id: str) -> None:
        counted = await self._count(directory_id)
        self.checkpoint.counted = counted or Counted()
        if counted is not None:
            self.progress.people_total = (self.progress.people_total or 0) + counted.people
            self.progress.groups_total = (self.progress.groups_total or 0) + counted.groups

    async def _count(self, directory_id: str) -> Counted | None:
        directory = await self._retrier.call(lambda: self._client.directory_counts(directory_id))
        if directory is None:
            raise NotListed
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
        self.progress.people += len(people)
        is_last = self._has_ended(Phase.GROUPS)
        rows = [user_row(each, FACT, self._version) for each in people]
        return Step(Facts(directory_users=rows), is_last)

    async def _list_groups(self, directory_id: str) -> Step:
        groups = await self._page(
            DirectoryGroup, "directory_groups", directory_id, directory=directory_id
        )
        self.progress.groups += len(groups)
        is_last = self._has_ended(Phase.MEMBERSHIPS)
        rows = [group_row(each, FACT, self._version) for each in groups]
        return Step(Facts(groups=rows), is_last)

    async def _members(self, directory_id: str) -> Step:
        group = self.checkpoint.group
        if group is None or self.checkpoint.after is None:
            self._groups = self._groups or await self._groups_after(directory_id, group)
            if not self._groups:
                await self._end(directory_id)
                return Step(Facts(), is_boundary=True)
            group = self._groups.pop(0)
        try:
            members = await self._page(
                ListedMember, "directory_users", directory_id, pace=directory_id, group=group
            )
        except NotListed:
            await self._see_that_group_is_gone(group)
            members = []
        self.checkpoint.group = group
        self.progress.memberships += len(members)
        if self.checkpoint.after is None:
            self.progress.groups_read += 1
        row = membership_row(
            self._organization_id, group, [member.id for member in members], self._version
        )
        return Step(Facts(memberships=[row]), is_boundary=False)

    async def _see_that_group_is_gone(self, group: str) -> None:
        if await self._retrier.call(lambda: self._client.group(group)) is not None:
            raise WorkosUnavailable(WorkosFault.GROUP_CONTRADICTION, group_id=group)
        self.checkpoint.after = None

    async def _page(
        self, model: type[RowT], resource: str, directory_id: str, pace: str = "", **filters: str
    ) -> list[RowT]:
        """The next page, and `checkpoint.after` behind it.

        Raises:
            NotListed: what is listed is gone.
        """

        async def read(after: str | None) -> Page[RowT]:
            page = await self._client.list_page(resource, after, pace=pace, **filters)
            rows = [parse(model, item) for item in page.items]
            for row in rows:
                if (row.directory_id, row.organization_id) != (directory_id, self._organization_id):
                    raise WorkosUnavailable(
                        WorkosFault.FOREIGN_ROW, row_id=row.id, directory_id=directory_id
                    )
            return Page(rows, page.following)

        async def fetch(after: str | None) -> Page[RowT]:
            return await self._retrier.call(partial(read, after))

        pages: Pages[Page[RowT]] = self._pages or Pages(resource, fetch, self.checkpoint.after)
        self._pages = None
        page = await anext(pages)
        if page.following is not None:
            self._pages = pages
        self.checkpoint.after = page.following
        return page.items

    def _has_ended(self, following: Phase) -> bool:
        if self.checkpoint.after is not None:
            return False
        self.checkpoint.phase = following
        return True

    async def _end(self, directory_id: str) -> None:
        begun = self.checkpoint.counted or Counted()
        ended = await self._count(directory_id) or Counted()
        self.checkpoint.counts += [
            CountedRows(
                directory_id=directory_id,
                kind=kind,
                counted=min(getattr(begun, kind), getattr(ended, kind)),
            )
            for kind in ("people", "groups")
        ]
        self.checkpoint.read.append(directory_id)
        self._next_directory()

    def _next_directory(self) -> None:
        before = self.checkpoint
        self._groups = []
        self.checkpoint = Checkpoint(
            directories=before.directories[1:],
            read=before.read,
            gone=before.gone,
            counts=before.counts,
        )

    async def _note_gone(self, directory_id: str) -> None:
        self.checkpoint.gone[directory_id] = await self._retrier.call(
            lambda: self._gone_at(directory_id)
        )

    async def _gone_at(self, directory_id: str) -> datetime:
        """When WorkOS, asked in two ways, has the directory no more."""
        directory = await self._client.directory(directory_id)
        found_at = snapshot_time()
        listed, _ = await self._list_directories()
        if directory is not None or directory_id in {each.id for each in listed}:
            raise WorkosUnavailable(WorkosFault.DIRECTORY_CONTRADICTION, directory_id=directory_id)
        return found_at
