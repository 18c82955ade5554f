"""That somebody may administer: no person is to end it; where a directory does, it is noted.

Whoever changes by hand what gives roles takes one lock first, so that two who take each other's
role do not both find the other still there.
"""

from collections.abc import Collection

from sqlalchemy import func, select

from backend.database import Executor, transaction_lock
from backend.errors import LastAdmin
from backend.schemas.access import Permission, roles_with
from backend.schemas.audit import AuditAction
from backend.services import audit

_ADMINS = frozenset(roles_with(Permission.ADMINISTER))


async def take_turns_by_hand(executor: Executor, organization_id: str) -> None:
    """To the end of the transaction; before anything is read that the change hangs on."""
    await transaction_lock(executor, f"{organization_id} roles")


async def has_admin(executor: Executor, organization_id: str) -> bool:
    return bool(await executor.scalar(select(func.has_admin(organization_id))))


async def refuse_to_lose_the_last(executor: Executor, organization_id: str) -> None:
    """After a change by hand, in its transaction.

    Raises:
        LastAdmin: nobody is left who may administer.
    """
    if not await has_admin(executor, organization_id):
        raise LastAdmin


async def note_if_gone(
    executor: Executor,
    organization_id: str,
    before: Collection[str],
    after: Collection[str],
    by: str,
) -> None:
    """Where the directory, and no person, took somebody's right to administer.

    Args:
        executor: the transaction of the change.
        organization_id: whose.
        before: the roles of those whom it concerned.
        after: the roles they have now.
        by: the event or snapshot that changed it.
    """
    lost = _ADMINS.intersection(before) and not _ADMINS.intersection(after)
    if lost and not await has_admin(executor, organization_id):
        await note_gone(executor, organization_id, by)


async def note_gone(executor: Executor, organization_id: str, by: str) -> None:
    """As `apply_events` does, where an event took the last one."""
    gone = audit.entry(
        AuditAction.ADMINS_GONE,
        organization_id=organization_id,
        subject_id=organization_id,
        event_id=by,
    )
    await audit.record(executor, gone)
