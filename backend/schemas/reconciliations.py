"""Reconciliations on the wire: how far one is, what it found, and why it waits."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from backend.errors import WorkosFault
from backend.pagination import Page


class State(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    HELD = "held"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


class FailureReason(StrEnum):
    """Why reading from WorkOS failed, where that was not WorkOS's fault."""

    DATABASE_REFUSED = "database_refused"
    DATABASE_FAILED = "database_failed"
    ABANDONED = "abandoned"


MOST_EXAMPLES = 20
MOST_LOSSES = 100
UNFINISHED = frozenset({State.QUEUED, State.RUNNING})


class Trigger(StrEnum):
    API = "api"
    COMMAND = "command"
    SCHEDULE = "schedule"
    EXPIRED_CURSOR = "expired_cursor"


class Progress(BaseModel):
    """What has been read so far; a total is null while WorkOS has not said it."""

    people: int = 0
    people_total: int | None = None
    groups: int = 0
    groups_total: int | None = None
    groups_read: int = Field(default=0, description="Groups whose members have been read.")
    memberships: int = 0


class Change(StrEnum):
    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


class DriftExample(BaseModel):
    change: Change
    id: str
    name: str | None = None
    group: str | None = Field(default=None, description="Of a membership: the group's name.")
    group_id: str | None = None
    changes: dict[str, tuple[Any, Any]] | None = Field(
        default=None, description="By field: what the mirror held, what WorkOS lists."
    )


class KindDrift(BaseModel):
    added: int = 0
    changed: int = 0
    removed: int = 0
    examples: list[DriftExample] = Field(default=[], description="At most 20.")

    def add(self, other: "KindDrift") -> None:
        self.added += other.added
        self.changed += other.changed
        self.removed += other.removed
        self.examples = [*self.examples, *other.examples][:MOST_EXAMPLES]


class Drift(BaseModel):
    """How far the mirror was from what WorkOS lists; all zero where it was right."""

    directories: KindDrift = KindDrift()
    people: KindDrift = KindDrift()
    groups: KindDrift = KindDrift()
    memberships: KindDrift = KindDrift()

    @property
    def added(self) -> int:
        return sum(kind.added for _, kind in self)

    def add(self, other: "Drift") -> None:
        for name, kind in self:
            kind.add(getattr(other, name))

    def counts(self) -> dict[str, dict[str, int]]:
        return {
            name: {"added": kind.added, "changed": kind.changed, "removed": kind.removed}
            for name, kind in self
        }


class ShortListing(BaseModel):
    """WorkOS listed fewer than it counts itself."""

    directory_id: str
    kind: str = Field(description="`people` or `groups`.")
    counted: int
    listed: int


class Loss(BaseModel):
    """What one person would lose."""

    user_id: UUID
    name: str
    active: bool = Field(description="Whether they could still enter.")
    roles_before: list[str]
    roles: list[str] = Field(description="What they would keep.")


class Hold(BaseModel):
    """Why nothing is removed until an admin confirms."""

    people: int = Field(description="People who would lose access or a role.")
    limit: int = Field(description="More than this many wait for an admin.")
    last_admin: bool = Field(description="Whether no active admin would be left.")
    examples: list[str] = Field(description="Names of some of these people.")
    losses: list[Loss] = Field(
        default=[], description="Who would lose what, admins first; at most 100."
    )
    removed: dict[str, int] = Field(description="By kind, what would be live no more.")
    short: list[ShortListing] = Field(default=[])


class Reconciliation(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    organization_id: str
    state: State
    trigger: Trigger
    requested_by: UUID | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    as_of: datetime | None = Field(description="The moment of which it tells, by WorkOS's clock.")
    progress: Progress
    drift: Drift
    held: Hold | None
    reason: WorkosFault | FailureReason | None = Field(description="Of `error`, the code.")
    error: str | None = Field(
        description="Why it failed; while it runs, why WorkOS is being tried again."
    )
    confirmed_by: UUID | None


class ReconciliationPage(Page[Reconciliation]):
    pass
