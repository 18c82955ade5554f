"""The database: its connections and their kinds, statements, locks, faults, migrations."""

from backend.database.engine import BACKGROUND, Database
from backend.database.event_batches import MOST_BYTES_TOGETHER, Events
from backend.database.faults import (
    CONNECTION_FAULTS,
    DRIVER_FAULTS,
    ends_connection,
    is_content_error,
    is_our_fault,
    lacks_privilege,
    remedy,
    sqlstate,
)
from backend.database.horizon import find_horizon
from backend.database.kinds import (
    AutocommitConnection,
    Executor,
    LockedConnection,
    SnapshotConnection,
)
from backend.database.locks import session_lock, transaction_lock, try_transaction_lock
from backend.database.migrations import Schema, alembic_config
from backend.database.planning import plan_by_index
from backend.database.pooler import refuse_transaction_pooling
from backend.database.privileges import sentence as privileges_sentence
from backend.database.query import BatchedQuery, Fetches, Query, looked_up
from backend.database.retrying import take_turns

__all__ = [
    "BACKGROUND",
    "CONNECTION_FAULTS",
    "DRIVER_FAULTS",
    "MOST_BYTES_TOGETHER",
    "AutocommitConnection",
    "BatchedQuery",
    "Database",
    "Events",
    "Executor",
    "Fetches",
    "LockedConnection",
    "Query",
    "Schema",
    "SnapshotConnection",
    "alembic_config",
    "ends_connection",
    "find_horizon",
    "is_content_error",
    "is_our_fault",
    "lacks_privilege",
    "looked_up",
    "plan_by_index",
    "privileges_sentence",
    "refuse_transaction_pooling",
    "remedy",
    "session_lock",
    "sqlstate",
    "take_turns",
    "transaction_lock",
    "try_transaction_lock",
]
