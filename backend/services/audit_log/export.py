"""The audit log as a file: in parts, so that memory stays the same, oldest first."""

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import assert_never
from uuid import UUID

from sqlalchemy import select

from backend.database import Database
from backend.errors import InvalidInput, NotSignedIn
from backend.models import access
from backend.pagination import TimeCursor
from backend.schemas.access import Actor, Permission, permissions_of, roles_named
from backend.schemas.audit_log import AuditEntry, AuditFilters, ExportFormat
from backend.services.audit_log import listing
from backend.services.audit_log.entries import shown

PART = 500

_COLUMNS = (
    "id", "at", "action", "sentence", "actor_id", "actor_name", "subject_kind", "subject_id",
    "subject_name", "event_id", "count", "detail",
)  # fmt: skip
# By which a spreadsheet takes a cell for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


async def begin(
    database: Database,
    admin: Actor,
    filters: AuditFilters,
    wanted: ExportFormat,
    after: UUID | None,
) -> AsyncIterator[bytes]:
    """The file in parts, of which the first is read already: what is wrong can still be answered.

    No connection is held between two parts, however slowly they are fetched.

    Args:
        database: where it is.
        admin: who asks. Once they are none any more, it breaks off.
        filters: which entries.
        wanted: the format.
        after: go on behind the entry of this id, without a header.

    Raises:
        InvalidInput: `after` is no entry of the organization.
    """
    async with database.connect() as connection:
        about = await listing.subjects(connection, admin.organization_id, filters)
        place = None
        if after is not None:
            place = await listing.place_of(connection, admin.organization_id, after)
            if place is None:
                raise InvalidInput("after", "is unknown; give the `id` of the last whole line")
    parts = _parts(database, admin, filters, about, place)
    first = await anext(parts)
    return _written(first, parts, _writer(wanted), header=after is None and _header(wanted))


async def _parts(
    database: Database,
    admin: Actor,
    filters: AuditFilters,
    about: Sequence[str] | None,
    place: TimeCursor | None,
) -> AsyncIterator[list[AuditEntry]]:
    more = True
    while more:
        async with database.connect() as connection:
            roles = await connection.scalar(
                select(access.c.roles).where(
                    access.c.organization_id == admin.organization_id,
                    access.c.user_id == admin.user_id,
                    access.c.active,
                )
            )
            if Permission.ADMINISTER not in permissions_of(roles_named(roles or ())):
                raise NotSignedIn
            found = await listing.rows(
                connection, listing.OLDEST, admin.organization_id, filters, about, place, PART
            )
        page, next_cursor = listing.OLDEST.cut(found, PART)
        more = next_cursor is not None
        if page:
            place = TimeCursor(page[-1].at, page[-1].id)
        yield [shown(row) for row in page]


async def _written(
    first: list[AuditEntry],
    others: AsyncIterator[list[AuditEntry]],
    write: Callable[[AuditEntry], str],
    *,
    header: str | bool,
) -> AsyncIterator[bytes]:
    yield f"{header or ''}{''.join(map(write, first))}".encode()
    async for part in others:
        yield "".join(map(write, part)).encode()


def _header(wanted: ExportFormat) -> str:
    return _csv_line(_COLUMNS) if wanted is ExportFormat.CSV else ""


def _writer(wanted: ExportFormat) -> Callable[[AuditEntry], str]:
    match wanted:
        case ExportFormat.CSV:
            return _as_csv
        case ExportFormat.JSONL:
            return _as_json
        case _:
            assert_never(wanted)


def _as_json(entry: AuditEntry) -> str:
    return f"{entry.model_dump_json()}\n"


def _as_csv(entry: AuditEntry) -> str:
    actor, subject = entry.actor, entry.subject
    return _csv_line((
        str(entry.id),
        entry.at.isoformat(),
        entry.action,
        entry.sentence,
        str(actor.id) if actor else "",
        actor.name if actor else "",
        subject.kind,
        subject.id,
        subject.name,
        entry.event_id,
        "" if entry.count is None else str(entry.count),
        json.dumps(entry.detail.model_dump(mode="json"), ensure_ascii=False),
    ))  # fmt: skip


def _csv_line(cells: Sequence[str | None]) -> str:
    """RFC 4180; what could be a formula is made text by an apostrophe, as OWASP has it."""
    line = io.StringIO()
    csv.writer(line).writerow(
        f"'{cell}" if cell and cell.startswith(_FORMULA) else cell or "" for cell in cells
    )
    return line.getvalue()
