"""What is measured on: an organization, a signed-in author in a group, posts, and events."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update
from uuid_utils.compat import uuid7

from backend import models
from backend.database import Database
from backend.embedded_postgres import SERVING, Addresses
from backend.schemas.events import Source
from backend.services import sessions
from backend.services.events import intake, parsing
from backend.workos.scope import DirectoryScope

POSTS = 20
ORGANIZATION = "org_01BENCH"
DIRECTORY = "directory_01BENCH"
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def post_values(number: int) -> dict[str, Any]:
    at = _BEGIN + timedelta(minutes=number)
    return {
        "id": uuid7(),
        "title": f"Post number {number} of the notebook",
        "content": "What was said and what was decided. " * 8,
        "created_at": at,
        "updated_at": at,
    }


def user_data(number: int, version: int) -> dict[str, Any]:
    return {
        "object": "directory_user",
        "id": f"directory_user_{number:08d}",
        "directory_id": DIRECTORY,
        "organization_id": ORGANIZATION,
        "idp_id": f"00u{number:08d}",
        "email": f"person{number}@bench.example",
        "first_name": f"Person {version}",
        "last_name": str(number),
        "emails": [],
        "username": None,
        "job_title": None,
        "state": "active",
        "raw_attributes": {},
        "custom_attributes": {"department": "Engineering"},
        "created_at": "2026-01-01T00:00:00.000Z",
        "updated_at": "2026-01-01T00:00:00.000Z",
    }


def event(kind: str, number: int, data: dict[str, Any]) -> bytes:
    at = _BEGIN + timedelta(milliseconds=number)
    return json.dumps(
        {
            "object": "event",
            "id": f"event_{number:012d}",
            "event": kind,
            "data": data,
            "created_at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
    ).encode()


async def migrate(addresses: Addresses) -> None:
    owner = Database(addresses.owner, pool_size=1)
    await owner.migrate(serving_role=SERVING)
    await owner.close()


async def found(database: Database) -> str:
    """Make the company; the session token of its author."""
    group = {
        "id": "directory_group_01BENCH",
        "directory_id": DIRECTORY,
        "organization_id": ORGANIZATION,
        "name": "Authors",
    }
    membership = {"directory_id": DIRECTORY, "user": user_data(0, 0), "group": group}
    beginning = [
        event("organization.created", 1, {"id": ORGANIZATION, "name": "Bench"}),
        event("dsync.user.created", 2, user_data(0, 0)),
        event("dsync.group.created", 3, group),
        event("dsync.group.user_added", 4, membership),
    ]
    async with database.connect() as connection:
        for body in beginning:
            await intake.apply(connection, parsing.read(body, Source.WEBHOOK, DirectoryScope()))
    async with database.transaction() as session:
        author_id = (await session.scalars(select(models.User.id))).one()
        await session.execute(update(models.User).values(joined_at=_BEGIN))
        await session.execute(
            insert(models.Post),
            [
                post_values(number) | {"organization_id": ORGANIZATION, "author_id": author_id}
                for number in range(POSTS * 5)
            ],
        )
        return str(await sessions.open_session(session, ORGANIZATION, author_id))
