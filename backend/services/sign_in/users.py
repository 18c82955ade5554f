"""Users: joined by a sign-in, each with the identities that have led to them."""

from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from backend.errors import SignInRefusal, SignInRefused
from backend.models import Organization, SsoIdentity, User, access
from backend.services.sign_in.identity import Match, MatchedBy
from backend.workos.models import Profile


async def join(session: AsyncSession, organization_id: str, match: Match, profile: Profile) -> UUID:
    """The user who was recognised, joined from now on.

    Raises:
        SignInRefused: the user has another identity, or is not active; nothing was written.
    """
    async with session.begin_nested():
        user_id = await _user(session, organization_id, match, profile)
        await _remember(session, organization_id, profile, match, user_id)
        # The last word is the view's, as at every later request.
        active = select(access.c.active).where(
            access.c.organization_id == organization_id, access.c.user_id == user_id
        )
        if not await session.scalar(active):
            by_directory = match.matched_by is not MatchedBy.PROFILE
            raise SignInRefused(
                SignInRefusal.DEACTIVATED if by_directory else SignInRefusal.BLOCKED
            )
    return user_id


async def _user(
    session: AsyncSession, organization_id: str, match: Match, profile: Profile
) -> UUID:
    """The user, joined from now on; without a directory the first sign-in makes them.

    The row stays locked, so that two identities cannot be tied to one user at once.
    """
    joined_at = func.coalesce(User.joined_at, func.now())
    if match.matched_by is MatchedBy.PROFILE:
        await session.execute(
            insert(Organization).values(workos_id=organization_id).on_conflict_do_nothing()
        )
        named = {"name": profile.display_name, "email": profile.email}
        new = insert(User).values(
            id=uuid7(),
            organization_id=organization_id,
            key=match.user_key,
            joined_at=func.now(),
            **named,
        )
        statement = new.on_conflict_do_update(
            index_elements=[User.organization_id, User.key], set_={"joined_at": joined_at, **named}
        ).returning(User.id)
        return (await session.scalars(statement)).one()
    return (
        await session.scalars(
            update(User)
            .where(User.organization_id == organization_id, User.key == match.user_key)
            .values(joined_at=joined_at)
            .returning(User.id)
        )
    ).one()


async def _remember(
    session: AsyncSession,
    organization_id: str,
    profile: Profile,
    match: Match,
    user_id: UUID,
) -> None:
    """Record the identity; an address never leads to a person who has another one."""
    here = (
        SsoIdentity.organization_id == organization_id,
        SsoIdentity.connection_id == profile.connection_id,
        SsoIdentity.subject == profile.subject,
    )
    if match.matched_by is MatchedBy.EMAIL:
        others = await session.scalar(
            select(SsoIdentity.subject)
            .where(
                SsoIdentity.organization_id == organization_id,
                SsoIdentity.user_id == user_id,
                ~(here[1] & here[2]),
            )
            .limit(1)
        )
        before = await session.scalar(
            select(access.c.active)
            .join(
                SsoIdentity,
                (SsoIdentity.organization_id == access.c.organization_id)
                & (SsoIdentity.user_id == access.c.user_id),
            )
            .where(*here, SsoIdentity.user_id != user_id)
        )
        if others is not None or before:
            raise SignInRefused(SignInRefusal.IDENTITY_CONFLICT)
    statement = insert(SsoIdentity).values(
        organization_id=organization_id,
        connection_id=profile.connection_id,
        subject=profile.subject,
        user_id=user_id,
        matched_by=match.matched_by,
        directory_user_id=match.directory_user_id,
        email=profile.email if match.matched_by is MatchedBy.EMAIL else None,
    )
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["organization_id", "connection_id", "subject"],
            set_={
                "user_id": statement.excluded.user_id,
                "matched_by": statement.excluded.matched_by,
                "directory_user_id": statement.excluded.directory_user_id,
                "email": statement.excluded.email,
                "last_used_at": func.now(),
            },
        )
    )
