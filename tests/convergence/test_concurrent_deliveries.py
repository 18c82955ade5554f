"""Invariants 3 and 5 under contention: real processes, real commits, real deadlocks."""

import asyncio
import json
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from backend.database import Database
from backend.schemas.events import Outcome, Source
from tests.convergence.history import Event, History
from tests.convergence.life import Life
from tests.convergence.mirror import contents, copy, deliver, user_states
from tests.convergence.truth import expected
from tests.stack import Stack, as_body, new_event, post_webhook, user_data

PROCESSES = 4  # with eight deliveries each

_ROOT = Path(__file__).parents[2]


def busiest_lives(count: int) -> list[History]:
    lives: list[History] = []

    class Kept(Life):
        def tell(self, history: History) -> None:
            lives.append(history)

    usual = settings(max_examples=12, stateful_step_count=40, deadline=None)
    run_state_machine_as_test(
        Kept, settings=settings(usual, derandomize=True, database=None, phases=(Phase.generate,))
    )
    return sorted(lives, key=lambda life: len(life.events))[-count:]


async def send(database_url: str, events: Path, seed: int) -> Counter[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.convergence.sender", database_url, str(events), str(seed),
        cwd=_ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    printed, _ = await process.communicate()
    assert process.returncode == 0
    return Counter(json.loads(printed.splitlines()[-1]))


async def meddle(database: Database, organizations: list[str]) -> None:
    """Lock what the deliveries lock, in the other order, and cut one of their connections."""
    cut = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'sender' AND wait_event_type = 'Lock' LIMIT 1"
    )
    with suppress(DBAPIError):
        async with database.transaction() as session:
            # The one who meddles gives way later than a delivery that is in a deadlock.
            await session.execute(text("SET LOCAL lock_timeout = '200ms'"))
            for table in ("directory_groups", "directory_users", "users"):
                await session.execute(
                    text(f"SELECT FROM {table} WHERE organization_id = ANY(:ids) FOR UPDATE"),
                    {"ids": organizations},
                )
                await asyncio.sleep(0.01)
            await session.execute(cut)


async def test_from_several_processes_with_deadlocks_and_cut_connections(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    lives = busiest_lives(2)
    copies = [(copy(life.events), copy(life.events)) for life in lives]
    at_once: list[Event] = [event for _, (events, _) in copies for event in events]
    file = tmp_path / "events.json"
    file.write_text(json.dumps(at_once))
    url = f"{database_url}?application_name=sender&deadlock_timeout=20ms"
    sending = asyncio.gather(*(send(url, file, seed) for seed in range(PROCESSES)))
    while not sending.done():
        await meddle(database, [organization for _, (_, organization) in copies])
        await asyncio.sleep(0.05)
    answers = sum(await sending, Counter[str]())

    assert answers.pop("503") > 0
    assert set(answers) <= {Outcome.APPLIED, Outcome.SUPERSEDED, Outcome.DUPLICATE}
    assert answers.pop(Outcome.DUPLICATE) == (PROCESSES - 1) * len(at_once)
    assert answers.total() == len(at_once)
    async with database.connect() as connection:
        for life, ((in_order, ordered_id), (_, contended_id)) in zip(lives, copies, strict=True):
            await deliver(database, [(event, Source.WEBHOOK) for event in in_order])
            held = await user_states(connection, contended_id)
            assert held == await user_states(connection, ordered_id) == expected(life)
            assert await contents(connection, contended_id) == await contents(
                connection, ordered_id
            )


async def test_invariant_5_a_deadlock_is_answered_503_and_leaves_nothing(
    stack: Stack, database_url: str
) -> None:
    data = user_data(stack)
    await stack.post_event(new_event("dsync.user.created", data))
    gone = new_event("dsync.user.updated", data | {"state": "inactive"})
    usual = stack.database
    stack.app.state.database = Database(f"{database_url}?deadlock_timeout=100ms", pool_size=1)
    try:
        async with usual.transaction() as session:
            await session.execute(text("SET LOCAL deadlock_timeout = '1min'"))
            await session.execute(
                text("SELECT FROM directory_users WHERE id = :id FOR UPDATE"), {"id": data["id"]}
            )
            delivery = asyncio.create_task(post_webhook(stack, as_body(gone)))
            waits = text("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
            while not await session.scalar(waits):
                assert not delivery.done()
                await asyncio.sleep(0.005)
            await session.execute(
                text("SELECT FROM users WHERE key = :key FOR UPDATE"), {"key": data["idp_id"]}
            )
            answer = await delivery
    finally:
        await stack.database.close()
        stack.app.state.database = usual
    assert answer.status_code == 503, answer.text
    async with usual.connect() as connection:
        kept = text("SELECT count(*) FROM directory_events WHERE id = :id")
        assert await connection.scalar(kept, {"id": gone["id"]}) == 0
        assert (await user_states(connection, stack.organization.id))[data["idp_id"]].active
    assert await stack.post_event(gone) == "applied"
