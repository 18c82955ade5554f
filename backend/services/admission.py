"""Who signs in: from an SSO profile to the account, or a refusal.

In an organization with a directory nobody enters whom the directory does not hold as active.
Identity is the idp_id; an address only ever leads to a person who has no other identity.
"""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from backend.errors import SignInRefused, WorkosUnavailable
from backend.models import Directory, DirectoryUser, Organization, SsoIdentity, User, access
from backend.models import counting_users as counting
from backend.schemas.workos import Profile
from backend.services import directory_readings as readings
from backend.workos_client import WorkosClient

ACTIVE = "active"


class Match(NamedTuple):
    """The account's key, and what led to it."""

    account_key: str
    matched_by: str
    directory_user_id: str | None = None


async def admit(
    session: AsyncSession,
    client: WorkosClient,
    profile: Profile,
    organization_id: str,
    only_directory: str,
) -> UUID:
    """The account of someone whom the identity provider has just vouched for.

    Args:
        session: a transaction.
        client: WorkOS, asked where the mirror does not know.
        profile: of the finished sign-in.
        organization_id: for which the sign-in was begun.
        only_directory: when not empty, only this directory's organization may sign in.

    Raises:
        SignInRefused: with the sign-in page's error code.
        WorkosUnavailable: WorkOS had to be asked and did not answer.
    """
    if profile.organization_id != organization_id:
        raise SignInRefused("wrong_organization")
    if only_directory:
        await _check_directory(session, client, only_directory, organization_id)
    directories = await _directories(session, client, organization_id)
    if only_directory:
        directories = [only_directory]
    if directories is None:
        match = Match(profile.subject, "profile")
    else:
        match = await _match(session, client, profile, organization_id, directories)
    # A refusal takes back what it has written of the account, never what was read from WorkOS.
    async with session.begin_nested():
        account_id = await _account(session, organization_id, match, profile)
        await _remember(session, organization_id, profile, match, account_id)
        await _check_active(session, account_id, managed=directories is not None)
    return account_id


async def _check_directory(
    session: AsyncSession, client: WorkosClient, directory_id: str, organization_id: str
) -> None:
    owner = await session.scalar(
        select(Directory.organization_id).where(Directory.id == directory_id)
    )
    if owner is None:
        directory = await client.directory(directory_id)
        owner = directory.organization_id if directory else None
    if owner != organization_id:
        raise SignInRefused("wrong_organization")


async def _directories(
    session: AsyncSession, client: WorkosClient, organization_id: str
) -> list[str] | None:
    """The directories to search, or None in an organization that has never had one."""
    row = (
        await session.execute(
            select(Organization.directory_managed, Organization.deleted, Organization.name).where(
                Organization.workos_id == organization_id
            )
        )
    ).one_or_none()
    if row is not None and row.deleted:
        raise SignInRefused("organization_deleted")
    if row is None or not row.name:
        await readings.read_organization_name(session, client, organization_id)
    if row is None or not row.directory_managed:
        listed = await readings.read_organization(session, client, organization_id)
        return [directory.id for directory in listed] or None
    known = select(DirectoryUser.directory_id).where(
        DirectoryUser.organization_id == organization_id
    )
    mirrored = select(Directory.id).where(Directory.organization_id == organization_id)
    return list(await session.scalars(mirrored.union(known)))


async def _match(
    session: AsyncSession,
    client: WorkosClient,
    profile: Profile,
    organization_id: str,
    directories: list[str],
) -> Match:
    if profile.idp_id:
        by_idp_id = await _by_idp_id(session, client, profile.idp_id, organization_id, directories)
        if by_idp_id is not None:
            return by_idp_id
    return await _by_email(session, client, profile, organization_id, directories)


async def _by_idp_id(
    session: AsyncSession,
    client: WorkosClient,
    idp_id: str,
    organization_id: str,
    directories: list[str],
) -> Match | None:
    if await _is_active(session, organization_id, idp_id):
        if await readings.is_reading_due(session, organization_id, idp_id):
            try:
                await readings.find_people(session, client, directories, idp_id=idp_id)
            except WorkosUnavailable:
                # They are in all the same; the roles follow with the next reading.
                return Match(idp_id, "idp_id")
        return Match(idp_id, "idp_id")
    # The event may be late: ask.
    listed = await readings.find_people(session, client, directories, idp_id=idp_id)
    if await _is_active(session, organization_id, idp_id):
        return Match(idp_id, "idp_id")
    if listed or await _is_known(session, organization_id, idp_id):
        raise SignInRefused("deactivated")
    return None


async def _is_active(session: AsyncSession, organization_id: str, account_key: str) -> bool:
    found = await session.scalar(
        select(counting.c.id)
        .where(
            counting.c.organization_id == organization_id,
            counting.c.account_key == account_key,
            counting.c.state == ACTIVE,
        )
        .limit(1)
    )
    return found is not None


async def _is_known(session: AsyncSession, organization_id: str, account_key: str) -> bool:
    found = await session.scalar(
        select(DirectoryUser.id)
        .where(
            DirectoryUser.organization_id == organization_id,
            DirectoryUser.account_key == account_key,
        )
        .limit(1)
    )
    return found is not None


async def _by_email(
    session: AsyncSession,
    client: WorkosClient,
    profile: Profile,
    organization_id: str,
    directories: list[str],
) -> Match:
    connection_uses_idp_ids = await session.scalar(
        select(SsoIdentity.subject)
        .where(
            SsoIdentity.organization_id == organization_id,
            SsoIdentity.connection_id == profile.connection_id,
            SsoIdentity.matched_by == "idp_id",
        )
        .limit(1)
    )
    if connection_uses_idp_ids is not None or not profile.email:
        raise SignInRefused("not_in_directory")
    tie = await _tie(session, profile, organization_id)
    if tie is not None:
        return tie
    people = {
        person.id: person
        for spelling in await _spellings(session, organization_id, profile.email)
        for person in await readings.find_people(session, client, directories, email=spelling)
        if person.state == ACTIVE
    }
    if not people:
        raise SignInRefused("not_in_directory")
    if len(people) > 1:
        raise SignInRefused("ambiguous_email")
    person = next(iter(people.values()))
    return Match(person.idp_id or person.id, "email", person.id)


async def _spellings(session: AsyncSession, organization_id: str, email: str) -> set[str]:
    """The ways to ask WorkOS for an address, whose filter may tell capitals apart."""
    mirrored = await session.scalars(
        select(DirectoryUser.email).where(
            DirectoryUser.organization_id == organization_id,
            func.lower(DirectoryUser.email) == email.lower(),
        )
    )
    return {email, email.lower(), *(spelling for spelling in mirrored if spelling)}


async def _tie(session: AsyncSession, profile: Profile, organization_id: str) -> Match | None:
    """What an earlier sign-in by address found; it holds while that person keeps the address."""
    row = (
        await session.execute(
            select(counting.c.id, counting.c.account_key)
            .join(SsoIdentity, SsoIdentity.directory_user_id == counting.c.id)
            .where(
                SsoIdentity.organization_id == organization_id,
                SsoIdentity.connection_id == profile.connection_id,
                SsoIdentity.subject == profile.subject,
                counting.c.organization_id == organization_id,
                counting.c.state == ACTIVE,
                func.lower(counting.c.email) == func.lower(SsoIdentity.email),
            )
        )
    ).one_or_none()
    return None if row is None else Match(row.account_key, "email", row.id)


async def _account(
    session: AsyncSession, organization_id: str, match: Match, profile: Profile
) -> UUID:
    """The account, joined from now on; without a directory the first sign-in makes it.

    The row stays locked, so that two identities cannot be tied to one account at once.
    """
    joined_at = func.coalesce(User.joined_at, func.now())
    if match.matched_by == "profile":
        await session.execute(
            insert(Organization).values(workos_id=organization_id).on_conflict_do_nothing()
        )
        named = {"name": profile.display_name, "email": profile.email}
        new = insert(User).values(
            id=uuid7(),
            organization_id=organization_id,
            key=match.account_key,
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
            .where(User.organization_id == organization_id, User.key == match.account_key)
            .values(joined_at=joined_at)
            .returning(User.id)
        )
    ).one()


async def _remember(
    session: AsyncSession,
    organization_id: str,
    profile: Profile,
    match: Match,
    account_id: UUID,
) -> None:
    """Record the identity; an address never leads to a person who has another one."""
    here = (
        SsoIdentity.organization_id == organization_id,
        SsoIdentity.connection_id == profile.connection_id,
        SsoIdentity.subject == profile.subject,
    )
    if match.matched_by == "email":
        others = await session.scalar(
            select(SsoIdentity.subject)
            .where(SsoIdentity.user_id == account_id, ~(here[0] & here[1] & here[2]))
            .limit(1)
        )
        before = await session.scalar(
            select(access.c.active)
            .join(SsoIdentity, SsoIdentity.user_id == access.c.user_id)
            .where(*here, SsoIdentity.user_id != account_id)
        )
        if others is not None or before:
            raise SignInRefused("identity_conflict")
    statement = insert(SsoIdentity).values(
        organization_id=organization_id,
        connection_id=profile.connection_id,
        subject=profile.subject,
        user_id=account_id,
        matched_by=match.matched_by,
        directory_user_id=match.directory_user_id,
        email=profile.email if match.matched_by == "email" else None,
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


async def _check_active(session: AsyncSession, account_id: UUID, *, managed: bool) -> None:
    # The last word is the view's, as at every later request.
    active = await session.scalar(select(access.c.active).where(access.c.user_id == account_id))
    if not active:
        raise SignInRefused("deactivated" if managed else "blocked")
