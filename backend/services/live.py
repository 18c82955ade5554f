"""What is told to open pages: whatever the audit log says, and that one's own access has changed.

A process has one ear (`database/news.py`). When it hears of an organization with open pages, it
reads what is new there, once for all of them, and asks whether those who hold the pages still may.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row, func, literal, select
from sqlalchemy.exc import DBAPIError

from backend.database import CONNECTION_FAULTS, DRIVER_FAULTS, Database
from backend.database.news import EVERYWHERE, hearing
from backend.models import AuditEvent, DirectoryEvent
from backend.schemas.access import Actor, Permission, permissions_of
from backend.schemas.live import Access, Change, Changes, Topic
from backend.services import sessions

logger = logging.getLogger(__name__)

_FAULTS = (*DRIVER_FAULTS, *CONNECTION_FAULTS, DBAPIError)
_MOST_WAITING = 50
_MOST_CHANGES = 100
_LOOK_SECONDS = 5
"""So often it is looked where nothing was told: for what ends by the clock, and what was lost."""
_OVERLAP = timedelta(seconds=10)
"""A transaction may commit so long after the time that it notes."""
_LONGEST_AWAY = timedelta(minutes=10)
_RETRY_SECONDS = 1
_QUIET_SECONDS = 15

_TOPICS = {
    "post": Topic.POSTS,
    "invitation": Topic.TEAM,
    "guest": Topic.TEAM,
    "reconciliation": Topic.DIRECTORY,
    "mapping": Topic.ROLES,
    "grant": Topic.ROLES,
    "setting": Topic.SETTINGS,
    "organization": Topic.SETTINGS,
}
_EVENT = "event"
_OF_EVERYBODY = frozenset({Topic.POSTS, Topic.TEAM, Topic.REFRESH})
# By the database's clock, which the times that it notes are of.
_NOW = select(func.clock_timestamp())


class News(NamedTuple):
    """One server-sent event; `at` is where a page goes on that comes back."""

    topic: Topic
    at: datetime
    data: Access | Changes | None = None


class Stream:
    """An open page."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self.roles = set(actor.roles)
        self.over = False
        self.waiting: asyncio.Queue[News] = asyncio.Queue(_MOST_WAITING)

    @property
    def holds(self) -> UUID | None:
        return self.actor.token_id or self.actor.session_id

    def tell(self, news: News) -> None:
        """One that does not keep up is told to look for itself."""
        if self.waiting.full():
            while not self.waiting.empty():
                self.waiting.get_nowait()
            news = news if news.topic is Topic.ENDED else News(Topic.REFRESH, news.at)
        self.waiting.put_nowait(news)

    async def next(self) -> News | None:
        """None after a quiet while."""
        try:
            async with asyncio.timeout(_QUIET_SECONDS):
                return await self.waiting.get()
        except TimeoutError:
            return None

    def may_hear(self, topic: Topic) -> bool:
        return topic in _OF_EVERYBODY or Permission.ADMINISTER in permissions_of(tuple(self.roles))


class Live:
    """The open pages of this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._streams: defaultdict[str, set[Stream]] = defaultdict(set)
        self._seen: dict[str, dict[UUID | str, datetime]] = {}
        self._told: set[str] = set()
        self._wake = asyncio.Event()
        self._work: asyncio.Task[None] | None = None
        self._listens = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Pages may be opened within the block; it listens from the first one on."""
        try:
            yield
        finally:
            if self._work is not None:
                self._work.cancel()
                await asyncio.wait({self._work})

    async def _listen(self) -> None:
        async with hearing(self._database, self._hear) as ready:
            await ready()
            self._listens.set()
            await self._look()

    async def follow(self, actor: Actor, since: datetime | None) -> AsyncIterator[News | None]:
        """What is new from now on, for as long as the actor may know it; None after a quiet while.

        Args:
            actor: who holds the page.
            since: where they went on last; None: they have just read everything.
        """
        stream, of = Stream(actor), actor.organization_id
        now = await self._begin(of)
        self._streams[of].add(stream)
        try:
            # Again, for what was told of before it was among the streams.
            await self._end_and_change([stream], now)
            yield News(Topic.READY, now)
            if since is not None:
                async for news in self._missed(stream, since, now):
                    yield news
            while True:
                found = await stream.next()
                yield found
                if found is not None and found.topic is Topic.ENDED:
                    return
        finally:
            self._streams[of].discard(stream)
            if not self._streams[of]:
                del self._streams[of]
                self._seen.pop(of, None)

    async def _begin(self, organization_id: str) -> datetime:
        """What the first page of an organization finds there is not new."""
        if self._work is None:
            self._work = asyncio.create_task(self._listen())
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_SECONDS):
                await self._listens.wait()
        now = await self._now()
        if organization_id not in self._seen:
            self._seen[organization_id] = {}
            await self._read(organization_id, now - _OVERLAP)
        return now

    async def _missed(self, stream: Stream, since: datetime, now: datetime) -> AsyncIterator[News]:
        if now - since > _LONGEST_AWAY:
            yield News(Topic.REFRESH, now)
            return
        rows = await self._rows(stream.actor.organization_id, since - _OVERLAP)
        for news in _sorted(rows, now):
            if stream.may_hear(news.topic):
                yield news

    async def _now(self) -> datetime:
        async with self._database.connect() as connection:
            now: datetime = (await connection.scalars(_NOW)).one()
        return now

    def _hear(self, organizations: set[str]) -> None:
        self._told |= organizations
        self._wake.set()

    async def _look(self) -> None:
        while True:
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                self._told.add(EVERYWHERE)
            self._wake.clear()
            told, self._told = self._told, set()
            following = set(self._streams)
            for organization_id in following if EVERYWHERE in told else following & told:
                try:
                    await self._tell(organization_id)
                except _FAULTS as error:
                    logger.info("what is new could not be read: %s", error)
                    await self._again(organization_id)
                except Exception:
                    logger.exception("what is new could not be told")
                    await self._again(organization_id)

    async def _again(self, organization_id: str) -> None:
        await asyncio.sleep(_RETRY_SECONDS)
        self._hear({organization_id})

    async def _tell(self, organization_id: str) -> None:
        now = await self._now()
        # Access is asked first: nobody hears what they may not know any more.
        await self._end_and_change(self._following(organization_id), now)
        for news in _sorted(await self._read(organization_id, now - _OVERLAP), now):
            for stream in self._following(organization_id):
                if not stream.over and stream.may_hear(news.topic):
                    stream.tell(news)

    def _following(self, organization_id: str) -> list[Stream]:
        return list(self._streams.get(organization_id, ()))

    async def _end_and_change(self, streams: Sequence[Stream], now: datetime) -> None:
        """Of one organization."""
        if not streams:
            return
        holding = {stream.holds for stream in streams if stream.holds is not None}
        of = streams[0].actor.organization_id
        roles = await sessions.roles_of_holders(self._database, of, holding)
        for stream in streams:
            found = roles.get(stream.holds) if stream.holds else None
            if found is None:
                stream.over = True
                stream.tell(News(Topic.ENDED, now))
            elif set(found) != stream.roles:
                stream.roles = set(found)
                access = Access(roles=list(found), permissions=sorted(permissions_of(found)))
                stream.tell(News(Topic.ACCESS, now, access))

    async def _read(self, organization_id: str, since: datetime) -> Sequence[Row[*tuple[Any, ...]]]:
        """What nobody was told of yet."""
        seen = self._seen.get(organization_id, {})
        rows = [row for row in await self._rows(organization_id, since) if row.id not in seen]
        seen.update({row.id: row.at for row in rows})
        for old in [key for key, at in seen.items() if at < since - _OVERLAP]:
            del seen[old]
        return rows

    async def _rows(self, organization_id: str, since: datetime) -> Sequence[Row[*tuple[Any, ...]]]:
        noted = (
            select(AuditEvent.id, AuditEvent.at, AuditEvent.action, AuditEvent.subject_id)
            .where(AuditEvent.organization_id == organization_id, AuditEvent.at >= since)
            .order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
            .limit(_MOST_CHANGES + 1)
        )
        came = (
            select(
                DirectoryEvent.id,
                DirectoryEvent.received_at.label("at"),
                literal(_EVENT).label("action"),
                DirectoryEvent.id.label("subject_id"),
            )
            .where(
                DirectoryEvent.organization_id == organization_id,
                DirectoryEvent.received_at >= since,
            )
            .order_by(DirectoryEvent.received_at.desc(), DirectoryEvent.id.desc())
            .limit(_MOST_CHANGES + 1)
        )
        async with self._database.connect() as connection:
            of_audit = (await connection.execute(noted)).all()
            of_inbox = (await connection.execute(came)).all()
        return sorted((*of_audit, *of_inbox), key=lambda row: row.at)


def _sorted(rows: Sequence[Row[*tuple[Any, ...]]], now: datetime) -> list[News]:
    """By topic; of more than were read it is only said that there are."""
    if sum(row.action != _EVENT for row in rows) > _MOST_CHANGES:
        return [News(Topic.REFRESH, now)]
    found: defaultdict[Topic, Changes] = defaultdict(Changes)
    for row in rows:
        if row.action == _EVENT:
            found[Topic.DIRECTORY].count += 1
            continue
        topic = _TOPICS.get(row.action.partition(".")[0])
        if topic is not None:
            change = Change(action=row.action, subject_id=row.subject_id)
            found[topic].items.append(change)
        found[Topic.AUDIT].count += 1
    return [News(topic, now, changes) for topic, changes in found.items()]
