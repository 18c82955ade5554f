"""Where an invitation has come to, and its mail: as columns and in words."""

from typing import Any

from sqlalchemy import ColumnElement, Row, case, func
from sqlalchemy.sql import literal

from backend.mail.faults import MAIL_FAULT_SENTENCES, MailFault
from backend.models import Invitation
from backend.schemas.invitations import InvitationStatus, Mail, MailStatus
from backend.services import team

# Whoever ended it wrote how, but for a program of the version before.
current_status: ColumnElement[str] = case(
    (
        Invitation.closed_at.is_not(None),
        func.coalesce(Invitation.ended_as, literal(InvitationStatus.WITHDRAWN)),
    ),
    (Invitation.expires_at <= func.now(), literal(InvitationStatus.EXPIRED)),
    (team.INVITATION_IS_OPEN, literal(InvitationStatus.OPEN)),
    else_=literal(InvitationStatus.LEFT),
)

MAIL = (
    Invitation.mail_status,
    Invitation.mail_at,
    Invitation.mail_reason,
    Invitation.mail_answer,
)


def mail_of(row: Row[*tuple[Any, ...]]) -> Mail | None:
    """Of a row with the columns of `MAIL`."""
    if row.mail_status is None:
        return None
    reason = MailFault(row.mail_reason) if row.mail_reason else None
    detail = None
    if reason is not None:
        detail = MAIL_FAULT_SENTENCES[reason]
        if row.mail_status == MailStatus.QUEUED:
            detail += " It is tried again."
        if row.mail_answer:
            detail += f" The server said: {row.mail_answer}"
    return Mail(status=MailStatus(row.mail_status), at=row.mail_at, reason=reason, detail=detail)
