"""Running a reconciliation: read WorkOS's listings, merge them, complete or hold."""

from collections.abc import Callable
from uuid import UUID

from backend.database import Database
from backend.schemas.reconciliations import Reconciliation
from backend.workos_client import WorkosClient

OnProgress = Callable[[Reconciliation], None]


async def run(
    database: Database,
    client: WorkosClient,
    reconciliation_id: UUID,
    *,
    only_directory: str = "",
    on_progress: OnProgress | None = None,
) -> Reconciliation:
    """Run one to its end, from where it stopped; that WorkOS cannot be read is its state `failed`.

    Nothing happens when it is finished, or when another process is running it.

    Raises:
        DBAPIError: a fault of the database; it can be run again, and goes on where it was.
        NotFound: there is none with this id.
    """
    raise NotImplementedError
