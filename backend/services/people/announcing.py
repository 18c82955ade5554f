"""The mail that tells an organization's admins that break-glass was used, as a job for each."""

import logging
from datetime import datetime
from typing import NamedTuple, Self
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from backend.database import Database
from backend.mail import messages, sending
from backend.mail.address import parse_mailbox
from backend.mail.faults import MailFault, MailNotSent
from backend.models import AuditEvent, Organization, User, access
from backend.schemas.access import Permission, Role, roles_with
from backend.schemas.audit import AuditAction, AuditDetail
from backend.schemas.jobs import Enqueue, Job
from backend.services import audit
from backend.services.explanation.sentences import utc_text
from backend.services.people import holders
from backend.services.sessions import array_of
from backend.settings import Settings

_log = logging.getLogger(__name__)

_PAGE = "/dashboard/audit"


class Announcement(NamedTuple):
    """Of an entry of the audit log, to one of the admins."""

    organization_id: str
    entry_id: UUID
    user_id: UUID

    def __str__(self) -> str:
        return "/".join(map(str, self))

    @classmethod
    def parse(cls, payload: str) -> Self:
        """Raises ValueError for what is none."""
        organization_id, entry_id, user_id = payload.rsplit("/", 2)
        return cls(organization_id, UUID(entry_id), UUID(user_id))


async def ask(
    session: AsyncSession, organization_id: str, entry_id: UUID, let_in: UUID, enqueue: Enqueue
) -> None:
    """Ask for a mail to each admin but the one who was let in, in the transaction of the entry."""
    found: set[UUID] = set()
    for role in roles_with(Permission.ADMINISTER):
        # Of more than can be looked at one by one, nobody: they are shown it under Directory.
        found.update(await holders.find(session, organization_id, Role(role)) or ())
    admins = await session.scalars(
        select(User.id)
        .join(
            access,
            (access.c.organization_id == User.organization_id) & (access.c.user_id == User.id),
        )
        .where(
            User.organization_id == organization_id,
            access.c.organization_id == organization_id,
            User.id.in_(found - {let_in}),
            User.email.is_not(None),
            access.c.active,
            access.c.roles.overlap(array_of(roles_with(Permission.ADMINISTER))),
        )
        .order_by(User.id)
    )
    for user_id in admins.all():
        announcement = Announcement(organization_id, entry_id, user_id)
        await enqueue(session, Job.MAIL_BREAK_GLASS, str(announcement))


async def mail(
    database: Database, settings: Settings, announcement: Announcement, *, is_last_try: bool
) -> None:
    """Send it; what cannot be sent in the end is an entry of the audit log.

    Args:
        database: no connection of it is held while the server is waited for.
        settings: of this process.
        announcement: what, and to whom.
        is_last_try: whether a fault is the end.

    Raises:
        MailNotSent: it is to be tried again.
    """
    told = await _find(database, announcement)
    if told is None:
        return
    try:
        await _send(settings, announcement, told)
    except MailNotSent as error:
        if not (error.for_good or is_last_try):
            raise
        await _note(database, announcement, error.fault)
        _log.warning("The mail of break-glass %s was not sent: %s", announcement, error)
    except Exception:
        if is_last_try:
            await _note(database, announcement, MailFault.INTERNAL_ERROR)
        raise


class _Told(NamedTuple):
    at: datetime
    detail: AuditDetail
    organization: str
    owner: str
    name: str
    email: str


async def _find(database: Database, announcement: Announcement) -> _Told | None:
    """None where the entry, or the admin's address, is there no more."""
    here = announcement.organization_id
    entry = (
        select(AuditEvent.at, AuditEvent.detail, AuditEvent.subject_id, Organization.name)
        .join(Organization, Organization.workos_id == AuditEvent.organization_id)
        .where(AuditEvent.organization_id == here, AuditEvent.id == announcement.entry_id)
    )
    async with database.connect() as connection:
        found = (await connection.execute(entry)).one_or_none()
        if found is None:
            return None
        owner_id = UUID(found.subject_id)
        people = await connection.execute(
            select(User.id, User.name, User.email).where(
                User.organization_id == here, User.id.in_([owner_id, announcement.user_id])
            )
        )
        known = {row.id: row for row in people}
    owner, admin = known.get(owner_id), known.get(announcement.user_id)
    if owner is None or admin is None or admin.email is None:
        return None
    return _Told(
        at=found.at,
        detail=audit.read(found.detail),
        organization=found.name,
        owner=owner.name or owner.email or "Somebody",
        name=admin.name or admin.email,
        email=admin.email,
    )


async def _send(settings: Settings, announcement: Announcement, told: _Told) -> None:
    if settings.mail_server is None:
        raise MailNotSent(MailFault.NOT_CONFIGURED, for_good=True)
    try:
        to = parse_mailbox(told.email)
    except ValueError as error:
        raise MailNotSent(MailFault.BAD_ADDRESS, for_good=True) from error
    message = messages.write(
        "break_glass",
        sender=settings.mail_sender,
        to=to,
        reply_to=None,
        message_id=f"break_glass.{announcement.entry_id}.{announcement.user_id}",
        values={
            "name": told.name,
            "owner": told.owner,
            "organization": told.organization,
            "at": utc_text(told.at),
            "until": utc_text(told.detail.until) if told.detail.until else "",
            "reason": told.detail.reason or "",
            "url": f"{settings.public_origin}{_PAGE}",
        },
    )
    await sending.send(settings.mail_server, message)


async def _note(database: Database, announcement: Announcement, fault: MailFault) -> None:
    failed = audit.entry(
        AuditAction.BREAK_GLASS_MAIL_FAILED,
        organization_id=announcement.organization_id,
        subject_id=announcement.user_id,
        detail=AuditDetail(reason=fault),
    )
    async with database.connect() as connection:
        await audit.record(connection, failed)
