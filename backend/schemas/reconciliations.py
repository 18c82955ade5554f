"""Reconciliations on the wire: where one stands, what it found, and why it waits."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class State(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    HELD = "held"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


MOST_EXAMPLES = 20
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


class DriftExample(BaseModel):
    change: str = Field(description="`added`, `changed` or `removed`.")
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


class Drift(BaseModel):
    """How far the mirror was from what WorkOS lists; all zero where it was right."""

    directories: KindDrift = KindDrift()
    people: KindDrift = KindDrift()
    groups: KindDrift = KindDrift()
    memberships: KindDrift = KindDrift()

    @property
    def added(self) -> int:
        return sum(kind["added"] for kind in self.counts().values())

    def add(self, found: dict[str, dict[str, Any]]) -> None:
        """Add what `merge_listing` or `complete_reading` found, by kind."""
        for name, more in found.items():
            kind: KindDrift = getattr(self, name)
            kind.added += more.get("added", 0)
            kind.changed += more.get("changed", 0)
            kind.removed += more.get("removed", 0)
            room = MOST_EXAMPLES - len(kind.examples)
            kind.examples += [DriftExample(**each) for each in more["examples"][: max(room, 0)]]

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


class Hold(BaseModel):
    """Why nothing is removed until an admin confirms."""

    people: int = Field(description="People who would lose access or a role.")
    limit: int = Field(description="More than this many wait for an admin.")
    last_admin: bool = Field(description="Whether no active admin would be left.")
    examples: list[str] = Field(description="Names of some of these people.")
    removed: dict[str, int] = Field(description="By kind, what would count no more.")
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
    error: str | None = Field(
        description="Why it failed; while it runs, why WorkOS is being tried again."
    )
    confirmed_by: UUID | None


class ReconciliationPage(BaseModel):
    items: list[Reconciliation]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page.")
