"""Users: joined by a sign-in, each with the identities that have led to them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from backend.errors import SignInRefusal, SignInRefused
from backend.models import Organization, SsoIdentity, User, WorkosRole, access
from backend.services import seats
from backend.services.sign_in import identities
from backend.services.sign_in.matches import Match, MatchedBy
from backend.workos.models import Profile


async def join(session: AsyncSession, organization_id: str, match: Match, profile: Profile) -> UUID:
    """The user who was recognised, joined from now on.

    Raises:
        SignInRefused: the user has another identity, is not active, or there is no seat for them;
            nothing was written.
    """
    limit = await seats.limit_of(session, organization_id)
    async with session.begin_nested():
        this = User.key == match.user_key
        has_seat = limit is None or await seats.holding(session, organization_id, this)
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
        if limit is not None and not has_seat:
            left = await seats.left(session, organization_id, limit, 1, beside=[user_id])
            if left == 0:
                raise SignInRefused(SignInRefusal.NO_SEATS)
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
        slugs = profile.role_slugs
        named = {"name": profile.display_name, "email": profile.email, "role_slugs": slugs}
        if slugs:
            known = [{"organization_id": organization_id, "slug": slug} for slug in slugs]
            await session.execute(insert(WorkosRole).values(known).on_conflict_do_nothing())
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
    """Record the identity, which must not lead to somebody who signs in as another.

    An identity belongs to the connection that used it first: whoever runs another connection of
    the organization could claim any id. An address never leads to a person who has another one.
    """
    known = await _identities(session, organization_id, profile, user_id)
    this = next((identity for identity in known if identity.this), None)
    if this is None or this.user_id != user_id or not this.holds:
        others = [other for other in known if not other.this and other.holds]
        if any(other.connection_id != profile.connection_id for other in others):
            raise SignInRefused(SignInRefusal.OTHER_CONNECTION)
        # It is somebody else's who is still here, unless it was no more than their old address.
        taken = (
            this is not None
            and this.user_id != user_id
            and this.active
            and (this.holds or not profile.is_address)
        )
        by_address = match.matched_by in {MatchedBy.EMAIL, MatchedBy.ADMISSION}
        if by_address and (others or taken):
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


async def _identities(
    session: AsyncSession, organization_id: str, profile: Profile, user_id: UUID
) -> Sequence[Row[*tuple[Any, ...]]]:
    """Those of the user, and `this` one of the profile's, whosever it has been.

    One that was found by an address `holds` while the directory says that address of the person.
    """
    this = (SsoIdentity.connection_id == profile.connection_id) & (
        SsoIdentity.subject == profile.subject
    )
    active = select(access.c.active).where(
        access.c.organization_id == SsoIdentity.organization_id,
        access.c.user_id == SsoIdentity.user_id,
    )
    found = await session.execute(
        select(
            SsoIdentity.connection_id,
            SsoIdentity.user_id,
            this.label("this"),
            identities.holds().label("holds"),
            active.scalar_subquery().label("active"),
        ).where(
            SsoIdentity.organization_id == organization_id,
            this | (SsoIdentity.user_id == user_id),
        )
    )
    return found.all()
