"""The mail of an invitation, as a job: sent, tried again, or given up with the reason."""

import logging
from contextlib import suppress
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, update
from sqlalchemy.orm import aliased

from backend.database import Database
from backend.mail import messages, sending
from backend.mail.address import parse_mailbox
from backend.mail.faults import MailFault, MailNotSent
from backend.models import Invitation, Organization, User
from backend.schemas.invitations import MailStatus
from backend.services import team
from backend.services.invitations.links import token_of, url_of
from backend.settings import Settings

_log = logging.getLogger(__name__)

_Inviter = aliased(User)


async def mail(
    database: Database,
    settings: Settings,
    organization_id: str,
    invitation_id: UUID,
    *,
    is_last_try: bool,
) -> None:
    """Send the mail of an invitation, if it still waits for that.

    A program that dies after the server took the mail sends it once more: the same link, under the
    same Message-ID.

    Args:
        database: no connection of it is held while the server is waited for.
        settings: of this process.
        organization_id: of the invitation.
        invitation_id: of the invitation.
        is_last_try: whether a fault is the end, which people are shown.

    Raises:
        MailNotSent: it is to be tried again.
    """
    row = await _find(database, organization_id, invitation_id)
    if row is None or row.mail_status != MailStatus.QUEUED:
        return
    try:
        await _send(settings, organization_id, row)
    except MailNotSent as error:
        over = error.for_good or is_last_try
        status = MailStatus.FAILED if over else MailStatus.QUEUED
        await _note(database, organization_id, invitation_id, status, error)
        if not over:
            raise
        _log.warning("The mail of invitation %s was not sent: %s", invitation_id, error)
    except Exception:
        if is_last_try:
            ours = MailNotSent(MailFault.INTERNAL_ERROR)
            await _note(database, organization_id, invitation_id, MailStatus.FAILED, ours)
        raise
    else:
        await _note(database, organization_id, invitation_id, MailStatus.SENT)


async def _find(
    database: Database, organization_id: str, invitation_id: UUID
) -> Row[*tuple[Any, ...]] | None:
    query = (
        select(
            Invitation.id,
            Invitation.token_hash,
            Invitation.expires_at,
            Invitation.replaces,
            Invitation.mail_status,
            team.INVITATION_IS_OPEN.label("is_open"),
            User.name,
            User.email,
            _Inviter.name.label("inviter"),
            _Inviter.email.label("inviter_email"),
            Organization.name.label("organization"),
        )
        .join(
            User,
            (User.organization_id == Invitation.organization_id) & (User.id == Invitation.user_id),
        )
        .join(
            _Inviter,
            (_Inviter.organization_id == Invitation.organization_id)
            & (_Inviter.id == Invitation.invited_by),
        )
        .join(Organization, Organization.workos_id == Invitation.organization_id)
        .where(Invitation.organization_id == organization_id, Invitation.id == invitation_id)
    )
    async with database.connect() as connection:
        return (await connection.execute(query)).one_or_none()


async def _send(settings: Settings, organization_id: str, row: Row[*tuple[Any, ...]]) -> None:
    server = settings.mail_server
    if not row.is_open:
        raise MailNotSent(MailFault.INVITATION_ENDED, for_good=True)
    if server is None:
        raise MailNotSent(MailFault.NOT_CONFIGURED, for_good=True)
    token = token_of(settings, organization_id, row.id)
    if token.hash != row.token_hash:
        raise MailNotSent(MailFault.KEY_CHANGED, for_good=True)
    try:
        to = parse_mailbox(row.email or "")
    except ValueError as error:
        raise MailNotSent(MailFault.BAD_ADDRESS, for_good=True) from error
    reply_to = None
    with suppress(ValueError):
        reply_to = parse_mailbox(row.inviter_email or "")
    message = messages.write(
        "invitation",
        sender=settings.mail_sender,
        to=to,
        reply_to=reply_to,
        message_id=f"invitation.{row.id}",
        values={
            "name": row.name or row.email,
            "inviter": row.inviter or row.inviter_email or "Somebody",
            "organization": row.organization,
            "url": url_of(settings, token),
            "expires": f"{row.expires_at:%d %B %Y, %H:%M} UTC",
            "replaces": row.replaces,
        },
    )
    await sending.send(server, message)


async def _note(
    database: Database,
    organization_id: str,
    invitation_id: UUID,
    status: MailStatus,
    error: MailNotSent | None = None,
) -> None:
    noted = (
        update(Invitation)
        .where(Invitation.organization_id == organization_id, Invitation.id == invitation_id)
        .values(
            mail_status=status,
            mail_at=func.now(),
            mail_reason=error.fault if error else None,
            mail_answer=(error.answer or None) if error else None,
        )
    )
    async with database.transaction() as session:
        await session.execute(noted)
