"""The invitation by which somebody has joined."""

from uuid import UUID

from sqlalchemy import bindparam, select

from backend.database import Executor
from backend.errors import NotFound
from backend.models import Invitation, User
from backend.schemas.access import Actor
from backend.schemas.invitations import AcceptedInvitation, InvitationStatus, InvitedBy

_OWN = (
    select(
        Invitation.id,
        Invitation.created_at,
        Invitation.closed_at,
        User.id.label("inviter_id"),
        User.name.label("inviter_name"),
    )
    .join(
        User,
        (User.organization_id == Invitation.organization_id) & (User.id == Invitation.invited_by),
    )
    .where(
        Invitation.organization_id == bindparam("organization_id"),
        Invitation.id == bindparam("invitation_id"),
        Invitation.user_id == bindparam("user_id"),
        Invitation.ended_as == InvitationStatus.JOINED,
    )
)


async def find(executor: Executor, actor: Actor, invitation_id: UUID) -> AcceptedInvitation:
    """The actor's own, for the 90 days that an ended invitation is kept.

    Raises:
        NotFound: they have joined by no such invitation, or long ago.
    """
    values = {
        "organization_id": actor.organization_id,
        "user_id": actor.user_id,
        "invitation_id": invitation_id,
    }
    found = (await executor.execute(_OWN, values)).one_or_none()
    if found is None:
        raise NotFound
    return AcceptedInvitation(
        id=found.id,
        invited_by=InvitedBy(id=found.inviter_id, name=found.inviter_name),
        created_at=found.created_at,
        joined_at=found.closed_at,
    )
