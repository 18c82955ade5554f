"""What has been read of a listing and waits to be merged."""

from typing import Any

from backend.services.directory_facts import Facts

_FIRST = 125
_LARGEST = 5_000
_GROWTH = 4
_GROWN = frozenset(_GROWTH**power for power in range(12))
_TABLES = {
    "users": "users, directory_users",
    "groups": "directory_groups",
    "memberships": "directory_memberships",
}


class Batch:
    """Rows, each once: of one that is listed twice, the later.

    The first parts are small and each is four times the one before: while the tables grow from
    nothing, the planner has to be told so early.
    """

    def __init__(self) -> None:
        self._other = Facts()
        self._rows: dict[str, dict[Any, dict[str, Any]]] = {}
        self._kinds: set[str] = set()
        self._size = _FIRST
        self._parts = 0

    def add(self, facts: Facts) -> None:
        for row in facts.pop("users", []):
            self._rows.setdefault("users", {})[row["id"]] = row
        for row in facts.pop("groups", []):
            self._rows.setdefault("groups", {})[row["id"]] = row
        for row in facts.pop("memberships", []):
            self._rows.setdefault("memberships", {})[row["user_id"], row["group_id"]] = row
        self._other.update(facts)

    def __len__(self) -> int:
        return sum(len(rows) for rows in self._rows.values())

    @property
    def is_full(self) -> bool:
        return len(self) >= self._size

    def facts(self) -> dict[str, Any]:
        return {
            **self._other,
            **{kind: [*rows.values()] for kind, rows in self._rows.items() if rows},
        }

    def grows_the_mirror(self, added: int) -> bool:
        """Whether it is mostly new, and the whole about four times what it was when last so."""
        return 2 * added > len(self) > 0 and (self._size < _LARGEST or self._parts in _GROWN)

    @property
    def tables(self) -> str:
        """Those that it goes to."""
        return ", ".join(_TABLES[kind] for kind in self._rows)

    def clear(self) -> None:
        """Begin the next part."""
        kinds = {*self._rows}
        if kinds:
            self._size = min(_GROWTH * self._size, _LARGEST) if kinds <= self._kinds else _FIRST
            self._parts = self._parts + 1 if kinds <= self._kinds else 1
            self._kinds = kinds
        self._rows = {}
        self._other = Facts()
