"""What can go wrong with a database, and what a fault means."""

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

# What the driver raises when it is used without SQLAlchemy's wrapping.
DRIVER_FAULTS = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)

# What the driver itself raises while it connects; SQLAlchemy wraps only what comes later.
CONNECTION_FAULTS = (OSError, TimeoutError, PoolTimeoutError, asyncpg.PostgresConnectionError)

_TAKE_TURNS = frozenset({"40001", "40P01", "55P03"})  # serialization, deadlock, lock timeout


def sqlstate(error: BaseException) -> str:
    """PostgreSQL's code, empty where the error is of another kind."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return getattr(cause, "sqlstate", None) or ""


def is_content_error(error: Exception) -> bool:
    """Whether the data itself was refused (classes 22 and 23), or was too long for an index (54).

    Anything else is a passing fault, unless it is ours.
    """
    return sqlstate(error)[:2] in {"22", "23", "54"}


def is_our_fault(error: BaseException) -> bool:
    """Whether statement and schema do not fit (classes 42 and 3F): it does not pass by itself."""
    return sqlstate(error)[:2] in {"42", "3F"}


def takes_turns(error: BaseException) -> bool:
    """Whether a transaction was in another one's way, and can be tried again at once."""
    return sqlstate(error) in _TAKE_TURNS
