"""The directories of an organization on the wire: what state they are in."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, Field

from backend.errors import WorkosFault
from backend.schemas.reconciliations import FailureReason, State


class DirectoryState(StrEnum):
    LIVE = "live"
    REMOVED = "removed"


class Counted(StrEnum):
    PEOPLE = "people"
    GROUPS = "groups"
    MEMBERSHIPS = "memberships"


class Counts(BaseModel):
    """What is live, in so far as it was counted."""

    active_people: int
    people: int = Field(description="Inactive ones too.")
    groups: int
    memberships: int


class Directory(BaseModel):
    id: str
    name: str | None
    type: str | None = Field(examples=["okta scim v2.0"])
    state: DirectoryState
    since: datetime | None = Field(description="Live since its activation, or removed since.")
    complete_as_of: datetime | None = Field(description="When it was last read as a whole.")
    counts: Counts | None


class EventRef(BaseModel):
    id: str
    type: str
    occurred_at: datetime
    received_at: datetime


class Delay(BaseModel):
    """From the event at WorkOS to its arrival here, in seconds, over the newest events."""

    median: float
    longest: float
    events: int = Field(description="Over how many of the newest events.")


class Parked(BaseModel):
    count: int
    oldest_received_at: datetime | None


class CatchUp(BaseModel):
    """Reading the Events API, which brings what no webhook did; for the whole deployment."""

    enabled: bool
    polled_at: datetime | None
    read_up_to: datetime | None = Field(description="Of events, when the last one read occurred.")
    failures: int = Field(description="In a row.")
    reason: WorkosFault | FailureReason | None = Field(description="Of `error`, the code.")
    error: str | None


class BackgroundWorker(BaseModel):
    """Whoever does the background work; for the whole deployment."""

    alive: bool = Field(description="Whether there was a sign of one within the last minute.")
    seen_at: datetime | None = Field(description="The last sign.")


class DriftCounts(BaseModel):
    added: int = 0
    changed: int = 0
    removed: int = 0


class ReconciliationRef(BaseModel):
    id: UUID
    state: State
    created_at: datetime
    finished_at: datetime | None
    as_of: datetime | None
    reason: WorkosFault | FailureReason | None = Field(description="Of `error`, the code.")
    error: str | None
    drift: dict[str, DriftCounts] = Field(
        description="By kind: directories, people, groups, memberships."
    )
    held_people: int | None = Field(description="People who would lose access or a role.")


class Reconciliations(BaseModel):
    last: ReconciliationRef | None = Field(description="The newest that has ended.")
    current: ReconciliationRef | None = Field(description="One that waits, runs or is held.")


class TroubleCode(StrEnum):
    DIRECTORIES_REMOVED = "directories_removed"
    RECONCILIATION_HELD = "reconciliation_held"
    RECONCILIATION_RETRYING = "reconciliation_retrying"
    RECONCILIATION_FAILED = "reconciliation_failed"
    EVENTS_PARKED = "events_parked"
    CATCH_UP_FAILING = "catch_up_failing"
    CURSOR_EXPIRED = "cursor_expired"
    NO_WORKER = "no_worker"
    SSO_INACTIVE = "sso_inactive"
    CERTIFICATE_DUE = "certificate_due"
    DIRECTORY_CUT_OFF = "directory_cut_off"
    BREAK_GLASS = "break_glass"


class Trouble(BaseModel):
    """What somebody should see to; its numbers and times are in the rest of the status."""

    code: TroubleCode
    text: str


class DirectoryStatus(BaseModel):
    status: str = Field(
        description="What an operator should know, in a sentence or two.",
        examples=["All is well: the last event came on 2026-01-15 12:00 UTC."],
    )
    attention: bool = Field(description="Whether somebody should do something.")
    troubles: list[Trouble] = Field(description="What wants attention; `status` is their texts.")
    directory_managed: bool = Field(description="Whether a directory decides who may enter.")
    directories: list[Directory]
    more: list[Counted] = Field(
        description="Of which there are more than were counted: 2,000 of the organization's. All "
        "are then counted in the background, and are in a later answer."
    )
    counts_as_of: datetime | None = Field(
        description="When `counts` were counted in the background, where an organization is large; "
        "null: now, or not at all. Who asks has them counted anew once something has changed, a "
        "minute apart at least."
    )
    last_event: EventRef | None
    delay: Delay | None
    parked: Parked
    catch_up: CatchUp
    worker: BackgroundWorker
    reconciliations: Reconciliations
