"""The inbox on the wire: what WorkOS announced, and what became of it."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
)

from backend.pagination import EventCursor, Page
from backend.schemas.audit import MirrorState
from backend.schemas.text import storable


class Outcome(StrEnum):
    APPLIED = "applied"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"
    IGNORED = "ignored"
    PARKED = "parked"


class Source(StrEnum):
    WEBHOOK = "webhook"
    CATCH_UP = "catch_up"
    REPLAY = "replay"


class ParkingReason(StrEnum):
    """Why the data of a signed event cannot be applied; a `field` is named where there is one."""

    NOT_JSON = "not_json"
    NOT_AN_EVENT = "not_an_event"
    FIELD_MISSING = "field_missing"
    FIELD_EMPTY = "field_empty"
    FIELD_TOO_LONG = "field_too_long"
    FIELD_INVALID = "field_invalid"
    TOO_LARGE = "too_large"
    FROM_THE_FUTURE = "from_the_future"
    TWO_ORGANIZATIONS = "two_organizations"
    TWO_DIRECTORIES = "two_directories"
    VALUE_TOO_LONG = "value_too_long"
    VALUE_NOT_JSON = "value_not_json"
    RULE_VIOLATED = "rule_violated"
    NOT_STORABLE = "not_storable"


class Receipt(BaseModel):
    outcome: Outcome


def _moment(value: object) -> object:
    if isinstance(value, datetime):
        return value
    try:
        moment = datetime.fromisoformat(str(value).strip())
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError("must be a time such as 2026-01-15T12:00:00Z") from error


Moment = Annotated[datetime, BeforeValidator(_moment)]
RowId = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(storable)]

MOST_AT_ONCE = 1000


class EventPerson(BaseModel):
    id: UUID | None = Field(description="The user, as in `/team`; null while there is none.")
    name: str | None
    directory_user_id: str


class EventGroup(BaseModel):
    id: str
    name: str | None


class EventSummary(BaseModel):
    id: str = Field(examples=["event_01J9ZC0000000000000000A001"])
    type: str = Field(examples=["dsync.group.user_added"])
    outcome: Outcome
    source: str = Field(description="What brought it first: `webhook` or `catch_up`.")
    attempts: int = Field(description="How often it was tried.")
    next_attempt_at: datetime | None = Field(description="When a parked event is tried again.")
    occurred_at: datetime
    received_at: datetime
    reason: ParkingReason | None = Field(description="Why it is parked.")
    field: str | None = Field(description="Of `reason`, the field that is meant.")
    error: str | None = Field(description="Why it is parked, and what to do, in plain words.")
    detail: str | None = Field(description="The same in technical words.")
    person: EventPerson | None
    group: EventGroup | None
    body_kept: bool = Field(description="Whether it can still be replayed.")


class EventPage(Page[EventSummary]):
    pass


class EventHour(BaseModel):
    since: datetime
    events: int
    parked: int = Field(description="Of these, those that are parked now.")


class EventHours(BaseModel):
    hours: list[EventHour] = Field(description="Oldest first; the last one is under way.")
    complete: bool = Field(
        description="False: of hours that were not counted in the background only the newest "
        "million were, so the first of these lack some."
    )


class EventCount(BaseModel):
    count: int
    more: bool = Field(description="Whether there are more; counting ends at 10,000.")


class Person(BaseModel):
    id: UUID
    name: str


class EventTry(BaseModel):
    """A try that changed the mirror, or that somebody asked for."""

    at: datetime
    attempt: int | None = Field(description="Its number; null before tries were numbered.")
    outcome: Outcome
    source: str | None = Field(description="`webhook`, `catch_up` or `replay`.")
    actor: Person | None = Field(description="Who replayed it; null for the command line.")
    before: MirrorState | None = Field(
        description="The state of the person, group or directory; `access` where it could change."
    )
    after: MirrorState | None


class Event(EventSummary):
    payload: Any = Field(description="What WorkOS sent; null once it was purged.")
    payload_purged: bool
    tries: list[EventTry] = Field(description="What it changed, newest first.")


class EventFilters(BaseModel):
    """Which events to list; all of them must hold."""

    outcome: Outcome | None = None
    type: str | None = None
    source: Source | None = None
    since: Moment | None = None
    until: Moment | None = None


class ReplayRange(EventFilters):
    model_config = ConfigDict(
        extra="forbid",  # a misspelt limit would replay more than was meant
        json_schema_extra={
            "examples": [{"outcome": "parked", "since": "2026-01-15T00:00:00Z"}],
        },
    )

    outcome: Outcome | None = Field(
        default=None, description="Only events of this outcome; without it and `ids`: `parked`."
    )
    type: Annotated[RowId | None, Field(description="Only events of this type.")] = None
    source: Source | None = Field(default=None, description="Only events that this brought first.")
    since: Moment | None = Field(default=None, description="Only events received since then.")
    until: Moment | None = Field(default=None, description="Only events received before then.")
    ids: Annotated[
        list[RowId] | None, Field(max_length=MOST_AT_ONCE, description="Only these events.")
    ] = None
    cursor: EventCursor | None = Field(
        default=None, description="`next_cursor` of the answer before."
    )


class ReplayReport(BaseModel):
    replayed: int
    outcomes: dict[Outcome, int] = Field(examples=[{"applied": 11, "parked": 1}])
    still_parked: list[str] = Field(description="Events whose data cannot be applied even now.")
    purged: list[str] = Field(description="Events that were passed over: their body is gone.")
    unknown: list[str] = Field(description="Of `ids`, those that are no events of the range.")
    next_cursor: str | None = Field(
        description=f"At most {MOST_AT_ONCE} at once, oldest first: give it as `cursor` to go on."
    )
