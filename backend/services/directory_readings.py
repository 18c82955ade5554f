"""Reading one person from WorkOS, with their groups, when no event has told of them yet."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from backend.errors import SignInRefused
from backend.models import DirectoryUser, counting_users
from backend.schemas.workos import Directory
from backend.schemas.workos import DirectoryUser as WorkosUser
from backend.services.directory_facts import (
    FACT,
    Facts,
    directory_row,
    group_row,
    membership_row,
    user_row,
)
from backend.services.directory_sync import merge
from backend.workos_client import WorkosClient, reading_time


async def read_organization(
    connection: AsyncConnection, client: WorkosClient, organization_id: str
) -> list[Directory]:
    """The directories that WorkOS lists for an organization; naming one makes it managed.

    Raises:
        WorkosUnavailable: nothing was changed.
    """
    directories = await client.directories(organization_id)
    if directories:
        facts = Facts(
            managed=[organization_id],
            directories=[directory_row(directory) for directory in directories],
        )
        await merge(connection, reading_time(), f"reading_{uuid7()}", facts)
    return directories


async def read_organization_name(
    connection: AsyncConnection, client: WorkosClient, organization_id: str
) -> None:
    """Note the name.

    Raises:
        SignInRefused: WorkOS does not know the organization (any more).
        WorkosUnavailable: nothing was changed.
    """
    organization = await client.organization(organization_id)
    if organization is None:
        raise SignInRefused("organization_unknown")
    facts = Facts(organizations=[organization.model_dump()])
    await merge(connection, reading_time(), f"reading_{uuid7()}", facts)


async def find_people(
    connection: AsyncConnection,
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
        occurred = reading_time()
        for person in found:
            # A filter that a server ignores must not let a stranger in.
            if (idp_id is None or person.idp_id == idp_id) and (
                email is None or (person.email or "").lower() == email.lower()
            ):
                await _merge_person(connection, client, occurred, person)
                people.append(person)
    return people


async def _merge_person(
    connection: AsyncConnection, client: WorkosClient, occurred: datetime, person: WorkosUser
) -> None:
    groups = [
        group
        for group in await client.groups_of(person.id)
        if group.organization_id == person.organization_id
        and group.directory_id == person.directory_id
    ]
    facts = Facts(
        managed=[person.organization_id],
        users=[user_row(person, FACT)],
        groups=[group_row(group, FACT) for group in groups],
        memberships=[membership_row(person, group, present=True) for group in groups],
        read_users=[person.id],
    )
    await merge(connection, occurred, f"reading_{uuid7()}", facts)


async def is_reading_due(
    connection: AsyncConnection, organization_id: str, account_key: str
) -> bool:
    """Whether someone has returned whose memberships have not been read since they left."""
    left_at = (
        select(func.max(DirectoryUser.removed_at))
        .where(
            DirectoryUser.organization_id == organization_id,
            DirectoryUser.account_key == account_key,
        )
        .scalar_subquery()
    )
    unread = await connection.scalar(
        select(DirectoryUser.id)
        .join(counting_users, counting_users.c.id == DirectoryUser.id)
        .where(
            DirectoryUser.organization_id == organization_id,
            DirectoryUser.account_key == account_key,
            func.coalesce(DirectoryUser.read_as_of <= left_at, left_at.is_not(None)),
        )
        .limit(1)
    )
    return unread is not None
