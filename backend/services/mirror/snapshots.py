"""Snapshots of one person, with their groups, read from WorkOS when no event has told of them yet.

No connection to the database is held while WorkOS is waited for.
"""

from unicodedata import normalize

from sqlalchemy import ColumnElement, func, select

from backend.database import Database
from backend.errors import SignInRefusal, SignInRefused
from backend.models import DirectoryUser
from backend.models import live_directory_users as live
from backend.services.mirror.apply import merge, merge_person, snapshot_version
from backend.services.mirror.rows import Facts, directory_row, organization_row
from backend.workos.client import WorkosClient
from backend.workos.clock import snapshot_time
from backend.workos.models import Directory
from backend.workos.models import DirectoryUser as WorkosUser


async def read_organization(
    database: Database, client: WorkosClient, organization_id: str
) -> list[Directory]:
    """The directories that WorkOS lists for an organization; naming one makes it managed.

    Raises:
        WorkosUnavailable: nothing was changed.
    """
    directories = await client.directories(organization_id)
    if directories:
        version = snapshot_version(snapshot_time())
        rows = [directory_row(directory, version) for directory in directories]
        async with database.connect() as connection:
            await merge(connection, Facts(managed=[organization_id], directories=rows))
    return directories


async def read_organization_name(
    database: Database, client: WorkosClient, organization_id: str
) -> None:
    """Note the name.

    Raises:
        SignInRefused: WorkOS does not know the organization (any more).
        WorkosUnavailable: nothing was changed.
    """
    organization = await client.organization(organization_id)
    if organization is None:
        raise SignInRefused(SignInRefusal.ORGANIZATION_UNKNOWN)
    row = organization_row(organization, snapshot_version(snapshot_time()))
    async with database.connect() as connection:
        await merge(connection, Facts(organizations=[row]))


async def find_people(
    database: Database,
    client: WorkosClient,
    directory_ids: list[str],
    *,
    idp_id: str | None = None,
    email: str | None = None,
) -> list[WorkosUser]:
    """People whom WorkOS lists under this idp_id or address; each is merged with their groups.

    Raises:
        WorkosUnavailable: what was read before stays merged.
    """
    people = []
    for directory_id in directory_ids:
        found = await client.users(directory_id, idp_id=idp_id, email=email)
        version = snapshot_version(snapshot_time())
        for person in found:
            # A filter that a server ignores must not let a stranger in.
            if (idp_id is None or person.idp_id == idp_id) and (
                email is None or _one_spelling(person.email or "") == _one_spelling(email)
            ):
                groups = await client.groups_of(person.id)
                async with database.transaction() as session:
                    await merge_person(session, person, groups, version)
                people.append(person)
    return people


def _one_spelling(address: str) -> str:
    return normalize("NFC", address).lower()


async def read_person(database: Database, client: WorkosClient, directory_user_id: str) -> bool:
    """Merge one person with their groups; False when WorkOS does not know them.

    Raises:
        WorkosUnavailable: nothing was changed.
    """
    person = await client.user(directory_user_id)
    if person is None:
        return False
    version = snapshot_version(snapshot_time())
    groups = await client.groups_of(person.id)
    async with database.transaction() as session:
        await merge_person(session, person, groups, version)
    return True


def left_unread() -> ColumnElement[bool]:
    """Of a row of `live_directory_users` and one of the same user in `directory_users`: whether
    the latter left, and the former was not read since, alone or in a complete listing.
    """
    read_at = func.greatest(live.c.snapshot_as_of, live.c.complete_as_of)
    return DirectoryUser.removed_at.is_not(None) & func.coalesce(
        DirectoryUser.removed_at >= read_at, True
    )


async def is_due(database: Database, organization_id: str, user_key: str) -> bool:
    """Whether someone has returned whose memberships have not been read since they left."""
    query = (
        select(live.c.id)
        .join(
            DirectoryUser,
            (DirectoryUser.organization_id == live.c.organization_id)
            & (DirectoryUser.user_key == live.c.user_key),
        )
        .where(
            live.c.organization_id == organization_id, live.c.user_key == user_key, left_unread()
        )
        .limit(1)
    )
    async with database.connect() as connection:
        return await connection.scalar(query) is not None
