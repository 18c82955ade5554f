"""The deliveries as they stand in the store: what is due, what came back, what is tried again."""

from collections.abc import Iterable
from dataclasses import dataclass

from emulator.store import Row
from emulator.workos.world import NotFoundError, World

MS = 1000
HOUR_MS = 3_600_000
HTTP_OK = range(200, 300)
DUE = (
    "select d.*, e.body from deliveries d join events e on e.id = d.event_id"
    " where d.state = 'pending' and d.due_at <= ? order by d.due_at, d.id limit ?"
)


@dataclass(frozen=True)
class Attempt:
    """One try: `status` is None when no answer came, and `answer` says why."""

    delivery: Row
    at: int
    ms: int
    status: int | None
    answer: str
    unreachable: bool = False

    @property
    def delivered(self) -> bool:
        return self.status in HTTP_OK


def due(world: World, limit: int, leave_out: set[int]) -> list[Row]:
    """The next to send, oldest due first, without those under way."""
    rows = world.store.rows(DUE, world.clock.now_ms(), limit + len(leave_out))
    return [row for row in rows if row["id"] not in leave_out][:limit]


def oldest(world: World) -> list[Row]:
    """The delivery with which to find out whether the receiver is back: a retry need not be due."""
    return world.store.rows(
        "select d.*, e.body from deliveries d join events e on e.id = d.event_id"
        " where d.state = 'pending' and (d.attempts > 0 or d.due_at <= ?) order by d.id limit 1",
        world.clock.now_ms(),
    )


def next_due_at(world: World) -> int | None:
    """Milliseconds since the epoch at which the next one is due."""
    row = world.store.one("select min(due_at) as due_at from deliveries where state = 'pending'")
    return None if row["due_at"] is None else int(row["due_at"])


def first_attempts_wait(world: World) -> bool:
    """Whether anything is due that was never tried."""
    return world.store.exists(
        "select 1 from deliveries where state = 'pending' and attempts = 0 and due_at <= ? limit 1",
        world.clock.now_ms(),
    )


def record(world: World, attempts: Iterable[Attempt]) -> None:
    """Write down what came back, and when to try again."""
    with world.store.transaction():
        for attempt in attempts:
            tries = attempt.delivery["attempts"] + 1
            state, due_at = _outcome(world, attempt, tries)
            world.store.run(
                "insert into attempts (delivery_id, at, ms, status, answer) values (?, ?, ?, ?, ?)",
                attempt.delivery["id"],
                attempt.at,
                attempt.ms,
                attempt.status,
                attempt.answer,
            )
            world.store.run(
                "update deliveries set state = ?, due_at = ?, attempts = ?, corrupt = 0,"
                " last_status = ?, last_answer = ?, last_ms = ?, last_at = ? where id = ?",
                state,
                due_at,
                tries,
                attempt.status,
                attempt.answer,
                attempt.ms,
                attempt.at,
                attempt.delivery["id"],
            )


def _outcome(world: World, attempt: Attempt, tries: int) -> tuple[str, int]:
    if attempt.delivered:
        return "delivered", attempt.at
    settings = world.settings
    now = world.clock.now_ms()
    if now - attempt.delivery["created_at"] > settings.give_up_after_hours * HOUR_MS:
        return "failed", now
    doublings = min(tries - 1, 30)
    wait = min(settings.first_retry_seconds * 2**doublings, settings.longest_retry_seconds)
    return "pending", now + int(wait * MS)


def release_unanswered(world: World) -> None:
    """The receiver is back: whatever waits because nobody answered is due now."""
    world.store.run(
        "update deliveries set due_at = ? where state = 'pending' and attempts > 0"
        " and last_status is null and due_at > ?",
        world.clock.now_ms(),
        world.clock.now_ms(),
    )


def send_again(world: World, delivery_id: int) -> None:
    """Redelivery by hand: the same event, a new delivery. Raises NotFoundError."""
    row = world.store.row("select * from deliveries where id = ?", delivery_id)
    if row is None:
        raise NotFoundError("Delivery", str(delivery_id))
    now = world.clock.now_ms()
    with world.store.transaction():
        world.store.run(
            "insert into deliveries (event_id, state, due_at, note, created_at)"
            " values (?, 'pending', ?, 'sent by hand', ?)",
            row["event_id"],
            now,
            now,
        )
        world.store.after_commit(world.deliveries_wait)
