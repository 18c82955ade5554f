"""Forged webhooks in the audit log: an entry for each client and hour, beside which all count."""

import logging

from sqlalchemy import Text, Uuid, bindparam, func, insert, literal, select
from sqlalchemy.dialects import postgresql
from uuid_utils.compat import uuid7

from backend.database import Database, Query
from backend.models import NO_ORGANIZATION, AuditEvent, ForgedWebhooks
from backend.schemas.audit import AuditAction
from backend.services.rate_counts import FAULTS

_log = logging.getLogger(__name__)

_CLIENT = bindparam("client", type_=Text)
_COUNTED = (
    postgresql.insert(ForgedWebhooks)
    .values(client=_CLIENT, hour=func.date_trunc("hour", func.now(), "UTC"), count=1)
    .on_conflict_do_update(
        index_elements=[ForgedWebhooks.client, ForgedWebhooks.hour],
        set_={"count": ForgedWebhooks.count + 1},
    )
    .returning(ForgedWebhooks.count)
    .cte("counted")
)
_NOTE = Query(
    insert(AuditEvent)
    .from_select(
        ["organization_id", "id", "action", "subject_id"],
        select(
            literal(NO_ORGANIZATION),
            bindparam("id", type_=Uuid),
            literal(AuditAction.WEBHOOK_FORGED.value),
            _CLIENT,
        ).where(_COUNTED.c.count == 1),
        include_defaults=False,
    )
    .returning(AuditEvent.id)
)


async def note(database: Database, client: str) -> None:
    """Of no organization: what such a body says of one is made up. While it cannot be noted, it is
    refused all the same.
    """
    try:
        await database.counts.fetch(_NOTE, client=client, id=uuid7())
    except FAULTS as error:
        _log.warning("a forged webhook of %s was not noted: %s", client, error)
