"""Inviting people, and ending invitations. One grants nothing; it leads to the sign-in."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row, case, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import literal
from uuid_utils.compat import uuid7

from backend.database import Executor
from backend.errors import NoSeats, NotFound, NotInvitable, RoleMissing, RollcallError
from backend.mail.faults import MailFault
from backend.models import Invitation, Organization, User
from backend.schemas.access import Actor, Permission
from backend.schemas.audit import AuditAction
from backend.schemas.invitations import (
    InvitationLink,
    InvitationOutcome,
    InvitationResult,
    InvitationResults,
    InvitationStatus,
    Inviters,
    MailStatus,
)
from backend.schemas.jobs import Enqueue, Job
from backend.schemas.team import TeamStatus
from backend.services import audit, seats, team
from backend.services.invitations.links import token_of, url_of
from backend.services.invitations.statuses import MAIL, current_status, mail_of
from backend.settings import Settings

LIFETIME = timedelta(days=7)
RESTORABLE_FOR = timedelta(minutes=1)


class Refused(NamedTuple):
    outcome: InvitationOutcome
    error: RollcallError


_NOT_FOUND = Refused(InvitationOutcome.NOT_FOUND, NotFound())
_NOT_INVITABLE = Refused(InvitationOutcome.NOT_INVITABLE, NotInvitable())
_NO_SEATS = Refused(InvitationOutcome.NO_SEATS, NoSeats())


def job_payload(organization_id: str, invitation_id: UUID) -> str:
    return f"{organization_id}/{invitation_id}"


def of_job_payload(payload: str) -> tuple[str, UUID]:
    """Raises ValueError for what `job_payload` never made."""
    organization_id, _, invitation_id = payload.rpartition("/")
    return organization_id, UUID(invitation_id)


async def invite(
    session: AsyncSession, actor: Actor, user_id: UUID, settings: Settings, enqueue: Enqueue
) -> InvitationLink:
    """Invite someone; a link given before stops working.

    Raises:
        NotFound: there is no such person in the organization.
        NotInvitable: they have joined, or are deactivated.
        NoSeats: the organization has as many people as it may.
        RoleMissing: only admins invite there.
    """
    result = (await _invite(session, actor, [user_id], settings, enqueue))[user_id]
    if isinstance(result, Refused):
        raise result.error
    return result


async def invite_several(
    session: AsyncSession,
    actor: Actor,
    user_ids: Sequence[UUID],
    settings: Settings,
    enqueue: Enqueue,
) -> InvitationResults:
    """As `invite`, each for themselves: nobody who is refused keeps another from being invited."""
    results = await _invite(session, actor, user_ids, settings, enqueue)
    return InvitationResults(
        items=[_result(user_id, results[user_id]) for user_id in dict.fromkeys(user_ids)]
    )


def _result(user_id: UUID, result: InvitationLink | Refused) -> InvitationResult:
    if isinstance(result, Refused):
        return InvitationResult(
            user_id=user_id, outcome=result.outcome, detail=result.error.detail, invitation=None
        )
    return InvitationResult(
        user_id=user_id, outcome=InvitationOutcome.INVITED, detail=None, invitation=result
    )


async def _invite(
    session: AsyncSession,
    actor: Actor,
    user_ids: Sequence[UUID],
    settings: Settings,
    enqueue: Enqueue,
) -> dict[UUID, InvitationLink | Refused]:
    here = actor.organization_id
    await check_inviter(session, actor)
    limit = await seats.limit_of(session, here)
    await _take_turns(session, here, user_ids)
    members = await team.get_several(session, actor, user_ids)
    results: dict[UUID, InvitationLink | Refused] = dict.fromkeys(user_ids, _NOT_FOUND)
    emails: dict[UUID, str | None] = {}
    for member in members:
        results[member.id] = _NOT_INVITABLE
        if member.status in {TeamStatus.INVITABLE, TeamStatus.INVITED}:
            emails[member.id] = member.email
    if limit is not None:
        for user_id in await _without_a_seat(session, here, limit, list(emails), user_ids):
            results[user_id] = _NO_SEATS
            del emails[user_id]
    if not emails:
        return results
    replaced = await _close(session, here, list(emails), InvitationStatus.REPLACED)
    mailed = settings.mail_server is not None
    created = await _insert(session, actor, emails, replaced, settings, mailed=mailed)
    for row in created:
        results[row.user_id] = InvitationLink(
            url=url_of(settings, token_of(settings, here, row.id)),
            expires_at=row.expires_at,
            replaces=row.replaces,
            mail=mail_of(row),
        )
        if row.mail_status == MailStatus.QUEUED:
            await enqueue(session, Job.MAIL_INVITATION, job_payload(here, row.id))
    entries = [
        audit.entry(
            AuditAction.INVITATION_CREATED,
            organization_id=here,
            subject_id=row.user_id,
            actor_id=actor.user_id,
        )
        for row in created
    ]
    await audit.record(session, *entries)
    return results


async def _take_turns(
    session: AsyncSession, organization_id: str, user_ids: Sequence[UUID]
) -> None:
    """The row locks let inviters wait for each other instead of failing on the unique index; all
    take them in one order.
    """
    await session.execute(
        select(User.id)
        .where(User.organization_id == organization_id, User.id.in_(user_ids))
        .order_by(User.id)
        .with_for_update(key_share=True)
    )


async def check_inviter(executor: Executor, actor: Actor) -> None:
    """Raises RoleMissing where the organization lets only admins invite."""
    inviters = await executor.scalar(
        select(Organization.inviters).where(Organization.workos_id == actor.organization_id)
    )
    if inviters == Inviters.ADMINS and not actor.may(Permission.ADMINISTER):
        raise RoleMissing("In your organization only admins invite people. Ask one of them.")


async def _without_a_seat(
    session: AsyncSession,
    organization_id: str,
    limit: int,
    invitable: Sequence[UUID],
    in_order: Sequence[UUID],
) -> list[UUID]:
    """Those for whom none is left: who was named first gets one first."""
    held = await seats.holding(session, organization_id, User.id.in_(invitable))
    wanting = [each for each in dict.fromkeys(in_order) if each in invitable and each not in held]
    left = await seats.left(session, organization_id, limit, len(wanting)) if wanting else 0
    return wanting[left:]


async def _insert(
    session: AsyncSession,
    actor: Actor,
    emails: dict[UUID, str | None],
    replaced: set[UUID],
    settings: Settings,
    *,
    mailed: bool,
) -> Sequence[Row[*tuple[Any, ...]]]:
    rows: list[dict[str, Any]] = []
    for user_id, email in emails.items():
        invitation_id = uuid7()
        # Without an address the mail has failed before it was tried.
        reason = None if email else MailFault.NO_ADDRESS
        status = MailStatus.FAILED if reason else MailStatus.QUEUED
        rows.append(
            {
                "organization_id": actor.organization_id,
                "id": invitation_id,
                "token_hash": token_of(settings, actor.organization_id, invitation_id).hash,
                "user_id": user_id,
                "invited_by": actor.user_id,
                "expires_at": func.now() + LIFETIME,
                "replaces": user_id in replaced,
                "mail_status": status if mailed else None,
                "mail_at": func.now() if mailed else None,
                "mail_reason": reason if mailed else None,
            }
        )
    created = await session.execute(
        insert(Invitation)
        .values(rows)
        .returning(
            Invitation.id, Invitation.user_id, Invitation.expires_at, Invitation.replaces, *MAIL
        )
    )
    return created.all()


async def withdraw(session: AsyncSession, actor: Actor, user_id: UUID) -> None:
    """Raises NotFound when no invitation of this person is open, RoleMissing as `invite`."""
    await check_inviter(session, actor)
    closed = await session.scalar(
        update(Invitation)
        .where(
            Invitation.user_id == user_id,
            Invitation.organization_id == actor.organization_id,
            team.INVITATION_IS_OPEN,
        )
        .values(closed_at=func.now(), ended_as=InvitationStatus.WITHDRAWN)
        .returning(Invitation.id)
    )
    if closed is None:
        raise NotFound("This person has no open invitation.")
    await _note(session, actor, AuditAction.INVITATION_WITHDRAWN, user_id)


async def restore(session: AsyncSession, actor: Actor, user_id: UUID, enqueue: Enqueue) -> None:
    """Take back a withdrawal, for a minute: the link works again, and its mail goes out.

    Raises:
        NotFound: no invitation of this person was withdrawn in the last minute.
        NotInvitable: they have joined, are deactivated, or have been invited again.
        NoSeats, RoleMissing: as `invite`.
    """
    here = actor.organization_id
    await check_inviter(session, actor)
    limit = await seats.limit_of(session, here)
    await _take_turns(session, here, [user_id])
    found = await session.execute(
        select(Invitation.id, Invitation.mail_reason)
        .where(
            Invitation.organization_id == here,
            Invitation.user_id == user_id,
            Invitation.ended_as == InvitationStatus.WITHDRAWN,
            Invitation.created_at > func.now() - LIFETIME,
            Invitation.expires_at > func.now(),
            Invitation.closed_at > func.now() - RESTORABLE_FOR,
        )
        .order_by(Invitation.created_at.desc())
        .limit(1)
    )
    withdrawn = found.one_or_none()
    if withdrawn is None:
        raise NotFound(
            "No invitation of this person was withdrawn in the last minute. Invite them anew."
        )
    members = await team.get_several(session, actor, [user_id])
    if [member.status for member in members] != [TeamStatus.INVITABLE]:
        raise NotInvitable
    if limit is not None and await _without_a_seat(session, here, limit, [user_id], [user_id]):
        raise NoSeats
    # What is past its time and nobody has closed would stand in the way of an open one.
    await _close(session, here, [user_id], InvitationStatus.REPLACED)
    values: dict[str, Any] = {"closed_at": None, "ended_as": None}
    if withdrawn.mail_reason == MailFault.INVITATION_ENDED:
        values |= {"mail_status": MailStatus.QUEUED, "mail_at": func.now(), "mail_reason": None}
        await enqueue(session, Job.MAIL_INVITATION, job_payload(here, withdrawn.id))
    await session.execute(
        update(Invitation)
        .where(Invitation.organization_id == here, Invitation.id == withdrawn.id)
        .values(values)
    )
    await _note(session, actor, AuditAction.INVITATION_RESTORED, user_id)


async def _note(session: AsyncSession, actor: Actor, action: AuditAction, user_id: UUID) -> None:
    noted = audit.entry(
        action,
        organization_id=actor.organization_id,
        subject_id=user_id,
        actor_id=actor.user_id,
    )
    await audit.record(session, noted)


async def joined(session: AsyncSession, organization_id: str, user_id: UUID) -> None:
    """End the open invitation of somebody who has signed in, by it or not."""
    if await _close(session, organization_id, [user_id], InvitationStatus.JOINED):
        accepted = audit.entry(
            AuditAction.INVITATION_ACCEPTED,
            organization_id=organization_id,
            subject_id=user_id,
            actor_id=user_id,
        )
        await audit.record(session, accepted)


async def _close(
    session: AsyncSession,
    organization_id: str,
    user_ids: Sequence[UUID],
    ended_as: InvitationStatus,
) -> set[UUID]:
    """Close what nobody has closed; whose was open. One that was over keeps its own end."""
    ends = case((current_status == InvitationStatus.OPEN, literal(ended_as)), else_=current_status)
    closed = await session.execute(
        update(Invitation)
        .where(
            Invitation.organization_id == organization_id,
            Invitation.user_id.in_(user_ids),
            Invitation.closed_at.is_(None),
        )
        .values(closed_at=func.least(func.now(), Invitation.expires_at), ended_as=ends)
        .returning(Invitation.user_id, Invitation.ended_as)
    )
    return {row.user_id for row in closed if row.ended_as == ended_as}
