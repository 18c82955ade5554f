"""The mirror that is tested: what is delivered to it, and what it then says."""

import asyncio
import itertools
import json
import re
from datetime import datetime
from random import Random

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database import AutocommitConnection, Database
from backend.models import User, access, live_memberships
from backend.schemas.events import Outcome, Source
from backend.services.events import intake, parsing
from backend.services.mirror.rows import (
    FACT,
    Facts,
    Version,
    directory_row,
    group_row,
    membership_row,
    user_row,
)
from backend.services.reconciliation.drift import merge_part
from backend.services.reconciliation.removals import Ended, Removals
from backend.workos.models import Directory, DirectoryGroup, DirectoryUser
from backend.workos.scope import DirectoryScope
from tests.convergence.history import LISTING, Event
from tests.convergence.truth import UserState

Delivery = tuple[Event, Source]

# Which event was first to name a group is no part of what the mirror says of the directory.
_TABLES = {
    "organizations": ("workos_id", ()),
    "directories": ("organization_id", ()),
    "directory_users": ("organization_id", ()),
    "directory_groups": ("organization_id", ()),
    "directory_memberships": ("organization_id", ()),
    "organization_domains": ("organization_id", ()),
    "connections": ("organization_id", ()),
    "connection_certificates": ("organization_id", ()),
    "directory_tokens": ("organization_id", ()),
    "users": ("organization_id", ("id", "created_at")),
    "role_mappings": ("organization_id", ("event_id", "created_at")),
}
_MIRROR = text(
    " UNION ALL ".join(
        f"SELECT '{table} ' || (to_jsonb(t) - ARRAY[{', '.join(map(repr, dropped))}]::text[])::text"
        f" FROM {table} t WHERE {organization} = :organization"
        for table, (organization, dropped) in _TABLES.items()
    )
)

_FORGET = [
    text(f"DELETE FROM {table} WHERE {organization} = ANY (:organizations)")
    for table, (organization, _) in reversed(_TABLES.items())
]

_copies = itertools.count(1)


def copy(events: list[Event]) -> tuple[list[Event], str]:
    """The same history of another organization: all ids changed alike, so they sort alike.

    Returns the events and the organization's id.
    """
    mark = f"C{next(_copies):06d}"
    kinds = "event|org|directory|directory_user|directory_group"
    marked = re.sub(rf'"((?:{kinds})_)01', rf'"\g<1>{mark}', json.dumps(events))
    copied: list[Event] = json.loads(marked)
    organization = re.search(rf'"(org_{mark}\w+)"', marked)
    assert organization, "no event names the organization"
    return copied, organization[1]


def by_two_ways(events: list[Event], rng: Random) -> list[Delivery]:
    """Webhooks in any order and repeated; what none of them brings comes by catch-up, in order."""
    missed = set(rng.sample(range(len(events)), k=len(events) // 4))
    webhooks = [event for position, event in enumerate(events) if position not in missed]
    webhooks += rng.choices(webhooks, k=len(webhooks) // 5)
    rng.shuffle(webhooks)
    caught_up = [
        event
        for position, event in enumerate(events)
        if position in missed or rng.random() < 1 / 10
    ]
    places = sorted(rng.choices(range(len(webhooks) + 1), k=len(caught_up)), reverse=True)
    deliveries = [(event, Source.WEBHOOK) for event in webhooks]
    for place, event in zip(places, reversed(caught_up), strict=True):
        deliveries.insert(place, (event, Source.CATCH_UP))
    return deliveries


async def deliver(database: Database, deliveries: list[Delivery]) -> None:
    async with database.connect() as connection:
        for event, source in deliveries:
            await _deliver(database, connection, event, source)


async def _deliver(
    database: Database, connection: AutocommitConnection, event: Event, source: Source
) -> None:
    if event["event"] == LISTING:
        await complete(database, event)
        return
    read = parsing.read(json.dumps(event).encode(), source, DirectoryScope())
    outcome = await intake.apply(connection, read)
    assert outcome is not Outcome.PARKED, event


async def complete(database: Database, listing: Event) -> None:
    """Merge a complete listing in parts, as a reconciliation does, and confirm what it ends."""
    listed = listing["data"]
    directory = Directory.model_validate(listed["directory"])
    people = [DirectoryUser.model_validate(user) for user in listed["users"]]
    groups = [DirectoryGroup.model_validate(group) for group in listed["groups"]]
    version = Version(datetime.fromisoformat(listing["created_at"]), listing["id"])
    organization_id = directory.organization_id
    members: dict[str, list[str]] = {}
    for user_id, group_id in listed["memberships"]:
        members.setdefault(group_id, []).append(user_id)
    parts = (
        Facts(managed=[organization_id], directories=[directory_row(directory, version)]),
        Facts(directory_users=[user_row(person, FACT, version) for person in people]),
        Facts(groups=[group_row(group, FACT, version) for group in groups]),
        Facts(
            memberships=[
                membership_row(organization_id, group_id, user_ids, version)
                for group_id, user_ids in members.items()
            ]
        ),
    )
    async with database.transaction() as session:
        connection = await session.connection()
        for facts in parts:
            await merge_part(connection, organization_id, facts, version)
        removals = Removals(connection, organization_id, version, Ended([directory.id], {}))
        await removals.find()
        await removals.carry_out()
        await removals.conclude()


async def user_states(connection: AsyncConnection, organization_id: str) -> dict[str, UserState]:
    """By user key, what access says."""
    rows = await connection.execute(
        select(User.key, access.c.active, access.c.roles, User.name, User.email)
        .join(access, access.c.user_id == User.id)
        .where(User.organization_id == organization_id)
    )
    memberships = await connection.execute(
        select(live_memberships.c.user_key, live_memberships.c.group_name)
        .where(live_memberships.c.organization_id == organization_id)
        .distinct()
    )
    groups: dict[str, list[str]] = {}
    for key, name in memberships:
        groups.setdefault(key, []).append(name)
    return {
        row.key: UserState(
            row.active, row.roles, row.name, row.email, sorted(groups.get(row.key, []))
        )
        for row in rows
    }


async def contents(connection: AsyncConnection, organization_id: str) -> list[str]:
    """Every row that the mirror has of the organization, with the ids as before `copy`."""
    rows = await connection.scalars(_MIRROR, {"organization": organization_id})
    mark = organization_id.removeprefix("org_")[:7]
    return sorted(row.replace(f"_{mark}", "_01") for row in rows)


async def check_converges(
    database: Database, events: list[Event], rng: Random
) -> dict[str, UserState]:
    """Deliver in order and by two ways; both must end alike, and what they say is returned."""
    in_order, ordered_id = copy(events)
    any_order, any_id = copy(events)
    await asyncio.gather(
        deliver(database, [(event, Source.WEBHOOK) for event in in_order]),
        deliver(database, by_two_ways(any_order, rng)),
    )
    async with database.connect() as connection:
        result = await user_states(connection, ordered_id)
        assert await user_states(connection, any_id) == result
        assert await contents(connection, any_id) == await contents(connection, ordered_id)
        # What is left of thousands of histories would make each slower than the one before.
        for forget in _FORGET:
            await connection.execute(forget, {"organizations": [ordered_id, any_id]})
    return result
