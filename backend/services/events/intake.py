"""The way in: every event comes in here, whatever brought it, and is applied once."""

import json
import logging
from typing import NamedTuple
from uuid import UUID

import asyncpg
from sqlalchemy import Boolean, DateTime, LargeBinary, Text, Uuid, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import JSONB
from uuid_utils.compat import uuid7

from backend.database import (
    AutocommitConnection,
    Database,
    Fetches,
    Query,
    is_content_error,
    sqlstate,
)
from backend.errors import PayloadTooLarge
from backend.metrics import DIRECTORY_EVENTS, TOO_LARGE
from backend.models import EventCursor
from backend.schemas.events import Outcome, ParkingReason
from backend.services.events.parsing import ReadEvent
from backend.services.mirror import facts
from backend.services.mirror.facts import UnusableData
from backend.services.mirror.rows import EventRow

_log = logging.getLogger(__name__)

_APPLICATION = select(
    func.apply_event(
        bindparam("event", type_=JSONB),
        bindparam("body", type_=LargeBinary),
        bindparam("facts", type_=JSONB),
        bindparam("audit_id", type_=Uuid),
        bindparam("replayed", type_=Boolean),
        bindparam("actor", type_=Uuid),
    )
)
_APPLY = Query(_APPLICATION)
# The cursor moves in the transaction of the event that it moves to.
_APPLY_AND_MOVE_ON = Query(
    _APPLICATION.add_cte(
        update(EventCursor)
        .values(
            after=bindparam("after", type_=Text),
            occurred_at=bindparam("occurred", type_=DateTime(timezone=True)),
        )
        .cte("moved")
    )
)

# By PostgreSQL's SQLSTATE, or its class.
_REFUSALS = {
    "22P02": ParkingReason.VALUE_NOT_JSON,
    "23": ParkingReason.RULE_VIOLATED,
    "54": ParkingReason.VALUE_TOO_LONG,
}


class Replay(NamedTuple):
    """A replay by hand, which is noted; without an actor it is the command line's."""

    actor_id: UUID | None = None


def _subject(row: EventRow) -> str:
    """The id of whom or what it is about."""
    return row["directory_user_id"] or row["group_id"] or row["directory_id"] or row["id"]


async def receive(database: Database, event: ReadEvent) -> Outcome:
    """Take in what a webhook brought.

    Raises:
        PayloadTooLarge: it could not be kept, which is noted; WorkOS sends it again.
    """
    outcome = await apply(database.events.about(_subject(event.row)), event)
    DIRECTORY_EVENTS.labels(outcome).inc()
    if event.body is None:
        TOO_LARGE.inc()
        _log.warning("webhook: an event is too large: %s", event.row["detail"])
        raise PayloadTooLarge
    return outcome


async def apply(
    on: Fetches | AutocommitConnection,
    event: ReadEvent,
    *,
    replay: Replay | None = None,
    moves_cursor: bool = False,
) -> Outcome:
    """Take in one event, durably, and apply it; known events are answered `duplicate`.

    Args:
        on: `Database.events`, or a connection.
        event: as it was read.
        replay: apply it even when it is known.
        moves_cursor: whether catch-up reads on from here.
    """
    try:
        return await _apply(on, event, replay, moves_cursor=moves_cursor)
    except asyncpg.PostgresError as error:
        if not is_content_error(error):
            raise
        code = sqlstate(error)
        reason = _REFUSALS.get(code) or _REFUSALS.get(code[:2], ParkingReason.NOT_STORABLE)
        refused = UnusableData(reason, f"The database refused it: {error.args[0]}")
    except RecursionError:
        refused = UnusableData(ParkingReason.VALUE_TOO_LONG, "It is nested too deeply.")
    parked = event._replace(row=facts.parked(event.row, refused), facts=None)
    return await _apply(on, parked, replay, moves_cursor=moves_cursor)


async def _apply(
    on: Fetches | AutocommitConnection,
    event: ReadEvent,
    replay: Replay | None,
    *,
    moves_cursor: bool,
) -> Outcome:
    values: dict[str, object] = {
        "event": json.dumps(event.row),
        "body": event.body,
        "facts": None if event.facts is None else json.dumps(event.facts),
        "audit_id": uuid7(),
        "replayed": replay is not None,
        "actor": replay and replay.actor_id,
    }
    if moves_cursor:
        cursor = {"after": event.envelope.id, "occurred": event.envelope.created_at}
        rows = await _APPLY_AND_MOVE_ON.rows(on, **values, **cursor)
    else:
        rows = await _APPLY.rows(on, **values)
    return Outcome(rows[0][0])
