"""Invariant 3: the mirror is a function of the set of events, whatever their order and repeats."""

import asyncio
import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.database import Database
from emulator.testing import Settings
from tests.histories import History, apply, copy, environments, operations, standing


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(operations, environments, st.randoms(use_true_random=False))
async def test_any_order_and_any_repeats_converge(
    database: Database,
    drawn: list[tuple[str, int, int, str]],
    environment: Settings,
    rng: random.Random,
) -> None:
    events = History(environment).run(drawn)
    in_order, ordered_id = copy(events)
    for event in in_order:
        await apply(database, event)
    shuffled, shuffled_id = copy(events)
    shuffled += rng.choices(shuffled, k=len(shuffled) // 3)
    rng.shuffle(shuffled)
    for event in shuffled:
        await apply(database, event)
    expected = await standing(database, ordered_id)
    assert expected
    assert await standing(database, shuffled_id) == expected


async def test_concurrent_deliveries_converge_without_a_deadlock(database: Database) -> None:
    rng = random.Random(7)
    drawn = [
        (rng.choice(("add", "remove", "deactivate", "reactivate", "rename_group")),
         rng.randrange(3), rng.randrange(3), rng.choice(("Authors", "Admins", "Writers")))
        for _ in range(60)
    ]  # fmt: skip
    events = History(Settings.for_tests()).run(drawn)
    in_order, ordered_id = copy(events)
    for event in in_order:
        await apply(database, event)
    parallel, parallel_id = copy(events)
    parallel *= 2
    rng.shuffle(parallel)
    turns = asyncio.Semaphore(24)

    async def deliver(event: dict[str, object]) -> None:
        async with turns:
            await apply(database, event)

    await asyncio.gather(*(deliver(event) for event in parallel))
    assert await standing(database, parallel_id) == await standing(database, ordered_id)
