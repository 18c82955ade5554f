"""A company as WorkOS tells of it: the events of its founding, and of what changes later."""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from backend.workos.signatures import sign
from bench import load

Json = dict[str, Any]

ORGANIZATION = "org_01BENCH"
DIRECTORY = "directory_01BENCH"
ROLE_GROUPS = ("Authors", "Admins")
WEBHOOK_SECRET = "whsec_of_the_bench"
IN_A_DEPARTMENT = 200
_SAID_AT = "2026-01-01T00:00:00.000Z"


def departments(people: int) -> int:
    """So many that each has 200 people, where there are as many."""
    return max(1, people // IN_A_DEPARTMENT)


def event_id(number: int) -> str:
    """Of the event that a company tells as its first, second, …"""
    return f"event_01{number:024d}"


class Company:
    """Tells its events one after another, each later than the one before; the same each time.

    Person 0 is in `Authors`, and nothing changes about them.
    """

    def __init__(self, people: int) -> None:
        self.people = people
        self.cookie = ""  # of person 0, once they have signed in
        self.groups = [
            *ROLE_GROUPS,
            *(f"Department {number}" for number in range(departments(people))),
        ]
        self._numbers = itertools.count(1)
        # Long enough ago that catch-up takes it as settled.
        self._began = datetime.now(UTC) - timedelta(days=2)
        self._versions = [0] * people
        self._with_role: set[tuple[int, int]] = set()

    def as_filled(self) -> None:
        """It was not told but filled (`filled.py`): its people have come with their roles."""
        self._with_role = {(person, 0) for person in range(0, self.people, 2)} | {(0, 1)}

    def event(self, kind: str, data: Json) -> bytes:
        number = next(self._numbers)
        at = self._began + timedelta(milliseconds=number)
        return json.dumps(
            {
                "object": "event",
                "id": event_id(number),
                "event": kind,
                "data": data,
                "created_at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            }
        ).encode()

    def user(self, number: int) -> Json:
        first, last = f"Person {self._versions[number]}", f"Number {number}"
        email = f"person{number}@bench.example"
        return {
            "object": "directory_user",
            "id": f"directory_user_01{number:024d}",
            "directory_id": DIRECTORY,
            "organization_id": ORGANIZATION,
            "idp_id": f"00u{number:017d}",
            "email": email,
            "first_name": first,
            "last_name": last,
            "name": f"{first} {last}",
            "emails": [{"primary": True, "type": "work", "value": email}],
            "job_title": "Software Engineer",
            "username": email,
            "state": "active",
            "raw_attributes": {},
            "custom_attributes": {"department": "Engineering", "job_title": "Software Engineer"},
            "role": {"slug": "member"},
            "roles": [{"slug": "member"}],
            "created_at": _SAID_AT,
            "updated_at": _SAID_AT,
        }

    def group(self, number: int) -> Json:
        return {
            "object": "directory_group",
            "id": f"directory_group_01{number:024d}",
            "idp_id": f"00g{number:017d}",
            "directory_id": DIRECTORY,
            "organization_id": ORGANIZATION,
            "name": self.groups[number],
            "raw_attributes": {},
            "created_at": _SAID_AT,
            "updated_at": _SAID_AT,
        }

    def membership(self, person: int, group: int) -> Json:
        return {
            "directory_id": DIRECTORY,
            "user": self.user(person),
            "group": self.group(group),
        }

    def beginning(self) -> Iterator[bytes]:
        """The organization, the directory and the groups."""
        yield self.event(
            "organization.created",
            {"object": "organization", "id": ORGANIZATION, "name": "Bench", "domains": []},
        )
        directory = {
            "object": "directory",
            "id": DIRECTORY,
            "organization_id": ORGANIZATION,
            "external_key": "bench",
            "type": "okta scim v2.0",
            "state": "active",
            "name": "Bench's Okta",
            "domains": [],
            "created_at": _SAID_AT,
            "updated_at": _SAID_AT,
        }
        yield self.event("dsync.activated", directory)
        for number in range(len(self.groups)):
            yield self.event("dsync.group.created", self.group(number))

    def arrivals(self) -> Iterator[bytes]:
        """The people, each with a department, and every second one with a role."""
        departments = len(self.groups) - len(ROLE_GROUPS)
        for person in range(self.people):
            yield self.event("dsync.user.created", self.user(person))
            department = len(ROLE_GROUPS) + person % departments
            yield self.event("dsync.group.user_added", self.membership(person, department))
            if person % 2 == 0:
                self._with_role.add((person, 0))
                yield self.event("dsync.group.user_added", self.membership(person, 0))

    def profile(self, person: int) -> bytes:
        """Somebody is renamed."""
        previous = self.user(person)
        self._versions[person] += 1
        changed = {name: previous[name] for name in ("first_name", "name")}
        return self.event(
            "dsync.user.updated", self.user(person) | {"previous_attributes": changed}
        )

    def role(self, person: int, group: int) -> bytes:
        """Somebody who is in a group that gives a role leaves it; whoever is not joins it."""
        change = self.membership(person, group)
        if (person, group) in self._with_role:
            self._with_role.remove((person, group))
            return self.event("dsync.group.user_removed", change)
        self._with_role.add((person, group))
        return self.event("dsync.group.user_added", change)

    def somebody(self, number: int) -> int:
        return 1 + number % (self.people - 1)

    def profiles(self, count: int) -> list[bytes]:
        return [self.profile(self.somebody(number)) for number in range(count)]

    def roles(self, count: int) -> list[bytes]:
        return [self.role(self.somebody(number), number % 2) for number in range(count)]

    def one_person(self, count: int) -> list[bytes]:
        kinds: list[Callable[[int], bytes]] = [self.profile, lambda person: self.role(person, 1)]
        return [kinds[number % 2](1) for number in range(count)]

    def mixed(self, count: int) -> list[bytes]:
        """Of ten, five profiles, four roles, and a group that is told of again."""
        made = []
        for number in range(count):
            person = self.somebody(number)
            if number % 10 == 9:
                group = self.group(number % len(self.groups)) | {"previous_attributes": {}}
                made.append(self.event("dsync.group.updated", group))
            elif number % 2:
                made.append(self.role(person, 0))
            else:
                made.append(self.profile(person))
        return made


def signed(bodies: list[bytes]) -> list[bytes]:
    """Events as WorkOS would deliver them now."""
    now_ms = time.time_ns() // 1_000_000
    return [
        load.post(
            "/api/directory-sync",
            body,
            {"WorkOS-Signature": f"t={now_ms}, v1={sign(body, WEBHOOK_SECRET, now_ms)}"},
        )
        for body in bodies
    ]
