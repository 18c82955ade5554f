"""The audit log as a list: by filters, a page at a time."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, Subquery, literal, or_, select, union_all

from backend.database import Executor, SnapshotConnection
from backend.errors import NotFound
from backend.models import NO_ORGANIZATION, AuditEvent, DirectoryUser, User
from backend.pagination import Keyset, TimeCursor
from backend.schemas.audit import AuditAction
from backend.schemas.audit_log import AuditEntry, AuditFilters, AuditPage
from backend.services.audit_log.entries import COLUMNS, shown, with_names

NEWEST = Keyset(TimeCursor, AuditEvent.at, AuditEvent.id, descending=True)
OLDEST = Keyset(TimeCursor, AuditEvent.at, AuditEvent.id)

# Directories that a person is in at once.
_MOST_SUBJECTS = 20


async def list_page(
    connection: SnapshotConnection,
    organization_id: str,
    filters: AuditFilters,
    *,
    cursor: TimeCursor | None,
    limit: int,
) -> AuditPage:
    """The entries, newest first."""
    about = await subjects(connection, organization_id, filters)
    found = await rows(connection, NEWEST, organization_id, filters, about, cursor, limit)
    page, next_cursor = NEWEST.cut(found, limit)
    return AuditPage(items=[shown(row) for row in page], next_cursor=next_cursor)


async def subjects(
    executor: Executor, organization_id: str, filters: AuditFilters
) -> Sequence[str] | None:
    """The ids of what is asked for: of a user also those that the directories have of them."""
    if filters.subject is None:
        return None
    try:
        user_id = UUID(filters.subject)
    except ValueError:
        return [filters.subject]
    theirs = (
        select(DirectoryUser.id)
        .join(
            User,
            (User.organization_id == DirectoryUser.organization_id)
            & or_(DirectoryUser.user_key == User.key, DirectoryUser.id == User.key),
        )
        .where(
            DirectoryUser.organization_id == organization_id,
            User.organization_id == organization_id,
            User.id == user_id,
        )
        .limit(_MOST_SUBJECTS)
    )
    return [str(user_id), *await executor.scalars(theirs)]


async def rows(
    executor: Executor,
    keyset: Keyset[TimeCursor],
    organization_id: str,
    filters: AuditFilters,
    about: Sequence[str] | None,
    after: TimeCursor | None,
    limit: int,
) -> Sequence[Row[*tuple[Any, ...]]]:
    """The rows of a page and one more, with their names: for `Keyset.cut`.

    Each of what is asked for is found by an index in the order of the list, so that the cost is
    that of a page.

    Args:
        executor: what runs the statement.
        keyset: the order.
        organization_id: whose.
        filters: which entries.
        about: the ids that `subjects` found.
        after: the last row of the page before.
        limit: rows a page.
    """
    of_each = [
        select(keyset.select(select(*COLUMNS).where(*asked), after, limit).subquery())
        for asked in _asked(organization_id, filters, about)
    ]
    return (await executor.execute(with_names(_page(keyset, of_each, limit), keyset))).all()


def _page(
    keyset: Keyset[TimeCursor], of_each: list[Select[*tuple[Any, ...]]], limit: int
) -> Subquery:
    if len(of_each) == 1:
        return of_each[0].subquery("page")
    every = union_all(*of_each).subquery("every")
    return keyset.of(every).select(select(every), None, limit).subquery("page")


def _asked(
    organization_id: str, filters: AuditFilters, about: Sequence[str] | None
) -> list[list[ColumnElement[bool]]]:
    """The conditions, once for each index that is to be gone along."""
    wanted: list[ColumnElement[bool]] = []
    if filters.actor is not None:
        wanted.append(AuditEvent.actor_id == filters.actor)
    if filters.since is not None:
        wanted.append(AuditEvent.at >= filters.since)
    if filters.until is not None:
        wanted.append(AuditEvent.at < filters.until)
    own = [AuditEvent.organization_id == organization_id, *wanted]
    if filters.action is not None:
        own.append(AuditEvent.action == filters.action)
    asked = [[*own, AuditEvent.subject_id == subject] for subject in about or ()] or [own]
    if filters.actor is None and filters.action in {None, AuditAction.WEBHOOK_FORGED.value}:
        # Whoever forges webhooks is a stranger to all: each is told.
        forged = [
            AuditEvent.organization_id == literal(NO_ORGANIZATION),
            AuditEvent.action == literal(AuditAction.WEBHOOK_FORGED.value),
            *wanted,
        ]
        asked.append([*forged, AuditEvent.subject_id == about[0]] if about else forged)
    return asked


async def find(executor: Executor, organization_id: str, entry_id: UUID) -> AuditEntry:
    """Raises NotFound, also for an entry of another organization."""
    page = _entry(organization_id, entry_id)
    row = (await executor.execute(with_names(page, NEWEST))).one_or_none()
    if row is None:
        raise NotFound
    return shown(row)


async def place_of(executor: Executor, organization_id: str, entry_id: UUID) -> TimeCursor | None:
    """Where an entry stands in the list; None for one that is not there."""
    page = _entry(organization_id, entry_id)
    found = await executor.execute(select(page.c.at, page.c.id))
    row = found.one_or_none()
    return None if row is None else TimeCursor(row.at, row.id)


def _entry(organization_id: str, entry_id: UUID) -> Subquery:
    """A page of one, of the organization or of a forged webhook: looked up in each."""
    this = select(*COLUMNS).where(AuditEvent.id == entry_id)
    of_each = [
        this.where(AuditEvent.organization_id == organization_id),
        this.where(
            AuditEvent.organization_id == literal(NO_ORGANIZATION),
            AuditEvent.action == literal(AuditAction.WEBHOOK_FORGED.value),
        ),
    ]
    return _page(NEWEST, of_each, 1)
