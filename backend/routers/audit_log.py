"""`/audit`: for admins, what was done, by whom, and who was what on a day."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, status
from fastapi.responses import StreamingResponse

from backend.http.answers import download
from backend.http.guards import (
    Admin,
    ConnectionDep,
    DatabaseDep,
    GuardedRoute,
    Limited,
    SessionDep,
    SnapshotDep,
)
from backend.http.lists import After, Limit
from backend.http.problems import problems
from backend.pagination import NameCursor, TimeCursor
from backend.schemas.access import Role
from backend.schemas.audit_log import (
    AuditEntry,
    AuditErasure,
    AuditErasureCreate,
    AuditFilters,
    AuditPage,
    ExportFormat,
    RoleHolders,
)
from backend.schemas.events import Moment, RowId
from backend.services.audit_log import erasures, export, listing, roles
from backend.services.rate_limits import EXPORTS

router = APIRouter(
    route_class=GuardedRoute,
    prefix="/audit",
    tags=["audit"],
    responses=problems(401, 403, 422, 429, 503),
)

_EXPORT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file. Its transfer ends only when it is whole.",
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            "application/jsonl": {"schema": {"type": "string"}},
        },
    }
}


async def audit_filters(
    actor: Annotated[UUID | None, Query(description="Only what this user of `/team` did.")] = None,
    action: Annotated[
        RowId | None,
        Query(
            description="Only entries of this action, or of this type of event.",
            examples=["sign_in.refused"],
        ),
    ] = None,
    subject: Annotated[
        RowId | None,
        Query(
            description="Only what was done to this: a user of `/team`, a group, a directory, a "
            "post, a reconciliation, the organization. Of a user also what came by the directory.",
            examples=["directory_group_01J9ZBAUTHORS"],
        ),
    ] = None,
    since: Annotated[
        Moment | None,
        Query(
            description="Only entries since then; without a zone it is UTC.",
            examples=["2026-01-15T12:00:00Z"],
        ),
    ] = None,
    until: Annotated[Moment | None, Query(description="Only entries before then.")] = None,
) -> AuditFilters:
    return AuditFilters(actor=actor, action=action, subject=subject, since=since, until=until)


Filters = Annotated[AuditFilters, Depends(audit_filters)]


@router.get(
    "",
    summary="The audit log, newest first",
    description="Who did what, or which event did; `sentence` says it in words. What is written "
    "here is neither changed nor deleted, and sealed so that it would be noticed.",
)
async def list_entries(
    snapshot: SnapshotDep,
    admin: Admin,
    filters: Filters,
    limit: Limit = 20,
    cursor: After[TimeCursor] = None,
) -> AuditPage:
    return await listing.list_page(
        snapshot, admin.organization_id, filters, cursor=cursor, limit=limit
    )


@router.get(
    "/roles",
    summary="Who had a role on a day",
    description="At any time of that day, in UTC. It is told from what the entries say of people's "
    "access before and after, since the oldest entry, and from when groups of theirs came to give "
    "the role and gave it no more. Where that leaves a gap, `certain` is false. Whoever got the "
    "role and lost it by what happened to a directory, to a role at WorkOS or to the settings, "
    "with no entry about them in between that mentions it, is not found.",
)
async def list_role_holders(
    snapshot: SnapshotDep,
    admin: Admin,
    role: Annotated[Role, Query(description="`author` or `admin`.", examples=["admin"])],
    on: Annotated[date, Query(description="The day.", examples=["2026-11-03"])],
    limit: Limit = 100,
    cursor: After[NameCursor] = None,
) -> RoleHolders:
    return await roles.holders(
        snapshot, admin.organization_id, role, on, cursor=cursor, limit=limit
    )


@router.post(
    "/erasures",
    status_code=status.HTTP_201_CREATED,
    summary="Erase a person's name and addresses from the audit log",
    description="On their request. What was done stays, and is known by their id; that it was "
    "erased is an entry, too. What is noted later has names again.",
    responses=problems(404, 413),
)
async def erase_person(
    session: SessionDep, admin: Admin, wanted: AuditErasureCreate
) -> AuditErasure:
    return await erasures.erase(session, admin.organization_id, wanted, actor_id=admin.user_id)


@router.get(
    "/export",
    dependencies=[Depends(Limited(EXPORTS))],
    summary="The audit log as a file, oldest first",
    description="With the same filters. If the transfer breaks off, ask again with `after`, the "
    "`id` of the last whole line, and append what comes. In CSV a cell that a spreadsheet would "
    "take for a formula has an apostrophe before it.",
    response_class=StreamingResponse,
    responses=_EXPORT,
)
async def export_entries(
    database: DatabaseDep,
    admin: Admin,
    filters: Filters,
    file_format: Annotated[
        ExportFormat,
        Query(alias="format", description="A line an entry: CSV, or JSON as of `/audit`."),
    ] = ExportFormat.CSV,
    after: Annotated[
        UUID | None, Query(description="Go on behind the entry of this `id`, without a header.")
    ] = None,
) -> StreamingResponse:
    return download(
        await export.begin(database, admin, filters, file_format, after),
        name=f"audit.{file_format}",
    )


@router.get("/{entry_id}", summary="An entry of the audit log", responses=problems(404))
async def get_entry(connection: ConnectionDep, admin: Admin, entry_id: UUID) -> AuditEntry:
    return await listing.find(connection, admin.organization_id, entry_id)
