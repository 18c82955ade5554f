"""`rollcall reconcile`: what it shows while it reads, and what it says at the end."""

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table

from backend.database import Database
from backend.errors import NotHeld, WorkosUnavailable
from backend.schemas.reconciliations import (
    UNFINISHED,
    Hold,
    Progress,
    Reconciliation,
    State,
    Trigger,
)
from backend.services.explanation.status_sentence import why_held
from backend.services.reconciliation import requests
from backend.services.reconciliation import targets as reconciliation_targets
from backend.services.reconciliation.run import Interrupted, OnProgress, run
from backend.settings import Settings
from backend.workos.client import WorkosClient

COMPLETED, FAILED, HELD, INTERRUPTED = 0, 1, 3, 130

_LINE_EVERY_SECONDS = 10
_FOLLOW_EVERY_SECONDS = 1

_out = Console(highlight=False, soft_wrap=True)
_err = Console(stderr=True, highlight=False, soft_wrap=True)


async def reconcile(settings: Settings, database: Database, organization_id: str | None) -> int:
    """Reconcile one organization, or all; the exit code."""
    if not settings.workos_api_key.get_secret_value():
        _err.print(
            "WORKOS_API_KEY is empty, so there is no WorkOS to read from. For the emulator of "
            "`make run` set it to sk_test_emulator, and WORKOS_BASE_URL to http://localhost:3001."
        )
        return FAILED
    client = WorkosClient(settings)
    stop = asyncio.Event()
    with suppress(NotImplementedError, RuntimeError, ValueError):  # not in the main thread
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    try:
        found = await reconciliation_targets.find(database, client, organization_id)
        if not found:
            _err.print("There is no directory to read, neither in the mirror nor at WorkOS.")
            return FAILED
        codes = [await _reconcile_one(database, client, each, stop.is_set) for each in found]
    except WorkosUnavailable as error:
        _err.print(error.detail, markup=False)
        return FAILED
    except Interrupted:
        _err.print("Stopped. `rollcall reconcile` goes on from here, within six hours.")
        return INTERRUPTED
    finally:
        await client.close()
    return FAILED if FAILED in codes else max(codes)


async def confirm(database: Database, reconciliation_id: UUID) -> int:
    """Carry out the removals that one holds back; the exit code."""
    async with database.connect() as connection:
        owner = await requests.owner_of(connection, reconciliation_id)
    try:
        async with database.transaction() as session:
            done = await requests.confirm(session, owner, reconciliation_id)
    except NotHeld as error:
        _err.print(error.detail, markup=False)
        return FAILED
    return _conclude(done)


async def _reconcile_one(
    database: Database,
    client: WorkosClient,
    organization_id: str,
    should_stop: Callable[[], bool],
) -> int:
    async with database.transaction() as session:
        asked = await requests.request(session, organization_id, Trigger.COMMAND)
    _out.print(f"{organization_id}: reading its directories from WorkOS", markup=False)
    with _shown() as on_progress:
        while True:
            done = await run(
                database,
                client,
                organization_id,
                asked.id,
                on_progress=on_progress,
                should_stop=should_stop,
            )
            if done.state not in UNFINISHED:
                break
            # Another process is at it.
            on_progress(done.progress)
            if should_stop():
                raise Interrupted
            await asyncio.sleep(_FOLLOW_EVERY_SECONDS)
    return _conclude(done)


@contextmanager
def _shown() -> Iterator[OnProgress]:
    """Bars in a terminal, else a line now and then."""
    if not _out.is_terminal:
        yield _lines()
        return
    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[more]}"),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=_out) as bars:
        people = bars.add_task("people", total=None, more="")
        groups = bars.add_task("groups", total=None, more="")
        members = bars.add_task("members of", total=None, more="")

        def show(progress: Progress) -> None:
            bars.update(people, completed=progress.people, total=progress.people_total)
            bars.update(groups, completed=progress.groups, total=progress.groups_total)
            more = f"groups: {progress.memberships:,} memberships"
            total = progress.groups_total
            bars.update(members, completed=progress.groups_read, total=total, more=more)

        yield show


def _lines() -> OnProgress:
    shown_at = time.monotonic()

    def show(progress: Progress) -> None:
        nonlocal shown_at
        if time.monotonic() - shown_at >= _LINE_EVERY_SECONDS:
            shown_at = time.monotonic()
            _out.print(
                f"{progress.people:,} people, {progress.groups:,} groups, "
                f"{progress.memberships:,} memberships of {progress.groups_read:,} groups"
            )

    return show


def _conclude(done: Reconciliation) -> int:
    match done.state, done.held:
        case State.COMPLETED, _:
            _report(done)
            return COMPLETED
        case State.HELD, Hold() as hold:
            _err.print(_why_held(done, hold), markup=False)
            return HELD
        case State.FAILED, _:
            _err.print(f"{done.organization_id}: failed. {done.error}", markup=False)
        case _:
            _err.print(f"{done.organization_id}: {done.state}.", markup=False)
    return FAILED


def _report(done: Reconciliation) -> None:
    counts = done.drift.counts()
    table = Table("", "added", "changed", "removed", box=None)
    for kind, count in counts.items():
        table.add_row(kind, *(f"{number:,}" for number in count.values()))
    if any(number for count in counts.values() for number in count.values()):
        _out.print(f"{done.organization_id}: the mirror is what WorkOS lists; it differed in")
        _out.print(table)
    else:
        _out.print(f"{done.organization_id}: the mirror was what WorkOS lists; nothing differed.")


def _why_held(done: Reconciliation, hold: Hold) -> str:
    among = ""
    if hold.examples:
        among = f" Among them: {', '.join(hold.examples[:5])}."
    return (
        f"{done.organization_id}: held. {why_held(hold)}{among} Nothing was removed. To remove: "
        f"`rollcall reconcile --confirm {done.id}`, or an admin confirms it."
    )
