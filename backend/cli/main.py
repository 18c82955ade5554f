"""The command `rollcall`."""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer
import uvicorn
from sqlalchemy.exc import DBAPIError

from backend import jobs, logs
from backend.cli import audit as cli_audit
from backend.cli import break_glass as cli_break_glass
from backend.cli import events as cli_events
from backend.cli import identities as cli_identities
from backend.cli import reconcile as cli_reconcile
from backend.cli import roles as cli_roles
from backend.database import (
    BACKGROUND,
    CONNECTION_FAULTS,
    DRIVER_FAULTS,
    Database,
    Schema,
    lacks_privilege,
    privileges_sentence,
    refuse_transaction_pooling,
    remedy,
)
from backend.embedded_postgres import Addresses, EmbeddedPostgresError, running
from backend.errors import BodyPurged, NotAnEvent, NotFound, NotJoinable, NotOnePerson
from backend.http.pages import PAGES
from backend.http.protocol import BoundedHttp
from backend.schemas.events import EventFilters, Outcome, ReplayRange
from backend.services.people.break_glass import MOST_HOURS
from backend.settings import Settings, SettingsError, get_settings
from backend.workos.client import WorkosClient

app = typer.Typer(
    help="Rollcall: posts behind enterprise sign-in and directory sync.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
events = typer.Typer(help="The inbox of directory events.", no_args_is_help=True)
app.add_typer(events, name="events")
identities = typer.Typer(help="Who signed in as whom.", no_args_is_help=True)
app.add_typer(identities, name="identities")
audit = typer.Typer(help="The audit log: sealed, verified, erased from.", no_args_is_help=True)
app.add_typer(audit, name="audit")

_log = logging.getLogger(__name__)

T = TypeVar("T")

SERVER: dict[str, Any] = {
    "http": BoundedHttp,
    "ws": "none",
    "access_log": False,
    "log_config": None,
    "log_level": "warning",
    "server_header": False,
    "proxy_headers": False,  # TRUSTED_PROXIES decides, in the application
    "timeout_graceful_shutdown": 5,
}


def _fail(sentence: object) -> typer.Exit:
    print(sentence, file=sys.stderr)
    return typer.Exit(1)


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


@contextmanager
def _addresses(settings: Settings) -> Iterator[Addresses]:
    """The given database's addresses, or those of the embedded one, running for the while."""
    serving, owner = settings.database_url, settings.migration_database_url
    if serving:
        yield Addresses(serving, owner or serving)
        return
    if owner:
        raise SettingsError(
            "MIGRATION_DATABASE_URL is set and DATABASE_URL is not: set both, to the same "
            "database, or neither, for an embedded PostgreSQL."
        )
    gone = threading.Event()

    def end() -> None:
        gone.set()
        os.kill(os.getpid(), signal.SIGTERM)

    with running(settings.rollcall_home, lost=end) as found:
        try:
            yield found
        finally:
            if gone.is_set():
                raise EmbeddedPostgresError(
                    "The embedded PostgreSQL has ended, and so does Rollcall: start it again "
                    f"(the log: {settings.rollcall_home / 'postgres' / 'server.log'})."
                )


def _first_line(error: Exception) -> str:
    text = str(error.orig if isinstance(error, DBAPIError) else error)
    return next(iter(text.splitlines()), type(error).__name__)


_REFUSALS = (*CONNECTION_FAULTS, *DRIVER_FAULTS, DBAPIError)


@contextmanager
def _as_owner(settings: Settings) -> Iterator[None]:
    """What is wrong with MIGRATION_DATABASE_URL is said of it, where it is given."""
    try:
        yield
    except _REFUSALS as error:
        if not settings.migration_database_url:
            raise
        said = _first_line(error)
        if lacks_privilege(error):
            said += ". Give it the role that owns the tables and may create more of them"
        raise _fail(f"The database of MIGRATION_DATABASE_URL cannot be used: {said}") from error


@contextmanager
def _configured() -> Iterator[tuple[Settings, Addresses]]:
    try:
        settings = get_settings()
        with _addresses(settings) as addresses:
            yield settings, addresses
    except (
        SettingsError,
        EmbeddedPostgresError,
        NotFound,
        NotAnEvent,
        BodyPurged,
        NotJoinable,
        NotOnePerson,
    ) as error:
        raise _fail(error) from error
    except _REFUSALS as error:
        said = f"{_first_line(error)}{remedy(error)}"
        raise _fail(f"The database of DATABASE_URL cannot be used: {said}") from error


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Database]:
    database = Database(url, pool_size=1, overflow=16, timeouts=BACKGROUND)
    try:
        yield database
    finally:
        await database.close()


async def _migrate(settings: Settings, addresses: Addresses) -> Schema:
    """By the owner, who gives another role that serves what it needs."""
    role = None
    if addresses.serving != addresses.owner:
        async with _connected(addresses.serving) as database:
            role = (await database.role()).name
    with _as_owner(settings):
        async with _connected(addresses.owner) as database:
            await refuse_transaction_pooling(database.listening)
            return await database.migrate(_say, serving_role=role)


async def _prepare(settings: Settings, addresses: Addresses, database: Database) -> None:
    """See to it that the database can be used; an embedded one is brought up to date."""
    await refuse_transaction_pooling(database.listening)
    schema = await (database.schema() if settings.database_url else _migrate(settings, addresses))
    if not schema.usable:
        raise _fail(schema.sentence)
    if lacking := await database.lacking():
        raise _fail(privileges_sentence(lacking))
    if schema is not Schema.CURRENT:
        print(schema.sentence, file=sys.stderr, flush=True)


async def _prepare_alone(settings: Settings, addresses: Addresses) -> None:
    async with _connected(addresses.serving) as database:
        await _prepare(settings, addresses, database)
        role = await database.role()
    if role.may_do_all and not settings.is_local:
        _log.warning(role.warning)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 3000,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
) -> None:
    """Run the application."""
    with _configured() as (settings, addresses):
        logs.configure(settings.log_format)
        settings.signing_key()
        if not (PAGES / "index.html").exists():
            raise _fail("The pages are not built: run `make install`.")
        asyncio.run(_prepare_alone(settings, addresses))
        # The workers are processes of their own and learn the address like this, but not the
        # owner's, which nobody needs who serves.
        os.environ |= {"DATABASE_URL": addresses.serving, "MIGRATION_DATABASE_URL": ""}
        get_settings.cache_clear()
        # uvicorn raises the signal again when it has shut down: the database is to be left, too.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        # The background work is done by one process: this one, if it is alone.
        alone = workers == 1
        if not alone:
            print(
                "Several workers leave the background work alone: run `rollcall worker`, too.",
                flush=True,
            )
        uvicorn.run(
            f"backend.main:create_served_app{'_with_worker' if alone else ''}",
            factory=True,
            host=host,
            port=port,
            workers=workers,
            **SERVER,
        )


@app.command()
def worker() -> None:
    """Do the background work: catch up, retry, reconcile (`serve` does it when it is alone)."""

    async def run(settings: Settings, url: str) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        database = Database(url, pool_size=4, overflow=16, timeouts=BACKGROUND)
        client = WorkosClient(settings)
        try:
            await jobs.work(jobs.Worker(settings, database, client, stop))
        finally:
            await client.close()
            await database.close()

    with _configured() as (settings, addresses):
        logs.configure(settings.log_format)
        asyncio.run(_prepare_alone(settings, addresses))
        print("Working in the background; Ctrl-C stops it.", flush=True)
        asyncio.run(run(settings, addresses.serving))


@app.command()
def migrate() -> None:
    """Bring the database's schema to this version; a newer one is left as it is.

    With MIGRATION_DATABASE_URL by that role, and that of DATABASE_URL is given what it needs.
    """
    with _configured() as (settings, addresses):
        schema = asyncio.run(_migrate(settings, addresses))
        if not schema.usable:
            raise _fail(schema.sentence)
        print(schema.sentence)


def _with_database(work: Callable[[Settings, Database], Awaitable[T]]) -> T:
    async def run(settings: Settings, addresses: Addresses) -> T:
        async with _connected(addresses.serving) as database:
            await _prepare(settings, addresses, database)
            return await work(settings, database)

    with _configured() as (settings, addresses):
        return asyncio.run(run(settings, addresses))


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


_ByOutcome = Annotated[Outcome | None, typer.Option(help="Only events of this outcome.")]
_ByType = Annotated[str | None, typer.Option("--type", help="Only events of this type.")]
_Since = Annotated[
    str | None, typer.Option(help="Only events received since then, such as 2026-01-15T12:00Z.")
]
_Until = Annotated[str | None, typer.Option(help="Only events received before then.")]


@events.command("list")
def list_events(
    outcome: _ByOutcome = None,
    event_type: _ByType = None,
    since: _Since = None,
    until: _Until = None,
    person: Annotated[UUID | None, typer.Option(help="Only about this user of `/team`.")] = None,
    group: Annotated[str | None, typer.Option(help="Only about the group of this id.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 20,
) -> None:
    """Show the newest events."""
    filters = cli_events.chosen_by(
        EventFilters, outcome=outcome, type=event_type, since=since, until=until
    )

    async def work(_settings: Settings, database: Database) -> None:
        await cli_events.show_list(database, filters, person=person, group=group, limit=limit)

    _with_database(work)


@events.command("show")
def show_event(event_id: str) -> None:
    """Show one event: what it says, what it changed, why it is parked."""

    async def work(_settings: Settings, database: Database) -> None:
        await cli_events.show_one(database, event_id)

    _with_database(work)


@events.command("replay")
def replay_events(
    event_ids: Annotated[list[str] | None, typer.Argument(help="These events.")] = None,
    outcome: _ByOutcome = None,
    event_type: _ByType = None,
    since: _Since = None,
    until: _Until = None,
) -> None:
    """Apply events again, by id or a range; safe at any time.

    Of a range without --outcome, those that are parked. Ends with 1 when some cannot be applied.
    """
    options = {"outcome": outcome, "type": event_type, "since": since, "until": until}
    ranged = any(option is not None for option in options.values())
    if not event_ids and not ranged:
        raise typer.BadParameter("name events, or choose them by --outcome, --since, --until")
    chosen = cli_events.chosen_by(ReplayRange, **options)

    async def work(settings: Settings, database: Database) -> int:
        match event_ids:
            case [event_id] if not ranged:
                return await cli_events.replay_one(settings, database, event_id)
            case _:
                wanted = chosen.model_copy(update={"ids": event_ids or None})
                return await cli_events.replay_many(settings, database, wanted)

    raise typer.Exit(_with_database(work))


@app.command("grant-admin")
def grant_admin(
    who: Annotated[
        str, typer.Argument(metavar="EMAIL", help="Whom: their address, or their id of `/team`.")
    ],
    organization: Annotated[str, typer.Option(help="WorkOS's id of the organization.")],
    why: Annotated[str, typer.Option(help="For the audit log.")],
) -> None:
    """Make somebody an admin by hand, for an organization that has lost its admins."""
    if not (reason := why.strip()):
        raise typer.BadParameter("say why: --why")

    async def work(_settings: Settings, database: Database) -> None:
        await cli_roles.grant_admin(database, organization, who, reason)

    _with_database(work)


_Organization = Annotated[str, typer.Argument(help="WorkOS's id of the organization.")]
_User = Annotated[UUID, typer.Argument(help="The user, by the id of `/team`.")]
_OfUser = Annotated[UUID | None, typer.Option(help="Only of this user of `/team`.")]
_OfConnection = Annotated[str | None, typer.Option(help="Only of this SSO connection.")]


@identities.command("list")
def list_identities(
    organization: _Organization, user: _OfUser = None, connection: _OfConnection = None
) -> None:
    """Show by which SSO connection and as whom people have signed in."""

    async def work(_settings: Settings, database: Database) -> None:
        await cli_identities.show_list(database, organization, user=user, connection=connection)

    _with_database(work)


@identities.command("forget")
def forget_identities(
    organization: _Organization, user: _OfUser = None, connection: _OfConnection = None
) -> None:
    """Forget identities of a user or a connection, whose next sign-in is again the first.

    For a connection that was made anew, or has changed which ids it sends. It signs them out.
    """
    if user is None and connection is None:
        raise typer.BadParameter("say whose: --user or --connection")

    async def work(_settings: Settings, database: Database) -> None:
        await cli_identities.forget(database, organization, user=user, connection=connection)

    _with_database(work)


@identities.command("allow")
def allow_identity(
    organization: _Organization,
    user: _User,
    connection: Annotated[str, typer.Argument(help="The second SSO connection.")],
) -> None:
    """Let a user sign in by a second connection, by the id that the directory has of them."""

    async def work(_settings: Settings, database: Database) -> None:
        await cli_identities.allow(database, organization, user, connection)

    _with_database(work)


@identities.command("join")
def join_users(
    organization: _Organization,
    earlier: Annotated[UUID, typer.Argument(help="Who they were, by the id of `/team`.")],
    user: Annotated[UUID, typer.Argument(help="Who they are now.")],
) -> None:
    """Give a user the posts of an earlier one of the same person, who is deactivated."""

    async def work(_settings: Settings, database: Database) -> None:
        await cli_identities.join(database, organization, earlier, user)

    _with_database(work)


@audit.command("seal")
def seal_audit() -> None:
    """Seal what is over now; the background work does it every five minutes."""

    async def work(_settings: Settings, database: Database) -> None:
        await cli_audit.seal(database)

    _with_database(work)


@audit.command("verify")
def verify_audit(
    organization: Annotated[
        str | None, typer.Option(help="Only this organization, by WorkOS's id.")
    ] = None,
    known: Annotated[
        list[str] | None,
        typer.Option(help="A seal that was printed before, such as 17:ab…; with --organization."),
    ] = None,
) -> None:
    """Compute every seal anew; ends with 1 and names the first that does not match.

    Keep the seals that it prints elsewhere: whoever owns the database could make all of them anew.
    """
    if known and organization is None:
        raise typer.BadParameter("say whose seal it is: --organization")
    seals = [cli_audit.known_seal(text) for text in known or []]

    async def work(_settings: Settings, database: Database) -> int:
        return await cli_audit.verify(database, organization, seals)

    raise typer.Exit(_with_database(work))


@audit.command("erase")
def erase_from_audit(
    organization: _Organization,
    user: _OfUser = None,
    email: Annotated[
        str | None, typer.Option(help="The address of somebody who was refused, and is no user.")
    ] = None,
) -> None:
    """Erase a person's name and addresses from the audit log, on their request."""
    if (user is None) == (email is None):
        raise typer.BadParameter("say whose: --user or --email")

    async def work(_settings: Settings, database: Database) -> None:
        await cli_audit.erase(database, organization, user=user, email=email)

    _with_database(work)


@audit.command("prune")
def prune_audit() -> None:
    """Remove what is older than the organizations keep it; the background work does it at night."""

    async def work(_settings: Settings, database: Database) -> None:
        await cli_audit.prune(database)

    _with_database(work)


@app.command("break-glass")
def break_glass(
    organization: Annotated[str, typer.Option(help="WorkOS's id of the organization.")],
    why: Annotated[str, typer.Option(help="It is shown to the organization's admins.")],
    hours: Annotated[
        int, typer.Option(min=1, max=MOST_HOURS, help="For so long they are let in.")
    ] = 4,
) -> None:
    """Let the owner whom an organization has named for emergencies in as an admin, for hours."""
    reason = why.strip()
    if not reason:
        raise typer.BadParameter("say why: --why")

    async def work(settings: Settings, database: Database) -> None:
        await cli_break_glass.let_in(
            settings, database, organization, why=reason[:500], hours=hours
        )

    _with_database(work)
