"""All that is known of one person, for an admin."""

from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import literal, select
from sqlalchemy.orm import aliased

from backend.database import SnapshotConnection
from backend.errors import NotFound
from backend.models import Invitation, SsoIdentity, User
from backend.schemas.access import Actor, Role
from backend.schemas.events import Person
from backend.schemas.explanation import Explanation
from backend.schemas.people import (
    Identity,
    OpenInvitation,
    PersonDetail,
    PersonIds,
    RoleOrigin,
)
from backend.services import team
from backend.services.explanation import access as access_explanation
from backend.services.explanation.sentences import access_sentence
from backend.services.people import listing

_HISTORY = 20


async def get(connection: SnapshotConnection, actor: Actor, user_id: UUID) -> PersonDetail:
    """Raises NotFound, also for somebody of another organization."""
    one = (
        select(User.organization_id, User.id)
        .where(User.organization_id == literal(actor.organization_id), User.id == user_id)
        .subquery("person")
    )
    described = listing.described(one).add_columns(listing.TOKENS.label("tokens"), User.key)
    row = (await connection.execute(described)).one_or_none()
    if row is None:
        raise NotFound
    explanation = await access_explanation.explain(
        connection, actor, user_id, cursor=None, limit=_HISTORY
    )
    return PersonDetail(
        **listing.summary(row),
        sentence=access_sentence(explanation),
        role_sources=list(_sources(explanation)),
        tokens=row.tokens,
        invitation=await _invitation(connection, actor, user_id),
        ids=PersonIds(
            user_id=user_id,
            key=row.key,
            directory_user_ids=[entry.id for entry in explanation.directory_users],
            identities=await _identities(connection, actor, user_id),
        ),
        access=explanation,
    )


def _sources(explanation: Explanation) -> Iterator[RoleOrigin]:
    if explanation.active:
        yield RoleOrigin(role=Role.MEMBER, by="everyone")
    for membership in explanation.memberships:
        for mapping in membership.mappings:
            if mapping.gives:
                group = membership.group.name or membership.group.id
                yield RoleOrigin(role=mapping.role, by="group", group=group)
    for grant in explanation.grants:
        if grant.gives:
            yield RoleOrigin(role=grant.role, by="grant", granted_by=grant.granted_by)


async def _invitation(
    connection: SnapshotConnection, actor: Actor, user_id: UUID
) -> OpenInvitation | None:
    inviter = aliased(User)
    found = await connection.execute(
        select(Invitation.invited_by, inviter.name, Invitation.created_at, Invitation.expires_at)
        .join(
            inviter,
            (inviter.organization_id == Invitation.organization_id)
            & (inviter.id == Invitation.invited_by),
        )
        .where(
            Invitation.organization_id == actor.organization_id,
            Invitation.user_id == user_id,
            team.INVITATION_IS_OPEN,
        )
    )
    row = found.one_or_none()
    return row and OpenInvitation(
        invited_by=Person(id=row.invited_by, name=row.name),
        created_at=row.created_at,
        expires_at=row.expires_at,
    )


async def _identities(
    connection: SnapshotConnection, actor: Actor, user_id: UUID
) -> list[Identity]:
    found = await connection.execute(
        select(
            SsoIdentity.connection_id,
            SsoIdentity.subject,
            SsoIdentity.matched_by,
            SsoIdentity.last_used_at,
        )
        .where(
            SsoIdentity.organization_id == actor.organization_id,
            SsoIdentity.user_id == user_id,
        )
        .order_by(SsoIdentity.last_used_at.desc(), SsoIdentity.connection_id, SsoIdentity.subject)
    )
    return [Identity(**row) for row in found.mappings()]
