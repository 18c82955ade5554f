"""A real PostgreSQL for the whole run; each test has an organization of its own in it."""

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from backend.database import Database
from backend.embedded_postgres import running
from tests.stack import Stack, running_stack

settings.register_profile("usual", deadline=None, max_examples=200, stateful_step_count=14)
settings.register_profile("nightly", deadline=None, max_examples=2000, stateful_step_count=30)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "usual"))


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as home:
        # Open to all, or for root the data would be kept elsewhere and left behind.
        Path(home).chmod(0o755)
        with running(Path(home), durable=False) as url:
            yield url


@pytest.fixture(scope="session")
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    await database.migrate()
    yield database
    await database.close()


@pytest.fixture
async def stack(database: Database) -> AsyncIterator[Stack]:
    async with running_stack(database) as stack:
        yield stack
