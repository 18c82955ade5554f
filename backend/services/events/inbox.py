"""The inbox as an operator sees it: which events came, and what became of each."""

import json
import math
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, Row, Select, literal, or_, select, true

from backend.database import SnapshotConnection
from backend.errors import NotFound
from backend.models import AuditEvent, DirectoryEvent, DirectoryGroup, DirectoryUser, User
from backend.pagination import EventCursor, Keyset
from backend.schemas.events import (
    Event,
    EventFilters,
    EventGroup,
    EventPage,
    EventPerson,
    EventSummary,
    EventTry,
    Outcome,
    Person,
)
from backend.schemas.text import storable_json
from backend.services import audit
from backend.services.events.parking_reasons import sentence

_NEWEST = Keyset(EventCursor, DirectoryEvent.received_at, DirectoryEvent.id, descending=True)

_SHOWN = (
    DirectoryEvent.id,
    DirectoryEvent.type,
    DirectoryEvent.outcome,
    DirectoryEvent.source,
    DirectoryEvent.attempts,
    DirectoryEvent.next_attempt_at,
    DirectoryEvent.occurred_at,
    DirectoryEvent.received_at,
    DirectoryEvent.reason,
    DirectoryEvent.field,
    DirectoryEvent.detail,
    DirectoryEvent.directory_user_id,
    DirectoryEvent.group_id,
    DirectoryEvent.organization_id,
    DirectoryEvent.body.is_not(None).label("body_kept"),
)


def matching(filters: EventFilters, organization_id: str | None) -> list[ColumnElement[bool]]:
    """The conditions of a list; no organization: those of all."""
    wanted: list[ColumnElement[bool]] = []
    if organization_id is not None:
        wanted.append(DirectoryEvent.organization_id == organization_id)
    if filters.outcome is not None:
        # Spelt out in the statement, or the partial index over what is not applied is not used.
        outcome = literal(filters.outcome.value, literal_execute=True)
        wanted.append(DirectoryEvent.outcome == outcome)
    if filters.type:
        wanted.append(DirectoryEvent.type == filters.type)
    if filters.source is not None:
        # Spelt out, so that the planner knows how rare it is.
        wanted.append(DirectoryEvent.source == literal(filters.source.value, literal_execute=True))
    if filters.since is not None:
        wanted.append(DirectoryEvent.received_at >= filters.since)
    if filters.until is not None:
        wanted.append(DirectoryEvent.received_at < filters.until)
    return wanted


async def conditions(
    connection: SnapshotConnection,
    filters: EventFilters,
    organization_id: str | None,
    *,
    person: UUID | None,
    group: str | None,
) -> list[ColumnElement[bool]]:
    """As `matching`, of what names a directory user of this user, and this group."""
    wanted = matching(filters, organization_id)
    if person is not None:
        ids = await _directory_users_of(connection, organization_id, person)
        wanted.append(DirectoryEvent.directory_user_id.in_(ids))
    if group is not None:
        wanted.append(DirectoryEvent.group_id == group)
    return wanted


async def list_page(
    connection: SnapshotConnection,
    filters: EventFilters,
    *,
    organization_id: str | None,
    person: UUID | None = None,
    group: str | None = None,
    cursor: EventCursor | None = None,
    limit: int,
) -> EventPage:
    """The events that were received, newest first.

    Args:
        connection: what runs the statements.
        filters: which events.
        organization_id: whose; None for those of all, for the command line.
        person: only those that name a directory user of this user.
        group: only those that name this group.
        cursor: the last event of the page before.
        limit: events a page.
    """
    wanted = await conditions(connection, filters, organization_id, person=person, group=group)
    query = select(*_SHOWN).where(*wanted)
    rows, next_cursor = await _NEWEST.fetch(connection, query, cursor, limit, described=_with_names)
    return EventPage(
        items=[EventSummary.model_validate(_summary(row)) for row in rows],
        next_cursor=next_cursor,
    )


async def get(
    connection: SnapshotConnection, event_id: str, organization_id: str | None = None
) -> Event:
    """One event with its payload, and what each try of it changed.

    Raises:
        NotFound: also for an event of another organization than the one given.
    """
    wanted = matching(EventFilters(), organization_id)
    query = select(*_SHOWN, DirectoryEvent.body).where(DirectoryEvent.id == event_id, *wanted)
    row = (await connection.execute(_with_names(query.subquery("event")))).one_or_none()
    if row is None:
        raise NotFound("No event has this id; `rollcall events list` shows the newest.")
    return Event(
        **_summary(row),
        payload=_payload(row.body),
        payload_purged=not row.body,
        tries=await _tries(connection, row),
    )


def _number(digits: str) -> float | str:
    """A number too large for one, which JSON has no word for, stays its digits."""
    number = float(digits)
    return number if math.isfinite(number) else digits


def _payload(body: bytes | None) -> object:
    """The JSON of a body; what is none, and was parked for it, as text."""
    if not body:
        return None
    try:
        return storable_json(json.loads(body, parse_constant=str, parse_float=_number))
    except (ValueError, RecursionError):
        return body.decode(errors="replace")


async def _directory_users_of(
    connection: SnapshotConnection, organization_id: str | None, user_id: UUID
) -> Sequence[str]:
    return (
        await connection.scalars(
            select(DirectoryUser.id)
            .join(User, User.organization_id == DirectoryUser.organization_id)
            .where(
                User.id == user_id,
                User.organization_id == organization_id if organization_id else true(),
                or_(DirectoryUser.user_key == User.key, DirectoryUser.id == User.key),
            )
        )
    ).all()


def _with_names(event: FromClause) -> Select[*tuple[Any, ...]]:
    """With the names of what the events are about.

    Each is looked up by its key; a join may be planned to hash everybody for the rows of a page.
    """
    person = (
        DirectoryUser.organization_id == event.c.organization_id,
        DirectoryUser.id == event.c.directory_user_id,
    )
    user_key = select(DirectoryUser.user_key).where(*person).correlate(event).scalar_subquery()
    user_id = select(User.id).where(
        User.organization_id == event.c.organization_id, User.key == user_key
    )
    group_name = select(DirectoryGroup.name).where(
        DirectoryGroup.organization_id == event.c.organization_id,
        DirectoryGroup.id == event.c.group_id,
    )
    return select(
        event,
        user_id.scalar_subquery().label("user_id"),
        select(DirectoryUser.name).where(*person).scalar_subquery().label("person_name"),
        group_name.scalar_subquery().label("group_name"),
    )


def _summary(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    return {
        "id": row.id,
        "type": row.type,
        "outcome": row.outcome,
        "source": row.source,
        "attempts": row.attempts,
        "next_attempt_at": row.next_attempt_at,
        "occurred_at": row.occurred_at,
        "received_at": row.received_at,
        "reason": row.reason,
        "field": row.field,
        "error": sentence(row.reason, row.field),
        "detail": row.detail,
        "person": EventPerson(
            id=row.user_id, name=row.person_name, directory_user_id=row.directory_user_id
        )
        if row.directory_user_id
        else None,
        "group": EventGroup(id=row.group_id, name=row.group_name) if row.group_id else None,
        "body_kept": row.body_kept,
    }


async def _tries(connection: SnapshotConnection, event: Row[*tuple[Any, ...]]) -> list[EventTry]:
    rows = await connection.execute(
        select(AuditEvent.at, AuditEvent.detail, AuditEvent.actor_id, User.name)
        .outerjoin(
            User,
            (User.organization_id == AuditEvent.organization_id) & (User.id == AuditEvent.actor_id),
        )
        .where(AuditEvent.organization_id == event.organization_id, AuditEvent.event_id == event.id)
        .order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
    )
    return [_try(row) for row in rows]


def _try(row: Row[*tuple[Any, ...]]) -> EventTry:
    detail = audit.read(row.detail)
    return EventTry(
        at=row.at,
        attempt=detail.attempt,
        outcome=Outcome(detail.outcome or Outcome.APPLIED),
        source=detail.source,
        actor=Person(id=row.actor_id, name=row.name) if row.actor_id else None,
        before=detail.before,
        after=detail.after,
    )
