"""A history: the events of a company's life, and what its directory holds in the end."""

import json
import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random
from typing import Any, NamedTuple

Event = dict[str, Any]
Ids = list[tuple[str, str]]

LISTING = "listing"
"""The kind of what is no event: a complete listing, which arrives among them."""

_EPOCH = datetime(2026, 9, 1, tzinfo=UTC)


class Truth(NamedTuple):
    """What the emulator's own tables say at the end.

    `profiles`: by idp_id the name and address last announced, also of who has left since;
    `group_names`: of the groups there are; `names_ever`: (group, name), of deleted ones too;
    `active`: (idp_id, directory user); `memberships`: (directory user, group).
    """

    profiles: dict[str, tuple[str, str | None]]
    group_names: dict[str, str]
    names_ever: Ids
    active: Ids
    memberships: Ids


class History(NamedTuple):
    events: list[Event]
    truth: Truth


class Kept(StrEnum):
    """What comes back under the id that it had before."""

    DIRECTORY = "directory"
    GROUP = "directory_group"
    PERSON = "directory_user"


class Loss(StrEnum):
    """Which events never arrive."""

    NOTHING = "nothing"
    UNNOTICED = "unnoticed"
    """Only such as others make up for, so that the end is the same."""
    ANYTHING = "anything"


def keep_ids(history: History, kept: Collection[Kept]) -> History:
    """The history as it is where what was deleted and made again has its first id."""
    first: dict[str, str] = {}
    closed: list[str] = []
    people: dict[tuple[str, str], str] = {}
    groups: dict[str, tuple[str, str]] = {}
    gone: dict[tuple[str, str], str] = {}
    for event in history.events:
        data = event["data"]
        known = first.get(data.get("id"), data.get("id"))
        directory = first.get(data.get("directory_id"), data.get("directory_id"))
        match event["event"]:
            case "dsync.activated" if Kept.DIRECTORY in kept and closed:
                first[known] = closed.pop()
            case "dsync.deleted":
                closed.append(known)
                left = [group for group, (home, _) in groups.items() if home == known]
                gone |= {groups.pop(group): group for group in left}
            case "dsync.user.created" if Kept.PERSON in kept:
                first[known] = people.setdefault((directory, data["idp_id"]), known)
            case "dsync.group.created":
                group = (directory, data["name"])
                if Kept.GROUP in kept:
                    first[known] = gone.pop(group, known)
                groups[first.get(known, known)] = group
            case "dsync.group.updated":
                groups[known] = (directory, data["name"])
            case "dsync.group.deleted":
                gone[groups.pop(known)] = known
            case _:
                pass
    return _with_ids(history, {new: old for new, old in first.items() if new != old})


def _with_ids(history: History, ids: dict[str, str]) -> History:
    if not ids:
        return history
    text = re.sub("|".join(ids), lambda found: ids[found[0]], json.dumps(history))
    events, truth = json.loads(text)
    return History(events, Truth(*truth))


def with_stale_copies(events: list[Event], rng: Random) -> list[Event]:
    """Membership events carry the person and the group as they were at any time before."""
    seen: dict[str, list[Event]] = {}
    stale = []
    for event in events:
        data = event["data"]
        if "user" in data:
            copies = {
                kind: rng.choice(seen.get(data[kind]["id"], [data[kind]]))
                for kind in ("user", "group")
            }
            stale.append(event | {"data": data | copies})
            continue
        stale.append(event)
        if "id" in data:
            seen.setdefault(data["id"], []).append(data)
    return stale


def at_one_moment(events: list[Event], together: int) -> list[Event]:
    """So many successive events each have the same time, as on a busy day; the ids differ."""
    return [
        event | {"created_at": (_EPOCH + timedelta(seconds=position // together)).isoformat()}
        for position, event in enumerate(events)
    ]


def without_lost(events: list[Event], loss: Loss, rng: Random) -> list[Event]:
    lost: list[int] = []
    if loss is Loss.UNNOTICED:
        lost = dispensable(events)
    elif loss is Loss.ANYTHING:
        lost = rng.sample(range(len(events)), k=len(events) // 4)
    return [event for position, event in enumerate(events) if position not in lost]


def with_a_listing(events: list[Event], rng: Random) -> list[Event]:
    """A complete listing of some directory at some time, of part of what it had by then.

    Whether it is true does not matter for whether all orders of arrival end alike.
    """
    announced = [event["data"] for event in events if event["event"] == "dsync.activated"]
    if not announced:
        return events
    directory = rng.choice(announced)
    position = rng.randrange(len(events))
    known: dict[str, dict[str, dict[str, Any]]] = {"user": {}, "group": {}}
    for event in events[:position]:
        for kind, rows in known.items():
            for data in (event["data"], event["data"].get(kind, {})):
                if data.get("object") == f"directory_{kind}":
                    rows[data["id"]] = data
    people, groups = (
        [row for row in known[kind].values() if row["directory_id"] == directory["id"]]
        for kind in ("user", "group")
    )
    listed = {
        "directory": directory,
        "users": rng.sample(people, k=len(people) * 3 // 4),
        "groups": rng.sample(groups, k=len(groups) * 3 // 4),
    }
    pairs = [(user["id"], group["id"]) for user in listed["users"] for group in listed["groups"]]
    listing = {
        "event": LISTING,
        "id": f"snapshot_{sum(event['event'] == LISTING for event in events)}",
        "created_at": events[position]["created_at"],
        "data": listed | {"memberships": rng.sample(pairs, k=len(pairs) // 2)},
    }
    return [*events[:position], listing, *events[position:]]


def dispensable(events: list[Event]) -> list[int]:
    """Positions of events whose loss nobody can tell in the end, by the merge rules."""
    return [
        position
        for position, event in enumerate(events)
        if _is_told_again(event, events[:position], events[position + 1 :])
        or _is_replaced(event, events[position + 1 :])
    ]


def _is_told_again(event: Event, earlier: list[Event], later: list[Event]) -> bool:
    """A first creation, where the next that is heard of it is a membership that tells the same."""
    kind = {"dsync.user.created": "user", "dsync.group.created": "group"}.get(event["event"])
    data = event["data"]
    if kind is None or any(_is_about(other, data["id"]) for other in earlier):
        return False
    if kind == "user" and any(other["data"].get("idp_id") == data["idp_id"] for other in earlier):
        return False  # the user's profile is what a fact from elsewhere says
    after = next((other for other in later if _is_about(other, data["id"])), None)
    return (
        after is not None
        and after["event"] == "dsync.group.user_added"
        and after["data"][kind] == data
    )


def _is_replaced(event: Event, later: list[Event]) -> bool:
    """A deletion of somebody who is then back in that directory under another id for good."""
    gone = event["data"]
    return (
        event["event"] == "dsync.user.deleted"
        and not any(_is_about(other, gone["id"]) for other in later)
        and any(
            other["event"] == "dsync.user.created"
            and other["data"]["idp_id"] == gone["idp_id"]
            and other["data"]["directory_id"] == gone["directory_id"]
            for other in later
        )
    )


def _is_about(event: Event, object_id: str) -> bool:
    data = event["data"]
    parts = (data, data.get("user", {}), data.get("group", {}))
    return object_id in {part.get("id") for part in parts}
