"""Every change becomes an event, and every event a webhook to send."""

import json
import secrets
from typing import Any

from emulator.clock import iso
from emulator.workos.world import World

Json = dict[str, Any]
MS = 1000


def record(
    world: World, event: str, data: Json, organization_id: str, *, webhook: bool = True
) -> Json:
    """Write the event and what is to be sent of it; belongs in the change's own transaction."""
    created_at = world.clock.tick()
    envelope: Json = {
        "object": "event",
        "id": world.ulids.new("event", created_at),
        "event": event,
        "data": data,
        "created_at": iso(created_at),
    }
    world.store.run(
        "insert into events values (?, ?, ?, ?, ?)",
        envelope["id"],
        created_at,
        event,
        organization_id,
        json.dumps(envelope, separators=(",", ":"), ensure_ascii=False),
    )
    if webhook and world.settings.webhooks:
        _schedule(world, envelope["id"])
    return envelope


def _schedule(world: World, event_id: str) -> None:
    """Put the webhook on its way, with whatever is to go wrong on it."""
    faults = world.faults
    before = faults.model_copy()
    now = world.clock.now_ms()
    due, state, notes = now, "pending", []
    if faults.take("drop"):
        state, notes = "dropped", ["dropped"]
    else:
        if faults.take("delay"):
            due += int(faults.delay_seconds * MS)
            notes.append("delayed")
        if faults.take("shuffle"):
            due += secrets.randbelow(int(faults.shuffle_seconds * MS) + 1)
            notes.append("shuffled")
    corrupt = state == "pending" and faults.take("corrupt_signature")
    if corrupt:
        notes.append("bad signature")
    copies = 2 if state == "pending" and faults.take("send_twice") else 1
    for copy in range(copies):
        note = ", ".join([*notes, "sent again"] if copy else notes)
        world.store.run(
            "insert into deliveries (event_id, state, due_at, corrupt, note, created_at)"
            " values (?, ?, ?, ?, ?, ?)",
            event_id,
            state,
            due,
            corrupt,
            note,
            now,
        )
    if faults != before:
        world.save_settings()
    world.store.after_commit(world.deliveries_wait)


def emitted(world: World) -> list[Json]:
    """Every envelope so far, oldest first, as on the wire."""
    return [
        json.loads(row["body"]) for row in world.store.rows("select body from events order by id")
    ]
