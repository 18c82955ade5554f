"""A real PostgreSQL for the whole run; each test has an organization of its own in it."""

import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from hypothesis import settings
from sqlalchemy import text

from backend.database import Database
from backend.embedded_postgres import running
from tests.stack import Stack, running_stack
from tests.working import seem_to_work
from tools import browser

settings.register_profile("usual", deadline=None, max_examples=200, stateful_step_count=14)
settings.register_profile("nightly", deadline=None, max_examples=2000, stateful_step_count=30)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "usual"))


@pytest.fixture(scope="session")
def browser_path(request: pytest.FixtureRequest) -> Path | None:
    """For Playwright's `executable_path`. Without a browser the run ends with the first test."""
    try:
        return browser.find()
    except browser.NoBrowserError as error:
        sentence = str(error)
    request.session.shouldfail = sentence
    pytest.fail(sentence, pytrace=False)


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
    await seem_to_work(database)
    yield database
    await database.close()


@pytest.fixture
async def stack(database: Database) -> AsyncIterator[Stack]:
    async with running_stack(database) as stack:
        yield stack


@pytest.fixture
async def empty_database_url(database: Database, database_url: str) -> AsyncIterator[str]:
    """A database of the test's own in the same server, without a schema."""
    name = f"empty_{secrets.token_hex(4)}"
    async with database.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
    yield urlunsplit(urlsplit(database_url)._replace(path=f"/{name}"))
    async with database.connect() as connection:
        await connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture(scope="session")
async def template(database: Database, database_url: str) -> str:
    """A migrated database to copy: nobody connects to it."""
    name = f"template_{secrets.token_hex(4)}"
    async with database.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name}"))
    empty = Database(urlunsplit(urlsplit(database_url)._replace(path=f"/{name}")), pool_size=1)
    await empty.migrate()
    await empty.close()
    return name


@pytest.fixture
async def own_database_url(
    database: Database, database_url: str, template: str
) -> AsyncIterator[str]:
    """For what there is one of in a deployment: a database of the test's own."""
    name = f"own_{secrets.token_hex(4)}"
    async with database.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    yield urlunsplit(urlsplit(database_url)._replace(path=f"/{name}"))
    async with database.connect() as connection:
        await connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
async def own_stack(own_database_url: str) -> AsyncIterator[Stack]:
    own = Database(own_database_url, pool_size=2)
    async with running_stack(own) as stack:
        yield stack
    await own.close()
