"""From when to when somebody had a role, told from what is known of them and of their groups."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

EVER = datetime.min.replace(tzinfo=UTC)
NEVER = datetime.max.replace(tzinfo=UTC)


class Point(NamedTuple):
    """Whether somebody had the role right before and right after a moment, and might enter."""

    at: datetime
    had: bool
    has: bool
    was_active: bool = True
    active: bool = True


class Change(NamedTuple):
    """Of something that is or is not, at a moment, as the log tells it."""

    at: datetime
    before: bool
    after: bool


class Known(NamedTuple):
    """What is known of it: its changes in order, and how it is now."""

    changes: Sequence[Change]
    now: bool

    def right_before(self, moment: datetime) -> bool:
        place = bisect_left(self.changes, moment, key=_at)
        return self.changes[place].before if place < len(self.changes) else self.now

    def right_after(self, moment: datetime) -> bool:
        place = bisect_right(self.changes, moment, key=_at)
        return self.changes[place].before if place < len(self.changes) else self.now


class Source(NamedTuple):
    """A group, as far as one person goes: whether it gives the role, and has them as a member."""

    gives: Known
    has_them: Known


class Moment(NamedTuple):
    """Not earlier, and not later than; the same where it is known."""

    earliest: datetime
    latest: datetime


class Held(NamedTuple):
    since: Moment
    until: Moment


def filled(points: Sequence[Point], sources: Sequence[Source]) -> list[Point]:
    """With points in between, where groups of theirs came to give the role, or gave it no more.

    Args:
        points: somebody's, in order; the last one is now.
        sources: the groups that ever gave it and have ever had them as a member.
    """
    told: list[Point] = []
    for point in points:
        told += _by_groups(told[-1] if told else None, point, sources)
        told.append(point)
    return told


def _by_groups(last: Point | None, point: Point, sources: Sequence[Source]) -> list[Point]:
    """None where that is not what was right before the point: then something else was at work."""
    if not (point.was_active if last is None else last.active):
        return []
    after = EVER if last is None else last.at
    moments = sorted(
        change.at
        for source in sources
        for change in source.gives.changes
        if after < change.at < point.at and source.has_them.right_before(change.at)
    )
    if not moments:
        return []
    holds = last.has if last else _gives(sources, moments[0], Known.right_before)
    found = []
    for moment in moments:
        had, holds = holds, _gives(sources, moment, Known.right_after)
        found.append(Point(moment, had, holds))
    return found if holds == point.had else []


def _gives(
    sources: Sequence[Source], moment: datetime, of: Callable[[Known, datetime], bool]
) -> bool:
    return any(of(each.gives, moment) and each.has_them.right_before(moment) for each in sources)


def _at(change: Change) -> datetime:
    return change.at


def spans(
    points: Sequence[Point], turns: Sequence[datetime], log_since: datetime
) -> Iterator[Held]:
    """From when to when somebody had the role.

    Args:
        points: theirs, in order; the last one is now.
        turns: when anybody may have got or lost it by what was not about them, in order.
        log_since: the time of the oldest entry.
    """
    holds = points[0].had
    # Of somebody who is in no entry it is not even known that they had it then.
    since = Moment(EVER, log_since if len(points) > 1 else points[0].at)
    last = EVER
    for point in points:
        for holds_now, moment in (
            (point.had, _between(last, point.at, turns)),
            (point.has, Moment(point.at, point.at)),
        ):
            if holds_now and not holds:
                since = moment
            elif holds and not holds_now:
                yield Held(since, moment)
            holds = holds_now
        last = point.at
    if holds:
        yield Held(since, Moment(NEVER, NEVER))


def _between(after: datetime, before: datetime, turns: Sequence[datetime]) -> Moment:
    found = turns[bisect_right(turns, after) : bisect_left(turns, before)]
    return Moment(found[0], found[-1]) if found else Moment(after, before)
