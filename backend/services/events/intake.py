"""The inbox: every event comes in here, whatever brought it, and is applied once."""

import hashlib
import json
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg
from pydantic import ValidationError
from sqlalchemy import (
    Boolean,
    DateTime,
    LargeBinary,
    Text,
    Uuid,
    bindparam,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from backend.database import Database, Query, is_content_error
from backend.errors import NotAnEvent
from backend.models import EventCursor
from backend.schemas.directory_sync import Outcome, Source
from backend.schemas.text import storable_json
from backend.services.mirror.facts import (
    HANDLERS,
    Facts,
    UnusableData,
    directory_of,
    facts_of,
    group_of,
    organization_of,
    user_of,
)
from backend.workos.models import Envelope

_OCCURRED = bindparam("occurred", type_=DateTime(timezone=True))
_APPLICATION = select(
    func.apply_directory_event(
        bindparam("id", type_=Text),
        bindparam("type", type_=Text),
        bindparam("source", type_=Text),
        bindparam("organization", type_=Text),
        bindparam("directory", type_=Text),
        bindparam("person", type_=Text),
        bindparam("group", type_=Text),
        _OCCURRED,
        bindparam("body", type_=LargeBinary),
        bindparam("facts", type_=JSONB),
        bindparam("unapplied", type_=Text),
        bindparam("problem", type_=Text),
        bindparam("audit_id", type_=Uuid),
        bindparam("again", type_=Boolean),
        bindparam("actor", type_=Uuid),
    )
)
_APPLY = Query(_APPLICATION)
# The cursor moves in the transaction of the event that it moves to.
_APPLY_AND_MOVE_ON = Query(
    _APPLICATION.add_cte(
        update(EventCursor)
        .values(after=bindparam("id", type_=Text), occurred_at=_OCCURRED)
        .cte("moved")
    )
)


class Reading(NamedTuple):
    """What became of an event before the database saw it."""

    facts: Facts | None
    unapplied: Outcome
    problem: str | None = None
    is_event: bool = True


def parse(body: bytes) -> Envelope:
    """The envelope of a raw body; what cannot be stored of a text (NUL) becomes U+FFFD.

    Raises:
        NotAnEvent: it is not JSON, or not an event.
    """
    try:
        return Envelope.model_validate(storable_json(json.loads(body)))
    except (ValueError, RecursionError) as error:
        raise NotAnEvent(_reason(error)) from error


def read_leniently(body: bytes, at: datetime, only_directory: str) -> tuple[Envelope, Reading]:
    """What a body says that must be kept whatever it is; what is no event is to be parked.

    Its own id, type and time are kept where it has them; otherwise the id is made from the body,
    so that it is the same each time, and the time is `at`.
    """
    try:
        event = parse(body)
    except NotAnEvent as error:
        return _salvaged(body, at), Reading(None, Outcome.PARKED, error.detail, is_event=False)
    return event, read(event, only_directory)


def _salvaged(body: bytes, at: datetime) -> Envelope:
    sent: object = None
    with suppress(ValueError, RecursionError):
        sent = storable_json(json.loads(body))
    fields = sent if isinstance(sent, dict) else {}
    kept: dict[str, object] = {
        "id": f"malformed_{hashlib.sha256(body).hexdigest()}",
        "event": "malformed",
        "data": {},
        "created_at": at.isoformat(),
    }
    for name in kept:
        candidate = kept | {name: fields.get(name)}
        with suppress(ValidationError):
            Envelope.model_validate(candidate)
            kept = candidate
    return Envelope.model_validate(kept)


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
    on: Database | AsyncConnection,
    body: bytes,
    source: Source,
    *,
    only_directory: str = "",
    again: bool = False,
    actor_id: UUID | None = None,
    malformed_at: datetime | None = None,
) -> Outcome:
    """Take in one event, durably, and apply it; known events are answered `duplicate`.

    Args:
        on: the database, or a connection whose statements are transactions by themselves.
        body: the raw bytes, already proved to be WorkOS's.
        source: what brought it.
        only_directory: see `read`.
        again: apply it even when it is known (a replay by hand).
        actor_id: who replays it; None for the command line.
        malformed_at: when given, what is no event is parked, as of then if it has no time.

    Raises:
        NotAnEvent: the body is not an event.
    """
    if malformed_at is None:
        event = parse(body)
        reading = read(event, only_directory)
    else:
        event, reading = read_leniently(body, malformed_at, only_directory)
    return await take_in(on, event, reading, body, source, again=again, actor_id=actor_id)


async def take_in(
    on: Database | AsyncConnection,
    event: Envelope,
    reading: Reading,
    body: bytes,
    source: Source,
    *,
    again: bool = False,
    actor_id: UUID | None = None,
    moves_cursor: bool = False,
) -> Outcome:
    """As `receive`, for what was read already; `moves_cursor` lets catch-up read on from here."""
    query = _APPLY_AND_MOVE_ON if moves_cursor else _APPLY
    try:
        return await _apply(on, query, event, reading, body, source, again, actor_id)
    except asyncpg.PostgresError as error:
        if not is_content_error(error):
            raise
        parked = Reading(None, Outcome.PARKED, f"The database refused it: {error.args[0]}")
        return await _apply(on, query, event, parked, body, source, again, actor_id)


async def _apply(
    on: Database | AsyncConnection,
    query: Query,
    event: Envelope,
    reading: Reading,
    body: bytes,
    source: Source,
    again: bool,
    actor_id: UUID | None,
) -> Outcome:
    rows = await query.rows(
        on,
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
