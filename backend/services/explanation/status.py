"""How an organization's directories are: one look for an operator."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import (
    RowMapping,
    Uuid,
    bindparam,
    case,
    cast,
    func,
    literal,
    select,
)

from backend import models
from backend.database import Database, SnapshotConnection
from backend.models import (
    AuditEvent,
    DirectoryEvent,
    EventCursor,
    Organization,
    Reconciliation,
    User,
    live_directories,
)
from backend.schemas.access import Actor
from backend.schemas.audit import AuditAction
from backend.schemas.directory import (
    BackgroundWorker,
    CatchUp,
    Counts,
    Delay,
    Directory,
    DirectoryState,
    DirectoryStatus,
    DriftCounts,
    EventRef,
    Parked,
    ReconciliationRef,
    Reconciliations,
)
from backend.schemas.events import Outcome
from backend.schemas.jobs import Enqueue, Job
from backend.schemas.reconciliations import Hold, State
from backend.services import audit, connections
from backend.services.deployment import worker_alive, worker_seen_at
from backend.services.explanation import counts
from backend.services.explanation.counts import Extent
from backend.services.explanation.status_sentence import (
    break_glass_trouble,
    of_portal,
    status_sentence,
    troubles_of,
)

_NOTHING = Counts(active_people=0, people=0, groups=0, memberships=0)
_NEWEST_EVENTS = 20  # over which the delay is measured
_BREAK_GLASS_SHOWN = timedelta(days=7)
_MOST_BREAK_GLASS = 3
_CURRENT = (State.QUEUED, State.RUNNING, State.HELD)


async def look(
    database: Database,
    actor: Actor,
    *,
    with_counts: bool,
    catch_up_enabled: bool,
    enqueue: Enqueue,
) -> DirectoryStatus:
    """The state of everything between the directories and this mirror.

    All is found by an index, but for the counts of an organization that is not large.

    Args:
        database: where all of it is read as of one moment.
        actor: who asks.
        with_counts: whether how much the directories hold is asked for.
        catch_up_enabled: whether this deployment reads the Events API.
        enqueue: how to have it counted in the background.
    """
    organization_id = actor.organization_id
    async with database.snapshot() as connection:
        extent = await counts.find(connection, organization_id) if with_counts else None
        status = await _look(connection, organization_id, extent, catch_up_enabled=catch_up_enabled)
    if extent is not None and extent.is_due:
        async with database.transaction() as session:
            await enqueue(session, Job.COUNT_DIRECTORIES, organization_id)
    return status


async def _look(
    connection: SnapshotConnection,
    organization_id: str,
    extent: Extent | None,
    *,
    catch_up_enabled: bool,
) -> DirectoryStatus:
    managed = await connection.scalar(
        select(Organization.directory_managed).where(Organization.workos_id == organization_id)
    )
    directories = await _directories(connection, organization_id)
    if extent is not None:
        directories = _with_counts(directories, extent)
    last_event, delay = await _arrivals(connection, organization_id)
    parked = await _parked(connection, organization_id)
    catch_up = await _catch_up(connection, enabled=catch_up_enabled)
    worker = await _worker(connection)
    last, _ = await _newest_reconciliation(connection, organization_id, current=False)
    current, hold = await _newest_reconciliation(connection, organization_id, current=True)
    reconciliations = Reconciliations(last=last, current=current)
    troubles = troubles_of(
        bool(managed), directories, parked, catch_up, worker, reconciliations, hold
    )
    troubles += of_portal(
        await connections.find_sso(connection, organization_id),
        await connections.find_revoked_tokens(connection, organization_id),
    )
    troubles += [
        break_glass_trouble(row["name"], row["at"], audit.read(row["detail"]))
        for row in await _break_glass(connection, organization_id)
    ]
    return DirectoryStatus(
        status=status_sentence(troubles, bool(managed), last_event),
        attention=bool(troubles),
        troubles=troubles,
        directory_managed=bool(managed),
        directories=directories,
        more=extent.more if extent else [],
        counts_as_of=extent.as_of if extent else None,
        last_event=last_event,
        delay=delay,
        parked=parked,
        catch_up=catch_up,
        worker=worker,
        reconciliations=reconciliations,
    )


async def _break_glass(
    connection: SnapshotConnection, organization_id: str
) -> Sequence[RowMapping]:
    """The uses of the last days, newest first; which admins are to notice."""
    row = AuditEvent
    name = select(User.name).where(
        User.organization_id == row.organization_id,
        User.id == cast(row.subject_id, Uuid),
    )
    found = await connection.execute(
        select(row.at, row.detail, name.scalar_subquery().label("name"))
        .where(
            row.organization_id == organization_id,
            row.action == literal(AuditAction.BREAK_GLASS_USED, literal_execute=True),
            row.at > func.now() - _BREAK_GLASS_SHOWN,
        )
        .order_by(row.at.desc(), row.id.desc())
        .limit(literal(_MOST_BREAK_GLASS, literal_execute=True))
    )
    return found.mappings().all()


async def _directories(connection: SnapshotConnection, organization_id: str) -> list[Directory]:
    row = models.Directory
    activated_at = (
        select(func.max(DirectoryEvent.occurred_at))
        .where(
            DirectoryEvent.organization_id == organization_id,
            # Spelt out, so that the planner knows how rare it is.
            DirectoryEvent.type == literal("dsync.activated", literal_execute=True),
            DirectoryEvent.directory_id == row.id,
        )
        .scalar_subquery()
    )
    live = live_directories.c.id.is_not(None)
    rows = await connection.execute(
        select(
            row.id,
            row.name,
            row.type,
            row.complete_as_of,
            case(
                (live, literal(DirectoryState.LIVE.value)), else_=DirectoryState.REMOVED.value
            ).label("state"),
            case((live, func.coalesce(activated_at, row.occurred_at)), else_=row.removed_at).label(
                "since"
            ),
        )
        .outerjoin(
            live_directories,
            (live_directories.c.organization_id == row.organization_id)
            & (live_directories.c.id == row.id),
        )
        .where(row.organization_id == organization_id)
        .order_by(row.id)
    )
    return [Directory(**found, counts=None) for found in rows.mappings()]


def _with_counts(directories: list[Directory], extent: Extent) -> list[Directory]:
    # Rows of a directory that was never described are live all the same.
    known = {directory.id: directory for directory in directories}
    for directory_id in extent.of.keys() - known.keys():
        known[directory_id] = Directory(
            id=directory_id,
            name=None,
            type=None,
            state=DirectoryState.LIVE,
            since=None,
            complete_as_of=None,
            counts=None,
        )
    return [
        known[directory_id].model_copy(update={"counts": extent.of.get(directory_id, _NOTHING)})
        for directory_id in sorted(known)
    ]


async def _arrivals(
    connection: SnapshotConnection, organization_id: str
) -> tuple[EventRef | None, Delay | None]:
    found = await connection.execute(
        select(
            DirectoryEvent.id,
            DirectoryEvent.type,
            DirectoryEvent.occurred_at,
            DirectoryEvent.received_at,
        )
        .where(DirectoryEvent.organization_id == organization_id)
        .order_by(DirectoryEvent.received_at.desc(), DirectoryEvent.id.desc())
        .limit(literal(_NEWEST_EVENTS, literal_execute=True))
    )
    newest: Sequence[RowMapping] = found.mappings().all()
    if not newest:
        return None, None
    # Two clocks: what seems to have come before it happened came at once.
    delays = sorted(
        max(0.0, (row["received_at"] - row["occurred_at"]).total_seconds()) for row in newest
    )
    return EventRef(**newest[0]), Delay(
        median=delays[len(delays) // 2], longest=delays[-1], events=len(delays)
    )


async def _parked(connection: SnapshotConnection, organization_id: str) -> Parked:
    parked = literal(Outcome.PARKED.value, literal_execute=True)
    found = await connection.execute(
        select(func.count(), func.min(DirectoryEvent.received_at)).where(
            DirectoryEvent.organization_id == organization_id, DirectoryEvent.outcome == parked
        )
    )
    count, oldest = found.one()
    return Parked(count=count, oldest_received_at=oldest)


async def _catch_up(connection: SnapshotConnection, *, enabled: bool) -> CatchUp:
    found = await connection.execute(
        select(
            EventCursor.polled_at,
            EventCursor.occurred_at.label("read_up_to"),
            EventCursor.failures,
            EventCursor.reason,
            EventCursor.error,
        )
    )
    unread = {"polled_at": None, "read_up_to": None, "failures": 0, "reason": None, "error": None}
    return CatchUp(enabled=enabled, **(found.mappings().one_or_none() or unread))


async def _worker(connection: SnapshotConnection) -> BackgroundWorker:
    found = await connection.execute(select(worker_seen_at, worker_alive))
    last, alive = found.one()
    return BackgroundWorker(alive=alive, seen_at=last)


async def _newest_reconciliation(
    connection: SnapshotConnection, organization_id: str, *, current: bool
) -> tuple[ReconciliationRef | None, Hold | None]:
    """With why it waits for an admin, if it does."""
    row = Reconciliation
    # Spelt out, so that the planner knows how many there are.
    unfinished = row.state.in_(
        bindparam("current", list(_CURRENT), expanding=True, literal_execute=True)
    )
    found = (
        await connection.execute(
            select(
                row.id,
                row.state,
                row.created_at,
                row.finished_at,
                row.as_of,
                row.reason,
                row.error,
                row.drift,
                row.held,
            )
            .where(row.organization_id == organization_id, unfinished if current else ~unfinished)
            .order_by(row.created_at.desc(), row.id.desc())
            .limit(literal(1, literal_execute=True))
        )
    ).one_or_none()
    if found is None:
        return None, None
    hold = Hold.model_validate(found.held) if found.state == State.HELD else None
    ref = ReconciliationRef(
        id=found.id,
        state=found.state,
        created_at=found.created_at,
        finished_at=found.finished_at,
        as_of=found.as_of,
        reason=found.reason,
        error=found.error,
        drift={
            kind: DriftCounts.model_validate(found.drift.get(kind) or {})
            for kind in ("directories", "people", "groups", "memberships")
        },
        held_people=(found.held or {}).get("people"),
    )
    return ref, hold
