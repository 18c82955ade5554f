"""One WorkOS environment: its store, its clock, its settings, and who waits for its events."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from emulator.clock import Clock
from emulator.ids import Ulids
from emulator.store import Store
from emulator.workos.schema import ADDED, SCHEMA
from emulator.workos.settings import Faults, Settings


class RefusedError(Exception):
    """The directory object cannot be as asked; `status` and `scim_type` are SCIM's."""

    def __init__(self, status: int, detail: str, scim_type: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.scim_type = scim_type


class NotFoundError(RefusedError):
    """No such object in this environment."""

    def __init__(self, kind: str, object_id: str) -> None:
        super().__init__(404, f"{kind} not found: '{object_id}'.")


@dataclass
class World:
    """What every operation of the WorkOS half takes first."""

    store: Store
    clock: Clock
    settings: Settings
    faults: Faults
    ulids: Ulids = field(default_factory=Ulids)
    on_delivery: list[Callable[[], None]] = field(default_factory=list)
    """Called after a commit that left a webhook to send."""

    def new_id(self, prefix: str) -> str:
        return self.ulids.new(prefix, self.clock.now_ms())

    def deliveries_wait(self) -> None:
        for callback in self.on_delivery:
            callback()

    def save_settings(self) -> None:
        with self.store.transaction():
            for name, value in (("settings", self.settings), ("faults", self.faults)):
                self.store.run(
                    "insert or replace into settings values (?, ?)", name, value.model_dump_json()
                )


def _known(model: type[BaseModel], saved: str) -> dict[str, Any]:
    """Without what an earlier emulator could be set to, and this one cannot."""
    return {name: value for name, value in json.loads(saved).items() if name in model.model_fields}


def open_world(path: Path | None, clock: Clock, settings: Settings) -> World:
    """The world kept at `path`, or a new one with these settings; `None` is in memory."""
    store = Store(path, SCHEMA, ADDED)
    saved = {row["name"]: row["value"] for row in store.rows("select * from settings")}
    if "settings" in saved:
        settings = Settings.model_validate(_known(Settings, saved["settings"]))
    faults = Faults.model_validate(_known(Faults, saved.get("faults", "{}")))
    newest = store.number("select max(created_at) from events")
    clock.resume_after(newest)
    return World(store, clock, settings, faults)
