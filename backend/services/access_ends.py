"""What people hold ends for good with their access: sessions, tokens, open invitations.

Whoever merges what is about one person ends it there and then. Where many may have lost access at
once, with their directory or their organization, it is ended behind the answer: none of them is let
in meanwhile, and few have signed in.
"""

from collections import Counter
from collections.abc import Collection
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    Text,
    Uuid,
    bindparam,
    delete,
    func,
    select,
    union,
    update,
)

from backend.database import AutocommitConnection, Executor
from backend.models import ApiToken, Invitation, Organization, Session, access

_AT_ONCE = 500

_END = select(
    func.end_access(
        bindparam("organization_id", type_=Text), bindparam("people", type_=ARRAY(Uuid))
    )
)


async def end_for(executor: Executor, organization_id: str, user_ids: Collection[UUID]) -> None:
    """That they may not enter any more is the caller's business."""
    if user_ids:
        values = {"organization_id": organization_id, "people": list(user_ids)}
        await executor.execute(_END, values)


class Held(NamedTuple):
    """How many somebody had of each."""

    sessions: int
    tokens: int


async def sign_out(
    executor: Executor, organization_id: str, user_ids: Collection[UUID]
) -> dict[UUID, Held]:
    """End the sessions and tokens of people who may come back; what they had."""
    ended: list[Counter[UUID]] = []
    for table in (Session, ApiToken):
        rows = await executor.execute(
            delete(table)
            .where(table.organization_id == organization_id, table.user_id.in_(user_ids))
            .returning(table.user_id)
        )
        ended.append(Counter(rows.scalars()))
    sessions, tokens = ended
    return {user_id: Held(sessions[user_id], tokens[user_id]) for user_id in user_ids}


async def end_where_changed(connection: AutocommitConnection) -> None:
    """In organizations where the access of many has changed at once.

    What changes meanwhile is seen the next time; what is interrupted, by `end_everywhere`.
    """
    changed = await connection.scalars(
        select(Organization.workos_id).where(Organization.access_changed)
    )
    for organization_id in changed.all():
        await connection.execute(
            update(Organization)
            .where(Organization.workos_id == organization_id)
            .values(access_changed=False)
        )
        await end_where_over(connection, organization_id)


async def end_everywhere(connection: AutocommitConnection) -> None:
    """In every organization, whatever it was that ended somebody's access."""
    last = ""
    after = select(func.min(Organization.workos_id)).where(
        Organization.workos_id > bindparam("after")
    )
    while (organization_id := await connection.scalar(after, {"after": last})) is not None:
        await end_where_over(connection, organization_id)
        last = organization_id


async def end_where_over(connection: AutocommitConnection, organization_id: str) -> None:
    """Of everybody in the organization who holds something and may not enter."""
    last = UUID(int=0)
    while found := (
        await connection.scalars(_holding(organization_id, last).limit(_AT_ONCE))
    ).all():
        last = found[-1]
        active = await connection.scalars(
            select(access.c.user_id).where(
                access.c.organization_id == organization_id,
                access.c.user_id.in_(found),
                access.c.active,
            )
        )
        await end_for(connection, organization_id, set(found).difference(active))


def _holding(organization_id: str, after: UUID) -> Select[Any]:
    """The people who hold something, by their ids."""

    def of(
        table: type[Session | ApiToken | Invitation], *open_: ColumnElement[bool]
    ) -> Select[Any]:
        return select(table.user_id).where(
            table.organization_id == organization_id, table.user_id > after, *open_
        )

    held = union(of(Session), of(ApiToken), of(Invitation, Invitation.closed_at.is_(None)))
    people = held.subquery("held")
    return select(people.c.user_id).order_by(people.c.user_id)
