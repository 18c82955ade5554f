"""An organization keeps one admin: nobody takes the last one's access by hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncSession

from backend.database import transaction_lock
from backend.errors import LastAdmin
from backend.services.people import holders


@asynccontextmanager
async def kept(session: AsyncSession, organization_id: str) -> AsyncIterator[None]:
    """What the block changes must leave an admin.

    Two that take each other's access at once take turns, as do changes of roles by hand.

    Raises:
        LastAdmin: nobody would be left.
    """
    await transaction_lock(session, f"{organization_id} roles")
    yield
    if not await holders.active_admins(session, organization_id, 1):
        raise LastAdmin
