"""The command `rollcall`."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated, TypeVar
from uuid import UUID

import typer
import uvicorn
from sqlalchemy.exc import DBAPIError

from backend import cli_reconcile, jobs
from backend.database import CONNECTION_FAULTS, Database
from backend.embedded_postgres import EmbeddedPostgresError, running
from backend.errors import BodyPurged, NotAnEvent, NotFound
from backend.routers.pages import PAGES
from backend.schemas.directory_sync import Outcome
from backend.services import directory_sync
from backend.settings import Settings, SettingsError, get_settings
from backend.workos_client import WorkosClient

app = typer.Typer(
    help="Rollcall: posts behind enterprise sign-in and directory sync.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
events = typer.Typer(help="The inbox of directory events.", no_args_is_help=True)
app.add_typer(events, name="events")

T = TypeVar("T")

_OUTDATED = "The database has another version's schema: run `rollcall migrate`."


def _fail(sentence: object) -> typer.Exit:
    print(sentence, file=sys.stderr)
    return typer.Exit(1)


@contextmanager
def _database_url(settings: Settings) -> Iterator[str]:
    """The given database's address, or that of the embedded one, running for the while."""
    if settings.database_url:
        yield settings.database_url
        return
    with running(settings.rollcall_home) as url:
        yield url


def _first_line(error: Exception) -> str:
    said = str(error.orig if isinstance(error, DBAPIError) else error)
    return next(iter(said.splitlines()), type(error).__name__)


@contextmanager
def _configured() -> Iterator[tuple[Settings, str]]:
    try:
        settings = get_settings()
        with _database_url(settings) as url:
            yield settings, url
    except (SettingsError, EmbeddedPostgresError, NotFound, NotAnEvent, BodyPurged) as error:
        raise _fail(error) from error
    except (*CONNECTION_FAULTS, DBAPIError) as error:
        raise _fail(f"The database of DATABASE_URL cannot be used: {_first_line(error)}") from error


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Database]:
    database = Database(url, pool_size=1)
    try:
        yield database
    finally:
        await database.close()


async def _prepare(settings: Settings, url: str) -> bool:
    """Whether the schema can be used; an embedded database is brought up to date."""
    async with _connected(url) as database:
        if not settings.database_url:
            await database.migrate()
        return await database.is_current()


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 3000,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
) -> None:
    """Run the application."""
    with _configured() as (settings, url):
        settings.signing_key()
        if not (PAGES / "index.html").exists():
            raise _fail("The pages are not built: run `make install`.")
        if not asyncio.run(_prepare(settings, url)):
            raise _fail(_OUTDATED)
        # The workers are processes of their own and learn the address like this.
        os.environ["DATABASE_URL"] = url
        get_settings.cache_clear()
        # uvicorn raises the signal again when it has shut down: the database is to be left, too.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        # The background work is done by one process: this one, if it is alone.
        alone = workers == 1
        if not alone:
            print("Background work is not done by several workers: run `rollcall worker`, too.")
        uvicorn.run(
            f"backend.main:{'create_app_with_worker' if alone else 'create_app'}",
            factory=True,
            host=host,
            port=port,
            workers=workers,
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=5,
        )


@app.command()
def worker() -> None:
    """Do the background work: catch up, retry, reconcile (`serve` does it when it is alone)."""

    async def run(settings: Settings, url: str) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        database, client = Database(url, pool_size=4), WorkosClient(settings)
        try:
            await jobs.work(jobs.Worker(settings, database, client, stop))
        finally:
            await client.close()
            await database.close()

    with _configured() as (settings, url):
        if not asyncio.run(_prepare(settings, url)):
            raise _fail(_OUTDATED)
        print("Working in the background; Ctrl-C stops it.", flush=True)
        asyncio.run(run(settings, url))


@app.command()
def migrate() -> None:
    """Bring the database's schema to this version."""

    async def run(url: str) -> None:
        async with _connected(url) as database:
            await database.migrate()

    with _configured() as (_settings, url):
        asyncio.run(run(url))
        print("The schema is up to date.")


def _with_database(work: Callable[[Settings, Database], Awaitable[T]]) -> T:
    async def run(settings: Settings, url: str) -> T:
        async with _connected(url) as database:
            if not settings.database_url:
                await database.migrate()
            elif not await database.is_current():
                raise _fail(_OUTDATED)
            return await work(settings, database)

    with _configured() as (settings, url):
        return asyncio.run(run(settings, url))


@app.command()
def reconcile(
    organization: Annotated[
        str | None, typer.Option(help="Only this organization, by WorkOS's id.")
    ] = None,
    confirm: Annotated[
        UUID | None, typer.Option(help="Carry out what this reconciliation holds back.")
    ] = None,
) -> None:
    """Read whole directories from WorkOS and repair the mirror (3: held for confirmation)."""

    async def work(settings: Settings, database: Database) -> int:
        if confirm is not None:
            return await cli_reconcile.confirm(database, confirm)
        return await cli_reconcile.reconcile(settings, database, organization)

    raise typer.Exit(_with_database(work))


@events.command("list")
def list_events(
    outcome: Annotated[Outcome | None, typer.Option(help="Only events of this outcome.")] = None,
    event_type: Annotated[
        str | None, typer.Option("--type", help="Only events of this type.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 20,
) -> None:
    """Show the newest events."""

    async def work(_settings: Settings, database: Database) -> None:
        async with database.connect() as connection:
            rows = await directory_sync.list_events(
                connection, outcome=outcome, event_type=event_type, limit=limit
            )
        for row in rows:
            error = f"  {row['error']}" if row["error"] else ""
            print(
                f"{row['received_at']:%Y-%m-%d %H:%M:%S}  {row['outcome']:<10} "
                f"{row['type']:<26} {row['id']}{error}"
            )
        if not rows:
            print("No events.")

    _with_database(work)


@events.command("show")
def show_event(event_id: str) -> None:
    """Show one event with its body."""

    async def work(_settings: Settings, database: Database) -> None:
        async with database.connect() as connection:
            event = await directory_sync.get_event(connection, event_id)
        for name in ("id", "type", "outcome", "error", "attempts", "source", "occurred_at"):
            print(f"{name + ':':<13}{event[name]}")
        print(f"{'received_at:':<13}{event['received_at']}")
        body = event["body"]
        print("(the body was purged)" if body is None else body.decode(errors="replace"))

    _with_database(work)


@events.command("replay")
def replay_event(event_id: str) -> None:
    """Apply an event again; safe at any time."""

    async def work(settings: Settings, database: Database) -> Outcome:
        async with database.connect() as connection:
            return await directory_sync.replay(
                connection, event_id, only_directory=settings.workos_directory_id
            )

    print(_with_database(work))
