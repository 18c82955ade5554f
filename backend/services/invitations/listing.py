"""Who invited whom, and what became of it: the newest first."""

from typing import Any, assert_never

from sqlalchemy import ColumnElement, FromClause, Select, case, func, or_, select
from sqlalchemy.orm import aliased
from sqlalchemy.sql import literal

from backend.database import Executor
from backend.models import Invitation, User
from backend.pagination import Filter, Keyset, TimeCursor
from backend.schemas.access import Actor
from backend.schemas.invitations import Invitation as Shown
from backend.schemas.invitations import InvitationPage, InvitationStatus, InvitedBy, Invitee
from backend.services import team
from backend.services.invitations.statuses import MAIL, current_status, mail_of

_NEWEST = Keyset(TimeCursor, Invitation.created_at, Invitation.id, descending=True)

_Inviter = aliased(User)


def _described(page: FromClause) -> Select[*tuple[Any, ...]]:
    expired = (current_status == InvitationStatus.EXPIRED, Invitation.expires_at)
    return (
        select(
            Invitation.id,
            Invitation.replaces,
            Invitation.created_at,
            Invitation.expires_at,
            case(expired, else_=Invitation.closed_at).label("ended_at"),
            current_status.label("status"),
            *MAIL,
            User.id.label("user_id"),
            User.name,
            User.email,
            _Inviter.id.label("inviter_id"),
            _Inviter.name.label("inviter_name"),
        )
        .select_from(page)
        .join(
            Invitation,
            (Invitation.organization_id == page.c.organization_id) & (Invitation.id == page.c.id),
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
    )


async def list_page(
    executor: Executor,
    actor: Actor,
    *,
    status: InvitationStatus | None,
    cursor: TimeCursor | None,
    limit: int,
) -> InvitationPage:
    """The organization's invitations, ended ones for 90 days.

    Args:
        executor: what runs the statements.
        actor: who asks.
        status: only those that have come to this.
        cursor: the last one of the page before.
        limit: invitations a page.
    """
    here = Invitation.organization_id == actor.organization_id
    rows = select(Invitation.organization_id, Invitation.id, Invitation.created_at).where(here)
    filters = []
    if status is not None:
        so = _has_come_to(status)
        filters.append(Filter(so, select(Invitation.id).where(here, so), narrows=True))
    found, next_cursor = await _NEWEST.fetch(
        executor, rows, cursor, limit, filters=filters, described=_described
    )
    items = [
        Shown(
            id=row.id,
            user=Invitee(id=row.user_id, name=row.name, email=row.email),
            invited_by=InvitedBy(id=row.inviter_id, name=row.inviter_name),
            status=row.status,
            replaces=row.replaces,
            created_at=row.created_at,
            expires_at=row.expires_at,
            ended_at=row.ended_at,
            mail=mail_of(row),
        )
        for row in found
    ]
    return InvitationPage(items=items, next_cursor=next_cursor)


def _has_come_to(status: InvitationStatus) -> ColumnElement[bool]:
    """As `current_status` says it, in terms that an index answers.

    What a program of the version before has ended is in no list of one status.
    """
    # Spelt out: some are many and some are few, and the planner knows which.
    ended_so = Invitation.ended_as == literal(status, literal_execute=True)
    is_closed = Invitation.closed_at.is_not(None)
    is_over = Invitation.expires_at <= func.now()
    match status:
        case InvitationStatus.OPEN:
            return Invitation.ended_as.is_(None) & team.INVITATION_IS_OPEN
        case InvitationStatus.JOINED | InvitationStatus.REPLACED | InvitationStatus.WITHDRAWN:
            return ended_so
        case InvitationStatus.EXPIRED:
            return or_(ended_so, Invitation.ended_as.is_(None) & ~is_closed & is_over)
        case InvitationStatus.LEFT:
            has_left = ~is_closed & ~is_over & ~team.INVITATION_IS_OPEN
            return or_(ended_so, Invitation.ended_as.is_(None) & has_left)
    assert_never(status)
