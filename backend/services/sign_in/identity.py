"""Who signs in: from an SSO profile to the user, or a refusal.

In an organization with a directory nobody enters whom the directory does not hold as active.
Identity is the idp_id; an address only ever leads to a person who has no other identity.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any
from unicodedata import normalize

from sqlalchemy import CompoundSelect, Row, Select, select

from backend.database import Database
from backend.errors import SignInRefusal, SignInRefused, WorkosUnavailable
from backend.models import Directory, DirectoryUser, Organization, SsoIdentity
from backend.models import live_directory_users as live
from backend.services.mirror import snapshots
from backend.services.mirror.rows import ACTIVE
from backend.services.sign_in import admitted
from backend.services.sign_in.matches import Match, MatchedBy, same_address
from backend.workos.client import WorkosClient
from backend.workos.models import Profile

Directories = Callable[[], Awaitable[list[str]]]
"""To search, by their ids: found out when WorkOS is asked, for most who sign in are known."""


async def recognise(
    database: Database,
    client: WorkosClient,
    profile: Profile,
    organization_id: str,
) -> Match:
    """Which user somebody is whom the identity provider has just vouched for.

    Args:
        database: what is read from WorkOS stays in the mirror, whatever becomes of the sign-in.
        client: WorkOS, asked where the mirror does not know; where its scope is one directory,
            only that directory's organization may sign in.
        profile: of the finished sign-in.
        organization_id: for which the sign-in was begun.

    Raises:
        SignInRefused: with the sign-in page's error code.
        WorkosUnavailable: WorkOS had to be asked and did not answer.
    """
    if profile.organization_id != organization_id:
        raise SignInRefused(SignInRefusal.WRONG_ORGANIZATION)
    only = client.scope.only
    if only is not None:
        await _check_directory(database, client, only, organization_id)
    directories = await _directories(database, client, organization_id)
    if only is not None:
        directories = partial(_these, [only])
    if directories is None:
        return Match(profile.subject, MatchedBy.PROFILE)
    return await _by_directory(database, client, profile, organization_id, directories)


async def _by_directory(
    database: Database,
    client: WorkosClient,
    profile: Profile,
    organization_id: str,
    directories: Directories,
) -> Match:
    """Whom the directory holds; whom it does not may have been let in by hand."""
    if profile.idp_id and await _is_active(database, organization_id, profile.idp_id):
        return await _active(database, client, profile.idp_id, organization_id, directories)
    kept = await admitted.find_kept(database, profile, organization_id)
    if kept is not None:
        return kept
    if profile.idp_id:
        match = await _late(database, client, profile.idp_id, organization_id, directories)
        if match is not None:
            return match
    try:
        return await _by_email(database, client, profile, organization_id, directories)
    except SignInRefused as refused:
        if refused.reason is SignInRefusal.NOT_IN_DIRECTORY:
            guest = await admitted.find_guest(database, profile, organization_id)
            if guest is not None:
                return guest
        raise


async def _check_directory(
    database: Database, client: WorkosClient, directory_id: str, organization_id: str
) -> None:
    known = select(Directory.id).where(
        Directory.organization_id == organization_id, Directory.id == directory_id
    )
    if await _rows(database, known):
        return
    directory = await client.directory(directory_id)
    if directory is None or directory.organization_id != organization_id:
        raise SignInRefused(SignInRefusal.WRONG_ORGANIZATION)


async def _directories(
    database: Database, client: WorkosClient, organization_id: str
) -> Directories | None:
    """The directories to search, or None in an organization that has never had one."""
    rows = await _rows(
        database,
        select(Organization.directory_managed, Organization.deleted, Organization.name).where(
            Organization.workos_id == organization_id
        ),
    )
    row = rows[0] if rows else None
    if row is not None and row.deleted:
        raise SignInRefused(SignInRefusal.ORGANIZATION_DELETED)
    if row is None or not row.name:
        await snapshots.read_organization_name(database, client, organization_id)
    if row is None or not row.directory_managed:
        listed = await snapshots.read_organization(database, client, organization_id)
        return partial(_these, [directory.id for directory in listed]) if listed else None
    return partial(_mirrored, database, organization_id)


async def _these(directories: list[str]) -> list[str]:
    return directories


async def _mirrored(database: Database, organization_id: str) -> list[str]:
    """Those that the mirror knows, described or not; for the latter everybody is gone through."""
    known = select(DirectoryUser.directory_id).where(
        DirectoryUser.organization_id == organization_id
    )
    mirrored = select(Directory.id).where(Directory.organization_id == organization_id)
    return [row.id for row in await _rows(database, mirrored.union(known))]


async def _rows(
    database: Database, query: Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]]
) -> Sequence[Row[*tuple[Any, ...]]]:
    """On a connection of its own: none is held while WorkOS is waited for."""
    async with database.connect() as connection:
        return (await connection.execute(query)).all()


async def _active(
    database: Database,
    client: WorkosClient,
    idp_id: str,
    organization_id: str,
    directories: Directories,
) -> Match:
    if await snapshots.is_due(database, organization_id, idp_id):
        # Without an answer they are in all the same; the roles follow with the next snapshot.
        with suppress(WorkosUnavailable):
            await snapshots.find_people(database, client, await directories(), idp_id=idp_id)
    return Match(idp_id, MatchedBy.IDP_ID)


async def _late(
    database: Database,
    client: WorkosClient,
    idp_id: str,
    organization_id: str,
    directories: Directories,
) -> Match | None:
    # The event may be late: ask.
    listed = await snapshots.find_people(database, client, await directories(), idp_id=idp_id)
    if await _is_active(database, organization_id, idp_id):
        return Match(idp_id, MatchedBy.IDP_ID)
    if listed or await _is_known(database, organization_id, idp_id):
        raise SignInRefused(SignInRefusal.DEACTIVATED)
    return None


async def _is_active(database: Database, organization_id: str, user_key: str) -> bool:
    found = await _rows(
        database,
        select(live.c.id)
        .where(
            live.c.organization_id == organization_id,
            live.c.user_key == user_key,
            live.c.state == ACTIVE,
        )
        .limit(1),
    )
    return bool(found)


async def _is_known(database: Database, organization_id: str, user_key: str) -> bool:
    found = await _rows(
        database,
        select(DirectoryUser.id)
        .where(
            DirectoryUser.organization_id == organization_id,
            DirectoryUser.user_key == user_key,
        )
        .limit(1),
    )
    return bool(found)


async def _by_email(
    database: Database,
    client: WorkosClient,
    profile: Profile,
    organization_id: str,
    directories: Directories,
) -> Match:
    connection_uses_idp_ids = await _rows(
        database,
        select(SsoIdentity.subject)
        .where(
            SsoIdentity.organization_id == organization_id,
            SsoIdentity.connection_id == profile.connection_id,
            SsoIdentity.matched_by == MatchedBy.IDP_ID,
        )
        .limit(1),
    )
    if connection_uses_idp_ids or not profile.email:
        raise SignInRefused(SignInRefusal.NOT_IN_DIRECTORY)
    tie = await _tie(database, profile, organization_id)
    if tie is not None:
        return tie
    people = {
        person.id: person
        for spelling in await _spellings(database, organization_id, profile.email)
        for person in await snapshots.find_people(
            database, client, await directories(), email=spelling
        )
        if person.state == ACTIVE
    }
    if not people:
        raise SignInRefused(SignInRefusal.NOT_IN_DIRECTORY)
    if len(people) > 1:
        raise SignInRefused(SignInRefusal.AMBIGUOUS_EMAIL)
    person = next(iter(people.values()))
    return Match(person.idp_id or person.id, MatchedBy.EMAIL, person.id)


async def _spellings(database: Database, organization_id: str, email: str) -> set[str]:
    """The ways to ask WorkOS for an address, whose filter may tell spellings apart."""
    mirrored = await _rows(
        database,
        select(DirectoryUser.email).where(
            DirectoryUser.organization_id == organization_id,
            same_address(DirectoryUser.email, email),
        ),
    )
    composed = normalize("NFC", email)
    return {email, composed, composed.lower(), *(row.email for row in mirrored)}


async def _tie(database: Database, profile: Profile, organization_id: str) -> Match | None:
    """What an earlier sign-in by address found; it holds while that person keeps the address."""
    rows = await _rows(
        database,
        select(live.c.id, live.c.user_key)
        .join(
            SsoIdentity,
            (SsoIdentity.organization_id == live.c.organization_id)
            & (SsoIdentity.directory_user_id == live.c.id),
        )
        .where(
            SsoIdentity.organization_id == organization_id,
            SsoIdentity.connection_id == profile.connection_id,
            SsoIdentity.subject == profile.subject,
            live.c.state == ACTIVE,
            same_address(live.c.email, SsoIdentity.email),
        ),
    )
    return Match(rows[0].user_key, MatchedBy.EMAIL, rows[0].id) if rows else None
