"""How many events a filter leaves: it ends somewhere."""

from uuid import UUID

from sqlalchemy import func, literal, literal_column, select

from backend.database import SnapshotConnection
from backend.models import DirectoryEvent
from backend.schemas.events import EventCount, EventFilters
from backend.services.events import inbox

_MOST_COUNTED = 10_000


async def of_filter(
    connection: SnapshotConnection,
    filters: EventFilters,
    organization_id: str,
    *,
    person: UUID | None = None,
    group: str | None = None,
) -> EventCount:
    """How many events a list has, to ten thousand."""
    wanted = await inbox.conditions(
        connection, filters, organization_id, person=person, group=group
    )
    found = (
        select(literal_column("1"))
        .select_from(DirectoryEvent)
        .where(*wanted)
        .limit(literal(_MOST_COUNTED + 1, literal_execute=True))
        .subquery()
    )
    count = await connection.scalar(select(func.count()).select_from(found)) or 0
    return EventCount(count=min(count, _MOST_COUNTED), more=count > _MOST_COUNTED)
