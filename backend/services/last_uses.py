"""When sessions and tokens were last used: written behind the answers, a minute apart at least."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Text,
    Update,
    Uuid,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import InstrumentedAttribute

from backend.database import CONNECTION_FAULTS, DRIVER_FAULTS, Database
from backend.models import ApiToken, Session, User
from backend.schemas.access import Actor

_log = logging.getLogger(__name__)

_FAULTS = (*DRIVER_FAULTS, *CONNECTION_FAULTS, DBAPIError)
_EVERY_SECONDS = 10
_AT_ONCE = 1000


def _noting(column: InstrumentedAttribute[Any]) -> Update:
    """What somebody else is writing at the moment is left for the next time."""
    table = column.class_
    used = (
        func.unnest(
            bindparam("organizations", type_=ARRAY(Text)), bindparam("ids", type_=ARRAY(Uuid))
        )
        .table_valued("organization_id", "id", name="used")
        .render_derived()
    )
    stale = (
        select(table.organization_id, table.id)
        .join(used, (table.organization_id == used.c.organization_id) & (table.id == used.c.id))
        .where(or_(column.is_(None), column < func.now() - literal_column("interval '1 minute'")))
        .with_for_update(of=table, key_share=True, skip_locked=True)
    )
    return (
        update(table)
        .where(tuple_(table.organization_id, table.id).in_(stale))
        .values({column: func.now()})
    )


_NOTE = (
    _noting(Session.last_used_at),
    _noting(ApiToken.last_used_at),
    _noting(User.last_seen_at),
)

_Ids = set[tuple[str, UUID]]


class LastUses:
    """What was used since it was last written."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sessions: _Ids = set()
        self._tokens: _Ids = set()
        self._users: _Ids = set()

    def note(self, actor: Actor) -> None:
        """Takes no time of the request's."""
        of = actor.organization_id
        if actor.token_id is not None:
            self._tokens.add((of, actor.token_id))
        elif actor.session_id is not None:
            self._sessions.add((of, actor.session_id))
        self._users.add((of, actor.user_id))

    async def write(self) -> None:
        for noted, statement in zip(
            (self._sessions, self._tokens, self._users), _NOTE, strict=True
        ):
            while noted:
                some = sorted(noted.pop() for _ in range(min(len(noted), _AT_ONCE)))
                organizations, ids = zip(*some, strict=True)
                values = {"organizations": list(organizations), "ids": list(ids)}
                async with self._database.connect() as connection:
                    await connection.execute(statement, values)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """They are written beside the block, and at its end."""
        task = asyncio.create_task(self._keep_writing())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            await self._try_to_write()

    async def _keep_writing(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            await self._try_to_write()

    async def _try_to_write(self) -> None:
        try:
            await self.write()
        except _FAULTS as error:  # nothing but a time is lost
            _log.info("the last uses were not written: %s", error)
