"""A pooler in front of the database, such as PgBouncer: one that pools sessions can be used."""

import secrets
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import asyncpg

from backend.settings import SettingsError

_ROUNDS = 4

# A statement that another client has prepared on this connection, or that stayed on another one.
_MIXED_UP = (asyncpg.DuplicatePreparedStatementError, asyncpg.InvalidSQLStatementNameError)


async def refuse_transaction_pooling(
    open_connection: Callable[[], AbstractAsyncContextManager[asyncpg.Connection]],
) -> None:
    """See to it that a connection is ours for as long as it lasts.

    Locks, notifications, prepared statements and settings need that. Behind a pooler that gives
    a connection away after each transaction they would be lost now and then, and not at once.

    Raises:
        SettingsError: it is not.
    """
    try:
        async with open_connection() as one:
            # A pooler makes up the process that it tells its clients.
            if one.get_server_pid() == await one.fetchval("SELECT pg_backend_pid()"):
                return
            async with open_connection() as other:
                shared = await _shared(one, other)
    except _MIXED_UP:
        shared = True
    if shared:
        raise SettingsError(
            "The pooler of DATABASE_URL gives connections away after each transaction, which loses "
            "locks, notifications and prepared statements: use the database's direct address, or "
            "let the pooler pool sessions (PgBouncer: pool_mode = session)."
        )


async def _shared(one: asyncpg.Connection, other: asyncpg.Connection) -> bool:
    """Whether one's session is not its own while another has a transaction."""
    mark = secrets.token_hex(8)
    await one.execute(f"SELECT set_config('rollcall.session', '{mark}', false)")
    marks = "SELECT current_setting('rollcall.session', true)"
    for _ in range(_ROUNDS):
        async with other.transaction():
            if await other.fetchval(marks) == mark or await one.fetchval(marks) != mark:
                return True
    return False
