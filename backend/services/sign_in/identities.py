"""The identities that people have signed in with: listed, allowed and forgotten by an operator."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from backend.database import Executor, looked_up
from backend.errors import NotFound, NotJoinable
from backend.models import DeletedPost, Post, RoleGrant, Session, SsoIdentity, User, access
from backend.models import live_directory_users as live
from backend.schemas.audit import AuditAction
from backend.services import audit
from backend.services.mirror.rows import ACTIVE
from backend.services.sign_in.matches import MatchedBy, same_address


def holds() -> ColumnElement[bool]:
    """Of a row of `sso_identities`: whether it still leads to its user.

    One by address does while the directory has that address for that active person.
    """
    still = looked_up(
        select(live.c.id).where(
            live.c.organization_id == SsoIdentity.organization_id,
            live.c.id == SsoIdentity.directory_user_id,
            live.c.state == ACTIVE,
            same_address(live.c.email, SsoIdentity.email),
        )
    )
    return or_(SsoIdentity.matched_by != MatchedBy.EMAIL, still)


def _chosen(
    organization_id: str, user_id: UUID | None, connection_id: str | None
) -> ColumnElement[bool]:
    conditions = [SsoIdentity.organization_id == organization_id]
    if user_id is not None:
        conditions.append(SsoIdentity.user_id == user_id)
    if connection_id is not None:
        conditions.append(SsoIdentity.connection_id == connection_id)
    return and_(*conditions)


async def find(
    executor: Executor,
    organization_id: str,
    *,
    user_id: UUID | None = None,
    connection_id: str | None = None,
) -> Sequence[Row[*tuple[Any, ...]]]:
    """The identities of an organization, of one user or connection where these are given."""
    found = await executor.execute(
        select(
            SsoIdentity.connection_id,
            SsoIdentity.subject,
            SsoIdentity.user_id,
            SsoIdentity.matched_by,
            SsoIdentity.email,
            SsoIdentity.last_used_at,
            User.name,
            holds().label("holds"),
        )
        .join(
            User,
            (User.organization_id == SsoIdentity.organization_id)
            & (User.id == SsoIdentity.user_id),
        )
        .where(_chosen(organization_id, user_id, connection_id))
        .order_by(User.sort_name, User.id, SsoIdentity.connection_id, SsoIdentity.subject)
    )
    return found.all()


async def forget(
    session: AsyncSession,
    organization_id: str,
    *,
    user_id: UUID | None = None,
    connection_id: str | None = None,
) -> int:
    """Forget identities, so that the next sign-in is again the first; how many.

    Whoever had one is signed out: it may have been somebody else's.
    """
    gone = await session.execute(
        delete(SsoIdentity)
        .where(_chosen(organization_id, user_id, connection_id))
        .returning(SsoIdentity.user_id)
    )
    users = list(gone.scalars())
    await session.execute(
        delete(Session).where(
            Session.organization_id == organization_id, Session.user_id.in_(set(users))
        )
    )
    entries = [
        audit.entry(
            AuditAction.IDENTITY_FORGOTTEN, organization_id=organization_id, subject_id=user
        )
        for user in sorted(set(users))
    ]
    await audit.record(session, *entries)
    return len(users)


async def allow(
    session: AsyncSession, organization_id: str, user_id: UUID, connection_id: str
) -> str:
    """Let another connection vouch for somebody by their idp_id, which is returned.

    Raises:
        NotFound: there is no such user.
    """
    key = await _key(session, organization_id, user_id)
    await session.execute(
        insert(SsoIdentity)
        .values(
            organization_id=organization_id,
            connection_id=connection_id,
            subject=key,
            user_id=user_id,
            matched_by=MatchedBy.IDP_ID,
        )
        .on_conflict_do_update(
            index_elements=["organization_id", "connection_id", "subject"],
            set_={"user_id": user_id},
        )
    )
    allowed = audit.entry(
        AuditAction.IDENTITY_ALLOWED, organization_id=organization_id, subject_id=user_id
    )
    await audit.record(session, allowed)
    return key


async def _key(session: AsyncSession, organization_id: str, user_id: UUID) -> str:
    key = await session.scalar(
        select(User.key)
        .where(User.organization_id == organization_id, User.id == user_id)
        .with_for_update()
    )
    if key is None:
        raise NotFound(f"The organization {organization_id} has no user {user_id}.")
    return key


async def join(
    session: AsyncSession, organization_id: str, earlier_id: UUID, user_id: UUID
) -> tuple[int, int]:
    """Give somebody who has become another user what they wrote as the earlier one.

    The earlier user's identities and sessions end. Roles that were granted by hand are left with
    them: they are to be given anew, knowingly.

    Returns:
        How many posts were given, and how many grants were left.

    Raises:
        NotFound: there is no such user.
        NotJoinable: both are one, or the earlier one is active: that may be another person.
    """
    if earlier_id == user_id:
        raise NotJoinable("That is one user already.")
    for known in sorted((earlier_id, user_id)):
        await _key(session, organization_id, known)
    active = select(access.c.active).where(
        access.c.organization_id == organization_id, access.c.user_id == earlier_id
    )
    if await session.scalar(active):
        raise NotJoinable(
            f"The directory has {earlier_id} as active, who may be another person. "
            "Deactivate the earlier one at the identity provider first."
        )
    await forget(session, organization_id, user_id=earlier_id)
    given = await session.execute(
        update(Post)
        .where(Post.organization_id == organization_id, Post.author_id == earlier_id)
        .values(author_id=user_id, updated_at=Post.updated_at)
        .returning(Post.id)
    )
    posts = len(given.all())
    for table, column in (
        (Post, "edited_by"),
        (DeletedPost, "author_id"),
        (DeletedPost, "edited_by"),
        (DeletedPost, "deleted_by"),
    ):
        await session.execute(
            update(table)
            .where(table.organization_id == organization_id, getattr(table, column) == earlier_id)
            .values({column: user_id})
        )
    left = select(func.count()).where(
        RoleGrant.organization_id == organization_id, RoleGrant.user_id == earlier_id
    )
    grants = int(await session.scalar(left) or 0)
    entries = [
        audit.entry(
            AuditAction.IDENTITY_JOINED, organization_id=organization_id, subject_id=subject
        )
        for subject in (earlier_id, user_id)
    ]
    await audit.record(session, *entries)
    return posts, grants
