"""What can go wrong with a database, and what a fault means."""

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

# What the driver raises when it is used without SQLAlchemy's wrapping. `InternalClientError` is of
# no other family: a connection that the server ended, no server that `target_session_attrs` wants.
DRIVER_FAULTS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)

# What the driver itself raises while it connects; SQLAlchemy wraps only what comes later.
CONNECTION_FAULTS = (
    OSError,
    TimeoutError,
    PoolTimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InternalClientError,
)

LOCK_TIMEOUT = "55P03"
_INSUFFICIENT_PRIVILEGE = "42501"
_TAKE_TURNS = frozenset({"40001", "40P01", LOCK_TIMEOUT})  # serialization, deadlock

GIVE_PRIVILEGES = (
    "Run `rollcall migrate` with MIGRATION_DATABASE_URL, the owner's address, beside DATABASE_URL."
)

_READ_ONLY = "25006"  # a server that was the primary once
_SERVER_ENDED = "57P"
_CONNECTION = "08"
_IDLE_IN_TRANSACTION = "25P03"


def sqlstate(error: BaseException) -> str:
    """PostgreSQL's code, empty where the error is of another kind."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return getattr(cause, "sqlstate", None) or ""


def is_content_error(error: Exception) -> bool:
    """Whether the data itself was refused (classes 22 and 23), or was too long for an index (54).

    Anything else is a passing fault, unless it is ours.
    """
    return sqlstate(error)[:2] in {"22", "23", "54"}


def ends_connection(error: BaseException) -> bool:
    """Whether the connection that it happened on is of no more use, and another one may be.

    It is dead, or does not answer, or leads to a server that must not be written to.
    """
    state = sqlstate(error)
    if state:
        return state.startswith((_SERVER_ENDED, _CONNECTION)) or state in {
            _READ_ONLY,
            _IDLE_IN_TRANSACTION,
        }
    cause = error.orig if isinstance(error, DBAPIError) else error
    while cause is not None:
        if isinstance(cause, (OSError, asyncpg.InternalClientError)):
            return True
        if isinstance(cause, asyncpg.InterfaceError):
            return not isinstance(cause, ValueError)  # which is of a value that it was given
        cause = cause.__cause__  # SQLAlchemy's form of the driver's error
    return False


def lacks_privilege(error: BaseException) -> bool:
    """Whether the role may not do it: an operator's to put right."""
    return sqlstate(error) == _INSUFFICIENT_PRIVILEGE


def remedy(error: BaseException) -> str:
    """What an operator can do, to be said behind the error; mostly nothing."""
    return f". {GIVE_PRIVILEGES}" if lacks_privilege(error) else ""


def is_our_fault(error: BaseException) -> bool:
    """Whether statement and schema do not fit (classes 42 and 3F): it does not pass by itself."""
    return sqlstate(error)[:2] in {"42", "3F"} and not lacks_privilege(error)


def takes_turns(error: BaseException) -> bool:
    """Whether a transaction was in another one's way, and can be tried again at once."""
    return sqlstate(error) in _TAKE_TURNS
