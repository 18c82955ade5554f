"""Invariant 3: the mirror is a function of the set of events, whatever their order and repeats."""

from collections.abc import Iterator

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis.stateful import run_state_machine_as_test

from backend.database import Database
from backend.embedded_postgres import Addresses
from tests.convergence.history import History
from tests.convergence.life import Life
from tests.convergence.mirror import check_converges
from tests.convergence.truth import expected
from tests.owner import migrate


@pytest.fixture(scope="module")
def portal() -> Iterator[BlockingPortal]:
    """A loop of its own, for state machines are not asynchronous."""
    with start_blocking_portal(backend_options={"use_uvloop": True}) as portal:
        yield portal


@pytest.fixture(scope="module")
def mirror(portal: BlockingPortal, addresses: Addresses) -> Iterator[Database]:
    async def opened() -> Database:
        await migrate(addresses.owner)
        return Database(addresses.serving)

    database = portal.call(opened)
    yield database
    portal.call(database.close)


def test_any_order_and_any_repeats_converge_to_what_the_directory_holds(
    portal: BlockingPortal, mirror: Database
) -> None:
    class Mirrored(Life):
        def tell(self, history: History) -> None:
            events = self.arrival.of(history.events)
            result = portal.call(check_converges, mirror, events, self.arrival.rng)
            if self.arrival.tells_all:
                assert result == expected(history)

    run_state_machine_as_test(Mirrored)
