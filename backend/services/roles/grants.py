"""Roles given by hand, apart from any directory: no event, listing or mapping touches them."""

from contextlib import suppress
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from backend.database import Executor
from backend.errors import NotFound, NotOnePerson
from backend.models import RoleGrant, User, access
from backend.schemas import roles as schemas
from backend.schemas.access import Actor, Role
from backend.schemas.audit import AccessState, AuditAction, AuditDetail, MirrorState
from backend.schemas.roles import GrantCreate
from backend.services import audit
from backend.services.roles import admins, listing


class Granted(NamedTuple):
    """To whom, and whether they may enter at all."""

    user_id: UUID
    name: str
    active: bool


async def create(
    executor: Executor, actor: Actor, user_id: UUID, new: GrantCreate
) -> schemas.RoleGrant:
    """Give somebody a role; an earlier grant of it to them is replaced.

    Raises:
        NotFound: there is no such person in the organization.
        LastAdmin: it would end a grant sooner than it did, and with it the last admin.
    """
    organization_id = actor.organization_id
    await admins.take_turns_by_hand(executor, organization_id)
    await _give(
        executor,
        organization_id,
        user_id,
        new.role,
        reason=new.reason,
        until=new.until,
        granted_by=actor.user_id,
    )
    given = listing.grants(organization_id).where(
        RoleGrant.user_id == user_id, RoleGrant.role == new.role
    )
    return listing.grant((await executor.execute(given)).one())


async def end(executor: Executor, actor: Actor, user_id: UUID, role: Role) -> None:
    """Take a role that was given by hand.

    Raises:
        NotFound: there is no such person in the organization, or they have no such grant.
        LastAdmin: nobody would be left who may administer.
    """
    organization_id = actor.organization_id
    await admins.take_turns_by_hand(executor, organization_id)
    before = await _access(executor, organization_id, user_id)
    ended = await executor.execute(
        delete(RoleGrant)
        .where(
            RoleGrant.organization_id == organization_id,
            RoleGrant.user_id == user_id,
            RoleGrant.role == role,
        )
        .returning(RoleGrant.reason, RoleGrant.until)
    )
    row = ended.one_or_none()
    if row is None:
        raise NotFound("This person was not given that role by hand.")
    await admins.refuse_to_lose_the_last(executor, organization_id)
    after = await _access(executor, organization_id, user_id)
    entry = audit.entry(
        AuditAction.GRANT_ENDED,
        organization_id=organization_id,
        subject_id=user_id,
        actor_id=actor.user_id,
        detail=AuditDetail(
            role=role, reason=row.reason, until=row.until, before=before, after=after
        ),
    )
    await audit.record(executor, entry)


async def make_admin(executor: Executor, organization_id: str, who: str, why: str) -> Granted:
    """By an operator, for an organization that has lost its admins.

    Args:
        executor: a transaction.
        organization_id: whose.
        who: the person's address, or their id.
        why: noted with it.

    Raises:
        NotOnePerson: it is nobody's, or that of several.
    """
    await admins.take_turns_by_hand(executor, organization_id)
    user_id = await _one_person(executor, organization_id, who)
    await _give(
        executor, organization_id, user_id, Role.ADMIN, reason=why, until=None, granted_by=None
    )
    given = listing.grants(organization_id).where(
        RoleGrant.user_id == user_id, RoleGrant.role == Role.ADMIN
    )
    row = (await executor.execute(given)).one()
    return Granted(row.user_id, row.name, row.active)


async def _one_person(executor: Executor, organization_id: str, who: str) -> UUID:
    named = func.lower(func.normalize(User.email)) == func.lower(func.normalize(who.strip()))
    with suppress(ValueError):
        named = User.id == UUID(who)
    found = await executor.execute(
        select(User.id, User.name)
        .where(User.organization_id == organization_id, named)
        .order_by(User.id)
    )
    match found.all():
        case []:
            raise NotOnePerson(
                f"The organization {organization_id} has nobody with the address {who}: look for "
                "them at `/team`, and name them by their id there."
            )
        case [row]:
            user_id: UUID = row.id
            return user_id
        case rows:
            people = ", ".join(f"{row.id} ({row.name})" for row in rows)
            raise NotOnePerson(f"{who} is the address of {people}: name one of them by the id.")


async def _give(
    executor: Executor,
    organization_id: str,
    user_id: UUID,
    role: Role,
    *,
    reason: str,
    until: datetime | None,
    granted_by: UUID | None,
) -> None:
    before = await _access(executor, organization_id, user_id)
    given = {"reason": reason, "until": until, "granted_by": granted_by}
    new = insert(RoleGrant).values(
        organization_id=organization_id, user_id=user_id, role=role, **given
    )
    await executor.execute(
        new.on_conflict_do_update(
            index_elements=["organization_id", "user_id", "role"],
            set_=given | {"created_at": func.now()},
        )
    )
    after = await _access(executor, organization_id, user_id)
    created = audit.entry(
        AuditAction.GRANT_CREATED,
        organization_id=organization_id,
        subject_id=user_id,
        actor_id=granted_by,
        detail=AuditDetail(role=role, reason=reason, until=until, before=before, after=after),
    )
    await audit.record(executor, created)


async def _access(executor: Executor, organization_id: str, user_id: UUID) -> MirrorState:
    """Raises NotFound."""
    found = await executor.execute(
        select(access.c.active, access.c.roles).where(
            access.c.organization_id == organization_id, access.c.user_id == user_id
        )
    )
    row = found.one_or_none()
    if row is None:
        raise NotFound
    return MirrorState(access=AccessState(active=row.active, roles=row.roles))
