"""What has been read of a listing and waits to be merged."""

from backend.services.mirror.rows import (
    DirectoryUserRow,
    Facts,
    GroupRow,
    MembershipRow,
)

_FIRST = 125
_LARGEST = 5_000
_ENOUGH = 2_000
_GROWTH = 4
_GROWN = frozenset(_GROWTH**power for power in range(12))
_TABLES = {
    "directory_users": "users, directory_users",
    "groups": "directory_groups",
    "memberships": "directory_memberships",
}


class Batch:
    """Rows, each once: of one that is listed twice, the later.

    The first parts are small and each is four times the one before.
    """

    def __init__(self) -> None:
        self._other = Facts()
        self._users: dict[str, DirectoryUserRow] = {}
        self._groups: dict[str, GroupRow] = {}
        self._memberships: dict[str, MembershipRow] = {}
        self._members: dict[str, dict[str, None]] = {}  # by group
        self._kinds: set[str] = set()
        self._size = _FIRST
        self._parts = 0

    def add(self, facts: Facts) -> None:
        other = facts.copy()
        self._users |= {row["id"]: row for row in other.pop("directory_users", [])}
        self._groups |= {row["id"]: row for row in other.pop("groups", [])}
        for row in other.pop("memberships", []):
            self._memberships[row["group_id"]] = row
            members = self._members.setdefault(row["group_id"], {})
            members |= dict.fromkeys(row["directory_user_ids"])
        self._other = self._other | other

    def __len__(self) -> int:
        members = sum(len(members) for members in self._members.values())
        return len(self._users) + len(self._groups) + members

    @property
    def is_full(self) -> bool:
        return len(self) >= self._size

    def facts(self) -> Facts:
        facts = self._other.copy()
        if self._users:
            facts["directory_users"] = [*self._users.values()]
        if self._groups:
            facts["groups"] = [*self._groups.values()]
        memberships: list[MembershipRow] = [
            {**row, "directory_user_ids": [*self._members[group_id]]}
            for group_id, row in self._memberships.items()
            if self._members[group_id]
        ]
        if memberships:
            facts["memberships"] = memberships
        return facts

    def grows_the_mirror(self, added: int) -> bool:
        """Whether it is mostly new, and the whole about four times what it was when last so.

        A part of less than two thousand rows is not: the planner would learn that the tables fit
        into a few pages, where the first migration has taught it better.
        """
        return (
            2 * added > len(self) > 0
            and self._size >= _ENOUGH
            and (self._size < _LARGEST or self._parts in _GROWN)
        )

    @property
    def tables(self) -> str:
        """Those that it goes to."""
        return ", ".join(_TABLES[kind] for kind in self.facts() if kind in _TABLES)

    def clear(self) -> None:
        """Begin the next part."""
        if len(self):
            kinds = {*self.facts()}
            goes_on = kinds <= self._kinds
            self._size = min(_GROWTH * self._size, _LARGEST) if goes_on else _FIRST
            self._parts = self._parts + 1 if goes_on else 1
            self._kinds = kinds
        self._users, self._groups, self._memberships, self._members = {}, {}, {}, {}
        self._other = Facts()
