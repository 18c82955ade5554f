"""Real histories of a directory, made in the emulator, and what the mirror makes of them."""

import itertools
import json
import re
from typing import Any

from hypothesis import strategies as st
from sqlalchemy import select

from backend.database import Database
from backend.models import User, access, counting_memberships
from backend.schemas.directory_sync import Outcome, Source
from backend.services import directory_sync
from emulator.testing import Emulator, NotFoundError, RefusedError, Settings

Event = dict[str, Any]

_OPERATIONS = (
    "deactivate",
    "reactivate",
    "change_name",
    "change_email",
    "delete_user",
    "add",
    "remove",
    "rename_group",
    "delete_group",
    "push_group_again",
)
_GROUP_NAMES = ("Authors", "Admins", "Designers", "Writers")
_PEOPLE = 3
_GROUPS = 3

_copies = itertools.count(1)

operations = st.lists(
    st.tuples(
        st.sampled_from(_OPERATIONS),
        st.integers(0, _PEOPLE - 1),
        st.integers(0, _GROUPS - 1),
        st.sampled_from(_GROUP_NAMES),
    ),
    min_size=1,
    max_size=14,
)

environments = st.builds(
    Settings,
    retain_deactivated=st.booleans(),
    same_id_on_return=st.booleans(),
    announce_memberships_on_return=st.booleans(),
    events_held_back_seconds=st.just(0),
    directory_users_per_second=st.just(0),
)


class History:
    """A company in the emulator to which the drawn operations happen, one after another."""

    def __init__(self, settings: Settings) -> None:
        self.emulator = Emulator(settings=settings)
        self.organization = self.emulator.create_organization("Acme")
        self.directory = self.emulator.create_directory(self.organization.id, "Acme Okta")
        self.people = [
            self.emulator.create_user(
                self.directory.id, email=f"p{n}@acme.example", first_name="P", last_name=str(n)
            ).scim_id
            for n in range(_PEOPLE)
        ]
        self.groups = [
            self.emulator.create_group(self.directory.id, name).scim_id
            for name in _GROUP_NAMES[:_GROUPS]
        ]
        self.names = list(_GROUP_NAMES[:_GROUPS])

    def run(self, drawn: list[tuple[str, int, int, str]]) -> list[Event]:
        """What WorkOS announced, in order; what it refuses, or what is gone, does not happen."""
        for step, (operation, person, group, name) in enumerate(drawn):
            try:
                self._happen(operation, person, group, name, step)
            except (NotFoundError, RefusedError):
                continue
        events = self.emulator.events
        self.emulator.close()
        return [event for event in events if not event["event"].startswith("dsync.token.")]

    def _happen(self, operation: str, person: int, group: int, name: str, step: int) -> None:
        emulator, who, which = self.emulator, self.people[person], self.groups[group]
        match operation:
            case "deactivate":
                emulator.deactivate_user(who)
            case "reactivate":
                emulator.reactivate_user(who)
            case "change_name":
                emulator.update_user(who, first_name=f"Renamed{step}")
            case "change_email":
                emulator.update_user(who, email=f"moved{step}@acme.example")
            case "delete_user":
                emulator.delete_user(who)
            case "add":
                emulator.add_member(which, who)
            case "remove":
                emulator.remove_member(which, who)
            case _:
                self._happen_to_group(operation, group, name)

    def _happen_to_group(self, operation: str, group: int, name: str) -> None:
        which = self.groups[group]
        if operation == "delete_group":
            self.emulator.delete_group(which)
            self.names[group] = ""
        elif name in self.names:
            return  # Okta refuses a second group of a name
        elif operation == "rename_group":
            self.emulator.rename_group(which, name)
            self.names[group] = name
        else:
            if self.names[group]:
                self.emulator.delete_group(which)
            self.groups[group] = self.emulator.create_group(self.directory.id, name).scim_id
            self.names[group] = name


def copy(events: list[Event]) -> tuple[list[Event], str]:
    """The same history of another organization: all ids changed alike, so they sort alike.

    Returns the events and the organization's id.
    """
    mark = f"C{next(_copies):06d}"
    kinds = "event|org|directory|directory_user|directory_group"
    text = re.sub(rf'"((?:{kinds})_)01', rf'"\g<1>{mark}', json.dumps(events))
    copied: list[Event] = json.loads(text)
    return copied, next(
        event["data"]["id"] for event in copied if event["event"] == "organization.created"
    )


async def apply(database: Database, event: Event) -> Outcome:
    async with database.connect() as connection:
        return await directory_sync.receive(connection, json.dumps(event).encode(), Source.WEBHOOK)


async def standing(database: Database, organization_id: str) -> dict[str, Any]:
    """By account key: who may enter, with which roles, under which name, in which groups."""
    async with database.connect() as session:
        rows = await session.execute(
            select(User.key, User.name, User.email, access.c.active, access.c.roles)
            .join(access, access.c.user_id == User.id)
            .where(User.organization_id == organization_id)
        )
        groups = await session.execute(
            select(counting_memberships.c.account_key, counting_memberships.c.group_name)
            .where(counting_memberships.c.organization_id == organization_id)
            .distinct()
        )
        held: dict[str, set[str]] = {}
        for key, name in groups:
            held.setdefault(key, set()).add(name)
        return {
            row.key: (row.active, row.roles, row.name, row.email, sorted(held.get(row.key, ())))
            for row in rows
        }
