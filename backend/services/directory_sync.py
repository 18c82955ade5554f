"""The inbox: every event comes in here, whatever brought it, and is applied once."""

import json
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg
from pydantic import ValidationError
from sqlalchemy import (
    Boolean,
    DateTime,
    LargeBinary,
    RowMapping,
    Text,
    Uuid,
    bindparam,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from backend.database import Query, is_content_error
from backend.errors import NotAnEvent, NotFound
from backend.models import DirectoryEvent
from backend.schemas.directory_sync import Outcome, Source
from backend.schemas.text import storable_json
from backend.schemas.workos import Envelope
from backend.services.directory_facts import (
    HANDLERS,
    Facts,
    UnusableData,
    directory_of,
    facts_of,
    group_of,
    organization_of,
    user_of,
)

_APPLY = Query(
    select(
        func.apply_directory_event(
            bindparam("id", type_=Text),
            bindparam("type", type_=Text),
            bindparam("source", type_=Text),
            bindparam("organization", type_=Text),
            bindparam("directory", type_=Text),
            bindparam("person", type_=Text),
            bindparam("group", type_=Text),
            bindparam("occurred", type_=DateTime(timezone=True)),
            bindparam("body", type_=LargeBinary),
            bindparam("facts", type_=JSONB),
            bindparam("unapplied", type_=Text),
            bindparam("problem", type_=Text),
            bindparam("audit_id", type_=Uuid),
            bindparam("again", type_=Boolean),
            bindparam("actor", type_=Uuid),
        )
    )
)


class Reading(NamedTuple):
    """What became of an event before the database saw it."""

    facts: Facts | None
    unapplied: Outcome
    problem: str | None = None


def parse(body: bytes) -> Envelope:
    """The envelope of a raw body; what cannot be stored of a text (NUL) becomes U+FFFD.

    Raises:
        NotAnEvent: it is not JSON, or not an event.
    """
    try:
        return Envelope.model_validate(storable_json(json.loads(body)))
    except (ValueError, RecursionError) as error:
        raise NotAnEvent(_reason(error)) from error


def _reason(error: Exception) -> str | None:
    if not isinstance(error, ValidationError):
        return "The body is not JSON."
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"]) or "body"
    return f"The body is not a WorkOS event: {field}: {first['msg']}."


def read(event: Envelope, only_directory: str) -> Reading:
    """What an event says; `only_directory`, when not empty, is the one that is listened to."""
    handler = HANDLERS.get(event.event)
    directory = directory_of(event.data)
    if handler is None or (only_directory and directory and directory != only_directory):
        return Reading(None, Outcome.IGNORED)
    try:
        return Reading(facts_of(handler, event.data), Outcome.IGNORED)
    except UnusableData as error:
        return Reading(None, Outcome.PARKED, str(error))


async def receive(
    connection: AsyncConnection,
    body: bytes,
    source: Source,
    *,
    only_directory: str = "",
    again: bool = False,
    actor_id: UUID | None = None,
) -> Outcome:
    """Take in one event, durably, and apply it; known events are answered `duplicate`.

    Args:
        connection: one whose statements are transactions by themselves; taking in is one.
        body: the raw bytes, already proved to be WorkOS's.
        source: what brought it.
        only_directory: see `read`.
        again: apply it even when it is known (a replay by hand).
        actor_id: who replays it; None for the command line.

    Raises:
        NotAnEvent: the body is not an event.
    """
    event = parse(body)
    reading = read(event, only_directory)
    try:
        return await _apply(connection, event, body, source, reading, again, actor_id)
    except asyncpg.PostgresError as error:
        if not is_content_error(error):
            raise
        parked = Reading(None, Outcome.PARKED, f"The database refused it: {error.args[0]}")
        return await _apply(connection, event, body, source, parked, again, actor_id)


async def _apply(
    connection: AsyncConnection,
    event: Envelope,
    body: bytes,
    source: Source,
    reading: Reading,
    again: bool,
    actor_id: UUID | None,
) -> Outcome:
    rows = await _APPLY.rows(
        connection,
        id=event.id,
        type=event.event,
        source=source,
        organization=organization_of(event.data),
        directory=directory_of(event.data),
        person=user_of(event.data),
        group=group_of(event.data),
        occurred=event.created_at,
        body=body,
        facts=None if reading.facts is None else json.dumps(reading.facts),
        unapplied=reading.unapplied,
        problem=reading.problem,
        audit_id=uuid7(),
        again=again,
        actor=actor_id,
    )
    return Outcome(rows[0][0])


async def list_events(
    connection: AsyncConnection, *, outcome: Outcome | None, event_type: str | None, limit: int
) -> list[RowMapping]:
    """The newest events of the inbox, without their bodies."""
    query = (
        select(
            DirectoryEvent.id,
            DirectoryEvent.type,
            DirectoryEvent.outcome,
            DirectoryEvent.attempts,
            DirectoryEvent.occurred_at,
            DirectoryEvent.received_at,
            DirectoryEvent.error,
        )
        .order_by(DirectoryEvent.received_at.desc(), DirectoryEvent.id.desc())
        .limit(limit)
    )
    if outcome is not None:
        query = query.where(DirectoryEvent.outcome == outcome)
    if event_type is not None:
        query = query.where(DirectoryEvent.type == event_type)
    return list((await connection.execute(query)).mappings())


async def get_event(connection: AsyncConnection, event_id: str) -> RowMapping:
    """One event with its body. Raises NotFound."""
    found = await connection.execute(select(DirectoryEvent).where(DirectoryEvent.id == event_id))
    event = found.mappings().one_or_none()
    if event is None:
        raise NotFound("No event has this id; `rollcall events list` shows the newest.")
    return event


async def replay(
    connection: AsyncConnection, event_id: str, *, only_directory: str = ""
) -> Outcome:
    """Apply a stored event again; safe at any time, because the merge is a maximum."""
    event = await get_event(connection, event_id)
    return await receive(
        connection, event["body"], Source.REPLAY, only_directory=only_directory, again=True
    )


async def merge(connection: AsyncConnection, occurred: datetime, version: str, facts: Facts) -> int:
    """Merge facts that no event brought (a reading from the API); the rows written."""
    merged = bindparam("facts", facts, JSONB)
    match facts:
        case {"read_users": [person], "users": [{"organization_id": organization}]}:
            query = func.merge_directory_reading(
                version, person, organization, occurred, merged, uuid7()
            )
        case _:
            query = func.merge_directory_facts(occurred, version, merged)
    return int(await connection.scalar(select(query)) or 0)
