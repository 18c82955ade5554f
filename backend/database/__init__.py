"""The database: its connections and their kinds, statements, locks, faults, migrations."""

from backend.database.engine import Database
from backend.database.faults import (
    CONNECTION_FAULTS,
    DRIVER_FAULTS,
    is_content_error,
    is_our_fault,
    sqlstate,
)
from backend.database.kinds import (
    AutocommitConnection,
    Executor,
    LockedConnection,
    SnapshotConnection,
)
from backend.database.locks import session_lock, transaction_lock, try_transaction_lock
from backend.database.migrations import alembic_config
from backend.database.query import Fetches, Query
from backend.database.retrying import take_turns

__all__ = [
    "CONNECTION_FAULTS",
    "DRIVER_FAULTS",
    "AutocommitConnection",
    "Database",
    "Executor",
    "Fetches",
    "LockedConnection",
    "Query",
    "SnapshotConnection",
    "alembic_config",
    "is_content_error",
    "is_our_fault",
    "session_lock",
    "sqlstate",
    "take_turns",
    "transaction_lock",
    "try_transaction_lock",
]
