"""Guests: people outside the directory, let in by an admin until a day."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from backend.database import looked_up, transaction_lock
from backend.errors import AlreadyHere, NoDirectory, NoSeats, NotFound
from backend.models import Admission, Organization, RoleGrant, User, live_directory_users
from backend.schemas.access import Actor, AdmissionKind, Role
from backend.schemas.audit import AccessState, AuditAction, AuditDetail
from backend.schemas.jobs import Enqueue
from backend.schemas.people import Guest, GuestCreate, GuestUpdate
from backend.services import access_ends, audit, seats
from backend.services.invitations import inviting
from backend.services.people import admissions, subject
from backend.services.sign_in.matches import same_address
from backend.settings import Settings


async def create(
    session: AsyncSession, actor: Actor, new: GuestCreate, settings: Settings, enqueue: Enqueue
) -> Guest:
    """Let somebody in whom no directory holds, with a link to sign in by.

    Raises:
        InvalidInput: the end is over, or more than a year away.
        NoDirectory: whoever signs in by SSO may enter.
        AlreadyHere: the directory or another guest has this address.
        NoSeats: the organization has as many people as it may.
    """
    admissions.check_until(new.until)
    managed = await session.scalar(
        select(Organization.directory_managed).where(
            Organization.workos_id == actor.organization_id
        )
    )
    if not managed:
        raise NoDirectory
    await _refuse_known(session, actor.organization_id, new.email)
    await _require_a_seat(session, actor.organization_id)
    user_id = uuid7()
    await session.execute(
        insert(User).values(
            organization_id=actor.organization_id,
            id=user_id,
            key=f"guest_{user_id}",
            name=new.name,
            email=new.email,
        )
    )
    await admissions.admit(
        session,
        actor.organization_id,
        user_id,
        AdmissionKind.GUEST,
        reason=new.reason,
        until=new.until,
        admitted_by=actor.user_id,
    )
    if new.role not in {None, Role.MEMBER}:
        await session.execute(
            insert(RoleGrant).values(
                organization_id=actor.organization_id,
                user_id=user_id,
                role=new.role,
                granted_by=actor.user_id,
                reason=new.reason,
                until=new.until,
            )
        )
    await _note(
        session,
        actor,
        AuditAction.GUEST_ADMITTED,
        user_id,
        before=AccessState(),
        reason=new.reason,
        until=new.until,
    )
    link = await inviting.invite(session, actor, user_id, settings, enqueue)
    return Guest(id=user_id, url=link.url, expires_at=link.expires_at)


async def change(session: AsyncSession, actor: Actor, user_id: UUID, wanted: GuestUpdate) -> None:
    """Another end, or another reason. One whose time is over can be let in again so.

    Raises:
        NotFound: there is no such guest in the organization.
        InvalidInput: the end is over, or more than a year away.
        NoSeats: their time was over, and nobody more may come.
    """
    guest = await _lock(session, actor, user_id)
    if wanted.until is not None:
        admissions.check_until(wanted.until)
    values = wanted.model_dump(exclude_none=True)
    if not values:
        return
    before = await subject.state_of(session, actor.organization_id, user_id)
    if not before.active:
        await _require_a_seat(session, actor.organization_id)
        # What was left of their time before does not come back with them.
        await access_ends.end_for(session, actor.organization_id, [user_id])
    await admissions.change(session, actor.organization_id, user_id, values)
    if wanted.until is not None:
        # What they were granted as a guest lasts as long as they are one.
        await session.execute(
            update(RoleGrant)
            .where(
                RoleGrant.organization_id == actor.organization_id,
                RoleGrant.user_id == user_id,
                RoleGrant.until == guest.until,
            )
            .values(until=wanted.until)
        )
    await _note(
        session,
        actor,
        AuditAction.GUEST_CHANGED,
        user_id,
        before=before,
        reason=wanted.reason or guest.reason,
        until=wanted.until or guest.until,
    )


async def end(session: AsyncSession, actor: Actor, user_id: UUID) -> None:
    """Their time is over now, and all that they hold ends; what they wrote stays.

    Raises:
        NotFound: there is no such guest in the organization.
    """
    guest = await _lock(session, actor, user_id)
    before = await subject.state_of(session, actor.organization_id, user_id)
    await admissions.change(
        session, actor.organization_id, user_id, {"until": func.least(Admission.until, func.now())}
    )
    await access_ends.end_for(session, actor.organization_id, [user_id])
    await _note(
        session, actor, AuditAction.GUEST_ENDED, user_id, before=before, reason=guest.reason
    )


async def _refuse_known(session: AsyncSession, organization_id: str, email: str) -> None:
    """Raises AlreadyHere. Two that admit one address at once take turns."""
    await transaction_lock(session, f"{organization_id} guest {email.lower()}")
    wanted = await session.scalar(select(func.folded(email)))
    in_directory = looked_up(
        select(live_directory_users.c.id).where(
            live_directory_users.c.organization_id == User.organization_id,
            live_directory_users.c.user_key == User.key,
        )
    )
    is_guest = looked_up(
        select(Admission.user_id).where(
            Admission.organization_id == User.organization_id,
            Admission.user_id == User.id,
            Admission.kind == AdmissionKind.GUEST,
        )
    )
    known = select(User.id).where(
        User.organization_id == organization_id,
        User.search_text.contains(wanted, autoescape=True),
        same_address(User.email, email),
        in_directory | is_guest | User.joined_at.is_not(None),
    )
    if await session.scalar(known.limit(1)) is not None:
        raise AlreadyHere


async def _require_a_seat(session: AsyncSession, organization_id: str) -> None:
    """Raises NoSeats: the invitation would not, for whoever is a guest has their seat."""
    limit = await seats.limit_of(session, organization_id)
    if limit is not None and not await seats.left(session, organization_id, limit, 1):
        raise NoSeats


async def _lock(session: AsyncSession, actor: Actor, user_id: UUID) -> Row[*tuple[Any, ...]]:
    await subject.lock(session, actor.organization_id, user_id)
    found = await session.execute(
        select(Admission.reason, Admission.until)
        .where(
            Admission.organization_id == actor.organization_id,
            Admission.user_id == user_id,
            Admission.kind == AdmissionKind.GUEST,
        )
        .with_for_update()
    )
    guest = found.one_or_none()
    if guest is None:
        raise NotFound
    return guest


async def _note(
    session: AsyncSession,
    actor: Actor,
    action: AuditAction,
    user_id: UUID,
    *,
    before: AccessState,
    reason: str,
    until: datetime | None = None,
) -> None:
    after = await subject.state_of(session, actor.organization_id, user_id)
    noted = audit.entry(
        action,
        organization_id=actor.organization_id,
        subject_id=user_id,
        actor_id=actor.user_id,
        detail=AuditDetail(
            kind=AdmissionKind.GUEST,
            reason=reason,
            until=until,
            before=subject.mirror(before),
            after=subject.mirror(after),
        ),
    )
    await audit.record(session, noted)
