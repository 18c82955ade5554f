"""Refused strangers in the audit log: an entry an hour for each source, beside which all count."""

import json
import logging

from sqlalchemy import Text, Uuid, bindparam, cast, func, insert, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB
from uuid_utils.compat import uuid7

from backend.database import Database, Query
from backend.models import NO_ORGANIZATION, AuditEvent, RefusalCount
from backend.schemas.audit import AuditAction, AuditDetail
from backend.services.rate_counts import FAULTS

_log = logging.getLogger(__name__)

COUNTED = (AuditAction.WEBHOOK_FORGED, AuditAction.UNIVERSAL_LOGOUT_REFUSED)

_OF = bindparam("organization_id", type_=Text)
_ACTION = bindparam("action", type_=Text)
_CLIENT = bindparam("client", type_=Text)
_COUNT = (
    postgresql.insert(RefusalCount)
    .values(
        organization_id=_OF,
        action=_ACTION,
        client=_CLIENT,
        hour=func.date_trunc("hour", func.now(), "UTC"),
        count=1,
    )
    .on_conflict_do_update(
        index_elements=["organization_id", "action", "client", "hour"],
        set_={"count": RefusalCount.count + 1},
    )
    .returning(RefusalCount.count)
    .cte("counted")
)
_NOTE = Query(
    insert(AuditEvent)
    .from_select(
        ["organization_id", "id", "action", "subject_id", "detail"],
        select(
            _OF,
            bindparam("id", type_=Uuid),
            _ACTION,
            _CLIENT,
            cast(bindparam("detail", type_=Text), JSONB),
        ).where(_COUNT.c.count == 1),
        include_defaults=False,
    )
    .returning(AuditEvent.id)
)


async def note(
    database: Database,
    action: AuditAction,
    client: str,
    *,
    organization_id: str = NO_ORGANIZATION,
    reason: str | None = None,
) -> None:
    """While it cannot be noted, it is refused all the same.

    Args:
        database: where.
        action: one of `COUNTED`.
        client: whom it came from.
        organization_id: whose log has it; none's, where what it says of one is made up.
        reason: why it was refused, of the first one.
    """
    values = {
        "organization_id": organization_id,
        "id": uuid7(),
        "action": action.value,
        "client": client,
        "detail": json.dumps(AuditDetail(reason=reason).model_dump(mode="json")),
    }
    try:
        await database.counts.fetch(_NOTE, **values)
    except FAULTS as error:
        _log.warning("%s of %s was not noted: %s", action, client, error)
