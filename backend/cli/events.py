"""`rollcall events`: the inbox in a terminal."""

import json
from typing import TypeVar
from uuid import UUID

import typer
from pydantic import ValidationError

from backend.database import Database
from backend.pagination import EventCursor
from backend.schemas.events import MOST_AT_ONCE, Event, EventFilters, EventTry, Outcome, ReplayRange
from backend.services.events import inbox
from backend.services.events import replay as replays
from backend.settings import Settings
from backend.workos.scope import DirectoryScope

FiltersT = TypeVar("FiltersT", bound=EventFilters)

DONE, UNDONE = 0, 1

_TIME = "%Y-%m-%d %H:%M:%S"


def chosen_by(model: type[FiltersT], **options: object) -> FiltersT:
    """The filters of a command's options.

    Raises:
        BadParameter: a value cannot be used; the terminal says which.
    """
    try:
        return model.model_validate(options)
    except ValidationError as error:
        first = error.errors()[0]
        reason = first["msg"].removeprefix("Value error, ")
        raise typer.BadParameter(f"--{first['loc'][0]}: {reason}") from error


async def show_list(
    database: Database,
    filters: EventFilters,
    *,
    person: UUID | None,
    group: str | None,
    limit: int,
) -> None:
    async with database.snapshot() as snapshot:
        page = await inbox.list_page(
            snapshot, filters, organization_id=None, person=person, group=group, limit=limit
        )
    for event in page.items:
        typer.echo(f"{event.received_at:{_TIME}}  {event.outcome:<10} {event.type:<26} {event.id}")
        if event.error:
            typer.echo(f"    {event.error}")
    if not page.items:
        typer.echo("No events.")
    elif page.next_cursor:
        typer.echo(f"The newest {limit}; there are more (--limit, --until).")


async def show_one(database: Database, event_id: str) -> None:
    """Raises NotFound."""
    async with database.snapshot() as snapshot:
        event = await inbox.get(snapshot, event_id)
    for name, value in _facts(event).items():
        if value is not None:
            typer.echo(f"{name + ':':<17}{value}")
    for tried in event.tries:
        typer.echo(f"\n{_told(tried)}")
    typer.echo("")
    if event.payload_purged:
        typer.echo("The body was purged: the event cannot be replayed any more.")
    else:
        typer.echo(json.dumps(event.payload, indent=2, ensure_ascii=False))


def _facts(event: Event) -> dict[str, object]:
    person, group = event.person, event.group
    return {
        "id": event.id,
        "type": event.type,
        "outcome": event.outcome,
        "error": event.error,
        "detail": event.detail,
        "attempts": event.attempts,
        "next_attempt_at": event.next_attempt_at,
        "source": event.source,
        "occurred_at": event.occurred_at,
        "received_at": event.received_at,
        "person": person and f"{person.name} ({person.directory_user_id}, user {person.id})",
        "group": group and f"{group.name} ({group.id})",
    }


def _told(tried: EventTry) -> str:
    who = f" by {tried.actor.name}" if tried.actor else ""
    number = f"try {tried.attempt}, " if tried.attempt else ""
    lines = [f"{tried.at:{_TIME}}  {number}{tried.source or 'webhook'}{who}: {tried.outcome}"]
    for name, state in (("before", tried.before), ("after", tried.after)):
        if state is not None:
            told = json.dumps(state.model_dump(mode="json"), ensure_ascii=False)
            lines.append(f"    {name + ':':<8}{told}")
    return "\n".join(lines)


async def replay_one(settings: Settings, database: Database, event_id: str) -> int:
    """Apply one event again; the exit code.

    Raises:
        NotFound, BodyPurged: it cannot be.
    """
    outcome = await replays.replay(database, DirectoryScope.of(settings), event_id)
    typer.echo(outcome)
    return UNDONE if outcome is Outcome.PARKED else DONE


async def replay_many(settings: Settings, database: Database, chosen: ReplayRange) -> int:
    """Apply all the events of a range again, oldest first; the exit code."""
    outcomes: dict[Outcome, int] = {}
    undone: dict[str, list[str]] = {"parked": [], "body purged": [], "unknown": []}
    ids = chosen.ids or []
    parts: list[list[str] | None] = [
        ids[start : start + MOST_AT_ONCE] for start in range(0, len(ids), MOST_AT_ONCE)
    ]
    for part in parts or [None]:
        cursor: EventCursor | None = None
        while True:
            report = await replays.replay_range(
                database,
                DirectoryScope.of(settings),
                chosen.model_copy(update={"ids": part, "cursor": cursor}),
            )
            for outcome, count in report.outcomes.items():
                outcomes[outcome] = outcomes.get(outcome, 0) + count
            undone["parked"] += report.still_parked
            undone["body purged"] += report.purged
            undone["unknown"] += report.unknown
            if report.next_cursor is None:
                break
            cursor = EventCursor.parse(report.next_cursor)
    for reason, events in undone.items():
        for event_id in events:
            typer.echo(f"{event_id}  {reason}")
    counted = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    typer.echo(f"{sum(outcomes.values())} replayed{': ' if counted else ''}{counted}.")
    return UNDONE if any(undone.values()) else DONE
