"""A company whose life is played in the emulator, and what the emulator says of it."""

import itertools
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from emulator.store import Row
from emulator.testing import Emulator, Settings
from tests.convergence.history import Event, Truth

GROUP_NAMES = ("Authors", "Admins", "Writers", "Designers", "Editors")

_EPOCH = 1_790_000_000


@dataclass(frozen=True)
class Person:
    """Somebody in a directory; `unseen` when WorkOS has no directory user for them."""

    idp_id: str
    directory_id: str = field(repr=False)
    scim_id: str = field(repr=False)
    email: str | None
    active: bool
    unseen: bool


@dataclass(frozen=True)
class Group:
    name: str
    directory_id: str = field(repr=False)
    scim_id: str = field(repr=False)


Pair = tuple[Group, Person]


class Company:
    """One organization; to be observed after each step."""

    def __init__(self, settings: Settings) -> None:
        # Each look at the clock is a second later: the same operations have the same times.
        clock = map(float, itertools.count(_EPOCH))
        self.emulator = Emulator(settings=settings, now=clock.__next__)
        self.organization = self.emulator.create_organization("Acme")
        self.directories: list[str] = []
        self._numbers = itertools.count(1)
        self._hired: dict[str, set[str]] = defaultdict(set)
        self._profiles: dict[str, tuple[int, str, str | None]] = {}
        self._names_ever: set[tuple[str, str]] = set()

    def open_directory(self) -> str:
        directory = self.emulator.create_directory(self.organization.id, "Acme Okta")
        # The Okta half, which sign-ins need, would not have one person in two directories.
        self.emulator._forget_company(directory.id)
        self.directories.append(directory.id)
        return directory.id

    def close_directory(self, directory_id: str) -> None:
        self.emulator.delete_directory(directory_id)
        self.directories.remove(directory_id)

    def hire(self, directory_id: str, idp_id: str | None = None) -> Person:
        """Somebody new, or somebody who has been here or is in another directory."""
        idp_id = idp_id or f"00u{next(self._numbers):017d}"
        self.emulator.create_user(
            directory_id, email=self.new_address(), first_name=self.new_name(), idp_id=idp_id
        )
        self._hired[directory_id].add(idp_id)
        (person,) = [each for each in self.people(directory_id) if each.idp_id == idp_id]
        return person

    def push_group(self, directory_id: str, name: str, members: Iterable[Person] = ()) -> Group:
        pushed = self.emulator.create_group(directory_id, name)
        group = Group(name, directory_id, pushed.scim_id)
        for member in members:
            self.toggle(group, member)
        return group

    def toggle(self, group: Group, person: Person) -> None:
        """In if out, out if in."""
        member = self._row(
            "select 1 from scim_members where group_id = ? and user_id = ?",
            group.scim_id,
            person.scim_id,
        )
        change = self.emulator.remove_member if member else self.emulator.add_member
        change(group.scim_id, person.scim_id)

    def new_name(self) -> str:
        return f"Name{next(self._numbers)}"

    def new_address(self) -> str:
        return f"m{next(self._numbers)}@acme.example"

    def people(self, directory_id: str | None = None) -> list[Person]:
        rows = self._rows(
            "select s.id, s.directory_id, s.external_id, s.active, d.email, d.id as seen"
            " from scim_users s left join directory_users d on d.scim_id = s.id order by s.id"
        )
        return [
            Person(
                row["external_id"],
                row["directory_id"],
                row["id"],
                row["email"],
                active=bool(row["active"]),
                unseen=row["seen"] is None,
            )
            for row in rows
            if directory_id in {None, row["directory_id"]}
        ]

    def present(self) -> list[Person]:
        return [person for person in self.people() if person.active and not person.unseen]

    def away(self) -> list[Person]:
        return [person for person in self.people() if not person.active]

    def hireable(self) -> list[tuple[str, str]]:
        """(directory, idp_id) of who was once in the company and is not in this directory."""
        everybody = sorted(set().union(*self._hired.values()))
        here = {(person.directory_id, person.idp_id) for person in self.people()}
        return [
            (directory, idp_id)
            for directory in self.directories
            for idp_id in everybody
            if (directory, idp_id) not in here
        ]

    def groups(self) -> list[Group]:
        rows = self._rows("select name, directory_id, scim_id from directory_groups order by id")
        return [Group(*row) for row in rows]

    def free_names(self) -> list[tuple[str, str]]:
        """(directory, name) that a group could have; Okta refuses a second of a name."""
        return self._names_but({(group.directory_id, group.name) for group in self.groups()})

    def new_names(self) -> list[tuple[str, str]]:
        """Of these, those of groups that could be pushed: WorkOS keeps a renamed one's first."""
        return [each for each in self.free_names() if each in self._names_but(self._identities())]

    def pushable_again(self) -> list[Group]:
        """Groups that could be pushed under their name when they are gone."""
        return [
            group
            for group in self.groups()
            if (group.directory_id, group.name) not in self._identities(but=group.scim_id)
        ]

    def _identities(self, but: str = "") -> set[tuple[str, str]]:
        statement = "select directory_id, idp_id from directory_groups where scim_id != ?"
        return set(map(tuple, self._rows(statement, but)))

    def _names_but(self, taken: set[tuple[str, str]]) -> list[tuple[str, str]]:
        return [
            (directory, name)
            for directory in self.directories
            for name in GROUP_NAMES
            if (directory, name) not in taken
        ]

    def pairs(self, people: list[Person]) -> list[Pair]:
        """Of one directory each."""
        groups = self.groups()
        return [
            (group, person)
            for group in groups
            for person in people
            if group.directory_id == person.directory_id
        ]

    def observe(self) -> None:
        """Note what a later state may not show."""
        for row in self._rows("select idp_id, updated_at, name, email from directory_users"):
            seen = (row["updated_at"], row["name"], row["email"])
            self._profiles[row["idp_id"]] = max(
                seen, self._profiles.get(row["idp_id"], seen), key=lambda profile: profile[0]
            )
        self._names_ever |= set(map(tuple, self._rows("select id, name from directory_groups")))

    def truth(self) -> Truth:
        """What the emulator's own tables say now, in the ids of its events."""
        active = self._rows("select idp_id, id from directory_users where state = 'active'")
        memberships = self._rows(
            "select u.id, g.id from scim_members m"
            " join directory_users u on u.scim_id = m.user_id"
            " join directory_groups g on g.scim_id = m.group_id"
        )
        return Truth(
            profiles={key: (name, email) for key, (_, name, email) in self._profiles.items()},
            group_names=dict(map(tuple, self._rows("select id, name from directory_groups"))),
            names_ever=sorted(self._names_ever),
            active=[(idp_id, user_id) for idp_id, user_id in active],
            memberships=[(user_id, group_id) for user_id, group_id in memberships],
        )

    def events(self) -> list[Event]:
        """What WorkOS announced by webhook, in order."""
        return [
            event for event in self.emulator.events if not event["event"].startswith("dsync.token")
        ]

    def _rows(self, sql: str, *values: str) -> list[Row]:
        return self.emulator.world.store.rows(sql, *values)

    def _row(self, sql: str, *values: str) -> Row | None:
        return self.emulator.world.store.row(sql, *values)
