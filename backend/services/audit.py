"""The audit trail: who changed what, or which event did. Entries are written and read here."""

import json
from typing import Any
from uuid import UUID

from sqlalchemy import CTE, Text, Uuid, bindparam, cast, insert, select
from sqlalchemy.dialects.postgresql import JSONB
from uuid_utils.compat import uuid7

from backend.database import Executor
from backend.models import AuditEvent
from backend.schemas.audit import AuditAction, AuditDetail, MirrorState

_NOTHING = AuditDetail()

_ENTRY = {
    "organization_id": bindparam("entry_organization_id", type_=Text),
    "id": bindparam("entry_id", type_=Uuid),
    "action": bindparam("entry_action", type_=Text),
    "actor_id": bindparam("entry_actor_id", type_=Uuid),
    "event_id": bindparam("entry_event_id", type_=Text),
    "subject_id": bindparam("entry_subject_id", type_=Text),
    "detail": cast(bindparam("entry_detail", type_=Text), JSONB),
}


def noted(written: CTE) -> CTE:
    """Added to a `Query` that writes: for each row that was written an entry, with `values`."""
    entries = select(*_ENTRY.values()).select_from(written)
    return (
        insert(AuditEvent).from_select(list(_ENTRY), entries, include_defaults=False).cte("noted")
    )


def entry(
    action: AuditAction,
    *,
    organization_id: str,
    subject_id: object | None,
    actor_id: UUID | None = None,
    event_id: str | None = None,
    detail: AuditDetail = _NOTHING,
) -> dict[str, Any]:
    """A row for the audit trail.

    Args:
        action: what was done.
        organization_id: where.
        subject_id: to whom or what; None for somebody who is no user.
        actor_id: who did it, if a person did.
        event_id: the event or snapshot that did it, if one did.
        detail: what else is known.
    """
    return {
        "organization_id": organization_id,
        "id": uuid7(),
        "action": action,
        "actor_id": actor_id,
        "event_id": event_id,
        "subject_id": None if subject_id is None else str(subject_id),
        "detail": detail.model_dump(mode="json"),
    }


async def record(executor: Executor, *entries: dict[str, Any]) -> None:
    """Write entries, each made by `entry`, in the transaction of the change."""
    if entries:
        await executor.execute(insert(AuditEvent), list(entries))


def values(entry: dict[str, Any]) -> dict[str, Any]:
    """What `noted` is given to write an entry."""
    return {
        f"entry_{name}": json.dumps(value) if name == "detail" else value
        for name, value in entry.items()
    }


def read(detail: dict[str, Any]) -> AuditDetail:
    """The detail of an entry, whoever wrote it: in a rolling deployment a newer version may have,
    and what only that knows is left out. Ours is refused where it is made.
    """
    return AuditDetail.model_validate(detail, extra="ignore")


def read_state(state: object) -> MirrorState:
    """A state as a SQL function of ours, or of a newer version, has it."""
    return MirrorState.model_validate(state, extra="ignore")
