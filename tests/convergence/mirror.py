"""The mirror that is tested: what is delivered to it, and what it then says."""

import asyncio
import itertools
import json
import re
from datetime import datetime
from random import Random

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from backend.database import Database
from backend.models import User, access, counting_memberships
from backend.schemas.directory_sync import Outcome, Source
from backend.services.events import intake as directory_sync
from backend.services.mirror.facts import (
    FACT,
    Facts,
    directory_row,
    group_row,
    user_row,
)
from backend.workos.models import Directory, DirectoryGroup, DirectoryUser
from tests.convergence.history import LISTING, Event
from tests.convergence.truth import Standing

Delivery = tuple[Event, Source]

# Which event was first to name a group is no part of what the mirror says of the directory.
_TABLES = {
    "organizations": ("workos_id", ()),
    "directories": ("organization_id", ()),
    "directory_users": ("organization_id", ()),
    "directory_groups": ("organization_id", ()),
    "directory_memberships": ("organization_id", ()),
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

_MERGE_LISTING = text("SELECT merge_listing(:at, :reading, CAST(:facts AS jsonb))")
_COMPLETE_READING = text(
    "SELECT complete_reading(:organization, :at, :reading, :listed, '{}', false, true)"
)

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


async def deliver(connection: AsyncConnection, deliveries: list[Delivery]) -> None:
    for event, source in deliveries:
        if event["event"] == LISTING:
            await complete(connection, event)
            continue
        outcome = await directory_sync.receive(connection, json.dumps(event).encode(), source)
        assert outcome is not Outcome.PARKED, event


async def complete(connection: AsyncConnection, listing: Event) -> None:
    """Merge a complete listing in parts, as a reconciliation does, and confirm what it ends."""
    listed = listing["data"]
    directory = Directory.model_validate(listed["directory"])
    people = [DirectoryUser.model_validate(user) for user in listed["users"]]
    groups = [DirectoryGroup.model_validate(group) for group in listed["groups"]]
    version = {"at": datetime.fromisoformat(listing["created_at"]), "reading": listing["id"]}
    parts = (
        Facts(managed=[directory.organization_id], directories=[directory_row(directory)]),
        Facts(
            users=[user_row(person, FACT) for person in people],
        ),
        Facts(groups=[group_row(group, FACT) for group in groups]),
        Facts(
            memberships=[
                {"user_ids": [user_id], "group_id": group_id, "present": True}
                | directory.model_dump(include={"organization_id"})
                | {"directory_id": directory.id}
                for user_id, group_id in listed["memberships"]
            ]
        ),
    )
    for facts in parts:
        merged = {"facts": json.dumps(facts)} | version
        await connection.execute(_MERGE_LISTING, merged)
    ended = {"organization": directory.organization_id, "listed": [directory.id]}
    await connection.execute(_COMPLETE_READING, ended | version)


async def standings(connection: AsyncConnection, organization_id: str) -> dict[str, Standing]:
    """By account key, what access says."""
    rows = await connection.execute(
        select(User.key, access.c.active, access.c.roles, User.name, User.email)
        .join(access, access.c.user_id == User.id)
        .where(User.organization_id == organization_id)
    )
    memberships = await connection.execute(
        select(counting_memberships.c.account_key, counting_memberships.c.group_name)
        .where(counting_memberships.c.organization_id == organization_id)
        .distinct()
    )
    groups: dict[str, list[str]] = {}
    for key, name in memberships:
        groups.setdefault(key, []).append(name)
    return {
        row.key: Standing(
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
) -> dict[str, Standing]:
    """Deliver in order and by two ways; both must end alike, and what they say is returned."""
    in_order, ordered_id = copy(events)
    any_order, any_id = copy(events)
    async with database.connect() as connection, database.connect() as other:
        await asyncio.gather(
            deliver(connection, [(event, Source.WEBHOOK) for event in in_order]),
            deliver(other, by_two_ways(any_order, rng)),
        )
        result = await standings(connection, ordered_id)
        assert await standings(connection, any_id) == result
        assert await contents(connection, any_id) == await contents(connection, ordered_id)
        # What is left of thousands of histories would make each slower than the one before.
        for forget in _FORGET:
            await connection.execute(forget, {"organizations": [ordered_id, any_id]})
    return result
