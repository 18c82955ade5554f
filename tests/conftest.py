"""A real PostgreSQL for the whole run; each test has an organization of its own in it."""

import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
from hypothesis import settings

from backend.database import Database
from backend.embedded_postgres import SERVING, Addresses, running
from backend.services import last_uses
from tests.database.plans import EXPLAINING
from tests.owner import execute_as_owner, migrate, owning, remember
from tests.stack import Stack, running_stack
from tests.working import seem_to_work
from tools import browser

settings.register_profile("usual", deadline=None, max_examples=200, stateful_step_count=14)
settings.register_profile("nightly", deadline=None, max_examples=2000, stateful_step_count=30)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "usual"))


@pytest.fixture(scope="session", autouse=True)
def _uses_are_written_when_a_test_says() -> Iterator[None]:
    """Every ten seconds they would come between what a slow test counts, or sets aside."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(last_uses, "_EVERY_SECONDS", 3600)
        yield


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
def addresses() -> Iterator[Addresses]:
    with tempfile.TemporaryDirectory() as home:
        # Open to all, or for root the data would be kept elsewhere and left behind.
        Path(home).chmod(0o755)
        with running(Path(home), durable=False) as addresses:
            remember(addresses)
            yield addresses


@pytest.fixture(scope="session")
def database_url(addresses: Addresses) -> str:
    """For the role that owns nothing, as which the application serves."""
    return addresses.serving


@pytest.fixture(scope="session")
def owner_url(addresses: Addresses) -> str:
    return addresses.owner


@pytest.fixture(scope="session")
async def _parameters(owner_url: str) -> None:
    """What tests set to see plans and deadlocks soon, and only a superuser may set by itself."""
    names = ("deadlock_timeout", "session_preload_libraries", *EXPLAINING)
    await execute_as_owner(
        owner_url, f"GRANT SET ON PARAMETER {', '.join(sorted(set(names)))} TO {SERVING}"
    )


@pytest.fixture(scope="session")
async def database(addresses: Addresses, _parameters: None) -> AsyncIterator[Database]:
    await migrate(addresses.owner)
    database = Database(addresses.serving)
    await seem_to_work(database)
    yield database
    await database.close()


@pytest.fixture
async def stack(database: Database) -> AsyncIterator[Stack]:
    async with running_stack(database) as stack:
        yield stack


def _named(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@pytest.fixture
async def empty_database_url(owner_url: str) -> AsyncIterator[str]:
    """A database of the test's own in the same server, without a schema: the owner's address."""
    name = f"empty_{secrets.token_hex(4)}"
    async with owning(owner_url) as connection:
        await connection.execute(f"CREATE DATABASE {name}")
    yield _named(owner_url, name)
    async with owning(owner_url) as connection:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
async def template(owner_url: str, _parameters: None) -> str:
    """A migrated database to copy: nobody connects to it."""
    name = f"template_{secrets.token_hex(4)}"
    async with owning(owner_url) as connection:
        await connection.execute(f"CREATE DATABASE {name}")
    await migrate(_named(owner_url, name))
    return name


@pytest.fixture
async def own_database_url(addresses: Addresses, template: str) -> AsyncIterator[str]:
    """For what there is one of in a deployment: a database of the test's own."""
    name = f"own_{secrets.token_hex(4)}"
    async with owning(addresses.owner) as connection:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield _named(addresses.serving, name)
    async with owning(addresses.owner) as connection:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def own_stack(own_database_url: str) -> AsyncIterator[Stack]:
    own = Database(own_database_url, pool_size=2)
    async with running_stack(own) as stack:
        yield stack
    await own.close()
