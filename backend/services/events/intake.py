"""The way in: every event comes in here, whatever brought it, and is applied once."""

import json
import logging
from collections.abc import Sequence
from functools import cache, partial
from typing import Any, NamedTuple, cast
from uuid import UUID

import asyncpg
from prometheus_client import Counter
from sqlalchemy import ARRAY, Boolean, LargeBinary, Text, Uuid, bindparam, func, select
from sqlalchemy.dialects.postgresql import JSONB
from uuid_utils.compat import uuid7

from backend.database import (
    MOST_BYTES_TOGETHER,
    AutocommitConnection,
    Database,
    Events,
    Query,
    ends_connection,
    is_content_error,
    sqlstate,
)
from backend.errors import PayloadTooLarge
from backend.metrics import DIRECTORY_EVENTS, TOO_LARGE
from backend.schemas.events import Outcome, ParkingReason
from backend.services.events.parsing import ReadEvent
from backend.services.mirror import facts
from backend.services.mirror.facts import UnusableData
from backend.services.mirror.rows import Facts, GroupRow

_log = logging.getLogger(__name__)

_APPLY = Query(
    select(
        func.apply_events(
            bindparam("events", type_=JSONB),
            bindparam("user_keys", type_=ARRAY(Text)),
            bindparam("bodies", type_=ARRAY(LargeBinary)),
            bindparam("facts", type_=JSONB),
            bindparam("audit_ids", type_=ARRAY(Uuid)),
            bindparam("replayed", type_=Boolean),
            bindparam("actor", type_=Uuid),
        )
    )
)

# By PostgreSQL's SQLSTATE, or its class.
_REFUSALS = {
    "22P02": ParkingReason.VALUE_NOT_JSON,
    "23": ParkingReason.RULE_VIOLATED,
    "54": ParkingReason.VALUE_TOO_LONG,
}


class Replay(NamedTuple):
    """A replay by hand, which is noted; without an actor it is the command line's."""

    actor_id: UUID | None = None


@cache
def _count(outcome: Outcome) -> Counter:
    return DIRECTORY_EVENTS.labels(outcome)


async def receive(database: Database, event: ReadEvent) -> Outcome:
    """Take in what a webhook brought, together with what others bring at the same moment.

    Raises:
        PayloadTooLarge: it could not be kept, which is noted; WorkOS sends it again.
        TooManyWaiting: it was not taken in; WorkOS sends it again.
    """
    outcome = await database.events.together(
        partial(_apply_together, database.events),
        event,
        kind=_kind(event),
        keys=_keys(event),
        size=len(event.body or b""),
    )
    _count(outcome).inc()
    if event.body is None:
        TOO_LARGE.inc()
        _log.warning("webhook: an event is too large: %s", event.row["detail"])
        raise PayloadTooLarge
    return outcome


def _kind(event: ReadEvent) -> str | None:
    """What it can be applied together with: people's, groups', what is only kept, or nothing."""
    if event.facts is None:
        return "kept"
    if event.row["directory_user_id"]:
        return "people"
    return "groups" if "groups" in event.facts else None


def _keys(event: ReadEvent) -> set[str]:
    """What must not be written by another one at the same time: itself, and its subject."""
    row = event.row
    keys = {row["id"]}
    if event.facts is not None:
        of = row["organization_id"]
        person = row["directory_user_id"]
        if person:
            keys |= {f"{of} {person}", f"{of} {row['user_key']}"}
        else:
            keys.add(f"{of} {row['group_id'] or row['directory_id'] or ''}")
    return keys


def _named(event: ReadEvent) -> set[str]:
    """What others write that it stands in an order with: the group of a membership."""
    row = event.row
    if event.facts is None or not (row["directory_user_id"] and row["group_id"]):
        return set()
    return {f"{row['organization_id']} {row['group_id']}"}


async def apply(
    on: Events | AutocommitConnection, event: ReadEvent, *, replay: Replay | None = None
) -> Outcome:
    """Take in one event, durably, and apply it; known events are answered `duplicate`.

    Args:
        on: `Database.events`, or a connection.
        event: as it was read.
        replay: apply it even when it is known.
    """
    try:
        return await _apply_alone(on, event, replay)
    except asyncpg.PostgresError as error:
        if not is_content_error(error):
            raise
        code = sqlstate(error)
        reason = _REFUSALS.get(code) or _REFUSALS.get(code[:2], ParkingReason.NOT_STORABLE)
        refused = UnusableData(reason, f"The database refused it: {error.args[0]}")
    except RecursionError:
        refused = UnusableData(ParkingReason.VALUE_TOO_LONG, "It is nested too deeply.")
    parked = event._replace(row=facts.parked(event.row, refused), facts=None)
    return await _apply_alone(on, parked, replay)


async def apply_all(
    on: AutocommitConnection,
    events: Sequence[ReadEvent],
    *,
    replay: Replay | None = None,
) -> list[Outcome | Exception]:
    """As `apply`, of many: each one's outcome, or the fault at which it was not taken in.

    Args:
        on: a connection.
        events: in the order in which those about the same are applied.
        replay: apply them even when they are known.
    """
    results: dict[int, Outcome | Exception] = {}
    left = _batches(events)
    while left:
        batch = left.pop(0)
        try:
            found = await _apply_together(on, [events[n] for n in batch], replay)
        except asyncpg.PostgresError as error:
            if ends_connection(error):
                raise
            results[batch[0]] = error
            continue
        answered = {n: outcome for n, outcome in zip(batch, found, strict=True) if outcome}
        results |= answered
        again = [n for n in batch if n not in answered]
        left[:0] = [again] if answered and again else [[n] for n in again]
    return [results[n] for n in range(len(events))]


def _batches(events: Sequence[ReadEvent]) -> list[list[int]]:
    """Which can be applied together, one batch after the other: no two of one share a key."""
    batches: list[list[int]] = []
    kinds: list[str | None] = []
    sizes: list[int] = []
    # The first batch after those that write a key, or name it.
    after: dict[str, int] = {}
    after_named: dict[str, int] = {}
    begin = 0
    for n, event in enumerate(events):
        kind, keys, named, size = _kind(event), _keys(event), _named(event), len(event.body or b"")
        place = max(
            begin,
            *(after.get(key, 0) for key in keys | named),
            *(after_named.get(key, 0) for key in keys),
        )
        while place < len(batches) and not (
            kinds[place] == kind and sizes[place] + size <= MOST_BYTES_TOGETHER
        ):
            place += 1
        if place == len(batches):
            batches.append([])
            kinds.append(kind)
            sizes.append(0)
        batches[place].append(n)
        sizes[place] += size
        after.update(dict.fromkeys(keys, place + 1))
        for key in named:
            after_named[key] = max(place + 1, after_named.get(key, 0))
        if kind is None:  # it may be about what those before and after it are about
            begin = place + 1
    return batches


async def _apply_together(
    on: Events | AutocommitConnection,
    events: Sequence[ReadEvent],
    replay: Replay | None = None,
) -> list[Outcome | None]:
    """Of each its outcome; None: again, by itself where none has one."""
    if len(events) == 1:
        return [await apply(on, events[0], replay=replay)]
    try:
        return await _try(on, events, replay)
    except (asyncpg.PostgresError, RecursionError) as error:
        if ends_connection(error):
            raise
        return [None] * len(events)  # at one of them


async def _apply_alone(
    on: Events | AutocommitConnection, event: ReadEvent, replay: Replay | None
) -> Outcome:
    (outcome,) = await _try(on, [event], replay)
    assert outcome is not None
    return outcome


async def _try(
    on: Events | AutocommitConnection,
    events: Sequence[ReadEvent],
    replay: Replay | None = None,
) -> list[Outcome | None]:
    """One statement. None of an event: it must be sent again, as `apply_events` says."""
    merged = _merged([event.facts for event in events if event.facts is not None])
    values: dict[str, object] = {
        "events": json.dumps([event.row for event in events]),
        "user_keys": [event.row["user_key"] for event in events],
        "bodies": [event.body for event in events],
        "facts": json.dumps(merged) if merged else None,
        "audit_ids": [uuid7() for _ in events],
        "replayed": replay is not None,
        "actor": replay and replay.actor_id,
    }
    found = await _APPLY.rows(on, **values)
    return [outcome and Outcome(outcome) for outcome in found[0][0]]


def _merged(facts: Sequence[Facts]) -> Facts:
    """The facts of events about as many people, or groups; of a group in several, its newest."""
    managed: set[str] = set()
    groups: dict[tuple[str, str], GroupRow] = {}
    merged = Facts()
    rows: dict[str, list[Any]] = cast("dict[str, list[Any]]", merged)
    for one in facts:
        for kind, found in cast("dict[str, list[Any]]", one).items():
            if kind == "managed":
                managed.update(found)
            elif kind == "groups":
                for group in found:
                    key = group["organization_id"], group["id"]
                    if key not in groups or _rank(groups[key]) < _rank(group):
                        groups[key] = group
            else:
                rows.setdefault(kind, []).extend(found)
    if managed:
        merged["managed"] = sorted(managed)
    if groups:
        merged["groups"] = list(groups.values())
    return merged


def _rank(group: GroupRow) -> tuple[int, str, str]:
    return group["rank"], group["occurred_at"], group["event_id"]
