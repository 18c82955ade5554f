"""Reading one person from WorkOS, with their groups, when no event has told of them yet."""

from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from uuid_utils.compat import uuid7

from backend.errors import SignInRefusal, SignInRefused
from backend.models import DirectoryUser
from backend.models import counting_users as counting
from backend.services.events.intake import merge
from backend.services.mirror.facts import (
    ACTIVE,
    FACT,
    Facts,
    directory_row,
    group_row,
    membership_row,
    tombstone,
    user_row,
)
from backend.workos.client import WorkosClient, reading_time
from backend.workos.models import Directory
from backend.workos.models import DirectoryUser as WorkosUser


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
        raise SignInRefused(SignInRefusal.ORGANIZATION_UNKNOWN)
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


async def read_person(connection: AsyncConnection, client: WorkosClient, user_id: str) -> bool:
    """Merge one person with their groups; False when WorkOS does not know them.

    Raises:
        WorkosUnavailable: nothing was changed.
    """
    person = await client.user(user_id)
    if person is None:
        return False
    await _merge_person(connection, client, reading_time(), person)
    return True


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
    if person.state != ACTIVE:
        facts["removed_users"] = [tombstone(person)]
    await merge(connection, occurred, f"reading_{uuid7()}", facts)


def left_unread() -> ColumnElement[bool]:
    """Of a row of `counting_users` and one of the same account in `directory_users`: whether the
    latter left, and the former was not read since, alone or in a complete listing.
    """
    read_at = func.greatest(counting.c.read_as_of, counting.c.complete_as_of)
    return DirectoryUser.removed_at.is_not(None) & func.coalesce(
        DirectoryUser.removed_at >= read_at, True
    )


async def is_reading_due(
    connection: AsyncConnection, organization_id: str, account_key: str
) -> bool:
    """Whether someone has returned whose memberships have not been read since they left."""
    unread = await connection.scalar(
        select(counting.c.id)
        .join(
            DirectoryUser,
            (DirectoryUser.organization_id == counting.c.organization_id)
            & (DirectoryUser.account_key == counting.c.account_key),
        )
        .where(
            counting.c.organization_id == organization_id,
            counting.c.account_key == account_key,
            left_unread(),
        )
        .limit(1)
    )
    return unread is not None
