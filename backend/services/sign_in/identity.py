"""Who signs in: from an SSO profile to the account, or a refusal.

In an organization with a directory nobody enters whom the directory does not hold as active.
Identity is the idp_id; an address only ever leads to a person who has no other identity.
"""

from contextlib import suppress
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.errors import SignInRefusal, SignInRefused, WorkosUnavailable
from backend.models import Directory, DirectoryUser, Organization, SsoIdentity
from backend.models import counting_users as counting
from backend.services.mirror import snapshots as readings
from backend.workos.client import WorkosClient
from backend.workos.models import Profile

ACTIVE = "active"


class MatchedBy(StrEnum):
    IDP_ID = "idp_id"
    EMAIL = "email"
    PROFILE = "profile"  # in an organization without a directory


class Match(NamedTuple):
    """The account's key, and what led to it."""

    account_key: str
    matched_by: MatchedBy
    directory_user_id: str | None = None


async def recognise(
    connection: AsyncConnection,
    client: WorkosClient,
    profile: Profile,
    organization_id: str,
    only_directory: str,
) -> Match:
    """Whose account somebody's is whom the identity provider has just vouched for.

    Args:
        connection: one whose statements are transactions by themselves: what is read from WorkOS
            stays, whatever becomes of the sign-in, and no lock waits for WorkOS.
        client: WorkOS, asked where the mirror does not know.
        profile: of the finished sign-in.
        organization_id: for which the sign-in was begun.
        only_directory: when not empty, only this directory's organization may sign in.

    Raises:
        SignInRefused: with the sign-in page's error code.
        WorkosUnavailable: WorkOS had to be asked and did not answer.
    """
    if profile.organization_id != organization_id:
        raise SignInRefused(SignInRefusal.WRONG_ORGANIZATION)
    if only_directory:
        await _check_directory(connection, client, only_directory, organization_id)
    directories = await _directories(connection, client, organization_id)
    if only_directory:
        directories = [only_directory]
    if directories is None:
        return Match(profile.subject, MatchedBy.PROFILE)
    if profile.idp_id:
        match = await _by_idp_id(connection, client, profile.idp_id, organization_id, directories)
        if match is not None:
            return match
    return await _by_email(connection, client, profile, organization_id, directories)


async def _check_directory(
    connection: AsyncConnection, client: WorkosClient, directory_id: str, organization_id: str
) -> None:
    owner = await connection.scalar(
        select(Directory.organization_id).where(Directory.id == directory_id)
    )
    if owner is None:
        directory = await client.directory(directory_id)
        owner = directory.organization_id if directory else None
    if owner != organization_id:
        raise SignInRefused(SignInRefusal.WRONG_ORGANIZATION)


async def _directories(
    connection: AsyncConnection, client: WorkosClient, organization_id: str
) -> list[str] | None:
    """The directories to search, or None in an organization that has never had one."""
    row = (
        await connection.execute(
            select(Organization.directory_managed, Organization.deleted, Organization.name).where(
                Organization.workos_id == organization_id
            )
        )
    ).one_or_none()
    if row is not None and row.deleted:
        raise SignInRefused(SignInRefusal.ORGANIZATION_DELETED)
    if row is None or not row.name:
        await readings.read_organization_name(connection, client, organization_id)
    if row is None or not row.directory_managed:
        listed = await readings.read_organization(connection, client, organization_id)
        return [directory.id for directory in listed] or None
    known = select(DirectoryUser.directory_id).where(
        DirectoryUser.organization_id == organization_id
    )
    mirrored = select(Directory.id).where(Directory.organization_id == organization_id)
    return list(await connection.scalars(mirrored.union(known)))


async def _by_idp_id(
    connection: AsyncConnection,
    client: WorkosClient,
    idp_id: str,
    organization_id: str,
    directories: list[str],
) -> Match | None:
    if await _is_active(connection, organization_id, idp_id):
        if await readings.is_reading_due(connection, organization_id, idp_id):
            # Without an answer they are in all the same; the roles follow with the next reading.
            with suppress(WorkosUnavailable):
                await readings.find_people(connection, client, directories, idp_id=idp_id)
        return Match(idp_id, MatchedBy.IDP_ID)
    # The event may be late: ask.
    listed = await readings.find_people(connection, client, directories, idp_id=idp_id)
    if await _is_active(connection, organization_id, idp_id):
        return Match(idp_id, MatchedBy.IDP_ID)
    if listed or await _is_known(connection, organization_id, idp_id):
        raise SignInRefused(SignInRefusal.DEACTIVATED)
    return None


async def _is_active(connection: AsyncConnection, organization_id: str, account_key: str) -> bool:
    found = await connection.scalar(
        select(counting.c.id)
        .where(
            counting.c.organization_id == organization_id,
            counting.c.account_key == account_key,
            counting.c.state == ACTIVE,
        )
        .limit(1)
    )
    return found is not None


async def _is_known(connection: AsyncConnection, organization_id: str, account_key: str) -> bool:
    found = await connection.scalar(
        select(DirectoryUser.id)
        .where(
            DirectoryUser.organization_id == organization_id,
            DirectoryUser.account_key == account_key,
        )
        .limit(1)
    )
    return found is not None


async def _by_email(
    connection: AsyncConnection,
    client: WorkosClient,
    profile: Profile,
    organization_id: str,
    directories: list[str],
) -> Match:
    connection_uses_idp_ids = await connection.scalar(
        select(SsoIdentity.subject)
        .where(
            SsoIdentity.organization_id == organization_id,
            SsoIdentity.connection_id == profile.connection_id,
            SsoIdentity.matched_by == MatchedBy.IDP_ID,
        )
        .limit(1)
    )
    if connection_uses_idp_ids is not None or not profile.email:
        raise SignInRefused(SignInRefusal.NOT_IN_DIRECTORY)
    tie = await _tie(connection, profile, organization_id)
    if tie is not None:
        return tie
    people = {
        person.id: person
        for spelling in await _spellings(connection, organization_id, profile.email)
        for person in await readings.find_people(connection, client, directories, email=spelling)
        if person.state == ACTIVE
    }
    if not people:
        raise SignInRefused(SignInRefusal.NOT_IN_DIRECTORY)
    if len(people) > 1:
        raise SignInRefused(SignInRefusal.AMBIGUOUS_EMAIL)
    person = next(iter(people.values()))
    return Match(person.idp_id or person.id, MatchedBy.EMAIL, person.id)


async def _spellings(connection: AsyncConnection, organization_id: str, email: str) -> set[str]:
    """The ways to ask WorkOS for an address, whose filter may tell capitals apart."""
    mirrored = await connection.scalars(
        select(DirectoryUser.email).where(
            DirectoryUser.organization_id == organization_id,
            func.lower(DirectoryUser.email) == email.lower(),
        )
    )
    return {email, email.lower(), *(spelling for spelling in mirrored if spelling)}


async def _tie(connection: AsyncConnection, profile: Profile, organization_id: str) -> Match | None:
    """What an earlier sign-in by address found; it holds while that person keeps the address."""
    row = (
        await connection.execute(
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
    return None if row is None else Match(row.account_key, MatchedBy.EMAIL, row.id)
