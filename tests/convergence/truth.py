"""What the mirror must say at the end of a history that it has received as a whole."""

from typing import Any, NamedTuple

from tests.convergence.history import Event, History

_ROLES = {"Authors": "author", "Admins": "admin"}


class UserState(NamedTuple):
    """One user: whether they may enter, with which roles, under which name, in which groups."""

    active: bool
    roles: list[str]
    name: str
    email: str | None
    groups: list[str]


def expected(history: History) -> dict[str, UserState]:
    """By idp_id, what the emulator says, less what waits by design.

    The one difference: a membership that the directory still holds, but has not announced since
    that person was last removed or deactivated, waits for an event or a snapshot (merge rule 2).
    """
    truth = history.truth
    announced = announced_since_leaving(history.events)
    held: dict[str, set[str]] = {}
    for user_id, group_id in truth.memberships:
        if (user_id, group_id) in announced:
            held.setdefault(user_id, set()).add(group_id)
    roles: dict[str, set[str]] = {}
    for group_id, name in truth.names_ever:
        if name in _ROLES:
            roles.setdefault(group_id, set()).add(_ROLES[name])
    user_states = {}
    for idp_id, (name, email) in truth.profiles.items():
        users = [user_id for key, user_id in truth.active if key == idp_id]
        groups = set[str]().union(*(held.get(user_id, set()) for user_id in users))
        granted = set[str]().union(*(roles.get(group_id, set()) for group_id in groups))
        user_states[idp_id] = UserState(
            active=bool(users),
            roles=["member", *sorted(granted)] if users else [],
            name=name,
            email=email,
            groups=sorted({truth.group_names[group_id] for group_id in groups}),
        )
    return user_states


def announced_since_leaving(events: list[Event]) -> set[tuple[str, str]]:
    """(directory user, group) of the memberships that were announced after the last leave."""
    announced: set[tuple[str, str]] = set()
    for event in events:
        data: dict[str, Any] = event["data"]
        match event["event"], data:
            case "dsync.group.user_added", {"user": {"id": user_id}, "group": {"id": group_id}}:
                announced.add((user_id, group_id))
            case ("dsync.user.deleted", {"id": left}) | (
                "dsync.user.created" | "dsync.user.updated",
                {"id": left, "state": "inactive"},
            ):
                announced = {pair for pair in announced if pair[0] != left}
            case _:
                pass
    return announced
