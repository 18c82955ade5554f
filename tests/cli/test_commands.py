"""The command `rollcall`: what it does, and one sentence for whatever is wrong."""

import asyncio
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from backend.cli.main import app
from backend.database import Database
from backend.embedded_postgres import SERVING, running
from backend.settings import Settings, get_settings
from tests.owner import execute_as_owner
from tests.pooler import Pooler

MIGRATE_FIRST = "The database has an older version's schema: run `rollcall migrate`."
AN_ORGANIZATION = "INSERT INTO organizations (workos_id, name) VALUES ('org_kept', 'Kept')"
NEWER = "The database has the schema of a newer Rollcall, which serves this one, too.\n"


@pytest.fixture(autouse=True)
def _elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> Iterator[None]:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def invoke(*args: str) -> Result:
    """Run a command that has an event loop of its own, as it does in a terminal."""
    get_settings.cache_clear()  # each is a process of its own
    return CliRunner().invoke(app, args)


async def rollcall(*args: str) -> Result:
    return await asyncio.to_thread(invoke, *args)


def sentence(result: Result) -> str:
    """What a failed command says: one line on stderr, and no traceback."""
    assert result.exit_code == 1, (result.output, result.exception)
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line


async def test_help() -> None:
    result = await rollcall("--help")
    for command in ("serve", "migrate", "events"):
        assert command in result.stdout


class TestSchema:
    @pytest.fixture
    async def empty(self, owner_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
        name = f"empty_{secrets.token_hex(4)}"
        admin = await asyncpg.connect(owner_url)
        await admin.execute(f"CREATE DATABASE {name}")
        monkeypatch.setenv("DATABASE_URL", urlunsplit(urlsplit(owner_url)._replace(path=name)))
        yield
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()

    @pytest.fixture
    def embedded(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
        """The address of an embedded one, which the commands find by themselves."""
        monkeypatch.delenv("DATABASE_URL")
        with tempfile.TemporaryDirectory() as home:
            Path(home).chmod(0o755)
            monkeypatch.setenv("ROLLCALL_HOME", home)
            with running(Path(home), durable=False) as (_, url):
                yield url

    @pytest.mark.usefixtures("empty")
    async def test_outdated_is_refused_with_the_command(self) -> None:
        assert sentence(await rollcall("serve", "--port", "1")) == MIGRATE_FIRST
        for args in (("list",), ("show", "x"), ("replay", "x")):
            assert sentence(await rollcall("events", *args)) == MIGRATE_FIRST
        migrated = await rollcall("migrate")
        assert (migrated.exit_code, migrated.stdout) == (0, "The schema is up to date.\n")
        assert (await rollcall("events", "list")).stdout == "No events.\n"
        assert (await rollcall("migrate")).exit_code == 0

    @pytest.mark.usefixtures("empty")
    async def test_of_a_newer_version_is_used_and_left_alone(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert (await rollcall("migrate")).exit_code == 0
        newer = await asyncpg.connect(os.environ["DATABASE_URL"])
        await newer.execute("UPDATE alembic_version SET version_num = '9999'")
        migrated = await rollcall("migrate")
        assert (migrated.exit_code, migrated.stdout) == (0, NEWER)
        listed = await rollcall("events", "list")
        assert (listed.exit_code, listed.stdout, listed.stderr) == (0, "No events.\n", NEWER)
        begun: list[str] = []
        monkeypatch.setattr("uvicorn.run", lambda app, **_: begun.append(app))
        monkeypatch.setattr("signal.signal", lambda *_: None)  # this is not the main thread
        served = await rollcall("serve")
        assert (served.exit_code, served.stderr) == (0, NEWER)
        assert begun == ["backend.main:create_served_app_with_worker"]
        assert await newer.fetchval("SELECT version_num FROM alembic_version") == "9999"
        await newer.close()

    @pytest.mark.usefixtures("empty")
    async def test_of_another_program_is_refused(self) -> None:
        other = await asyncpg.connect(os.environ["DATABASE_URL"])
        await other.execute("CREATE TABLE alembic_version AS SELECT 'x' AS version_num")
        await other.close()
        for command in ("serve", "worker", "migrate", "events list"):
            assert "another program" in sentence(await rollcall(*command.split()))

    async def test_newer_in_the_embedded_database(self, embedded: str) -> None:
        migrated = await rollcall("migrate")
        assert migrated.stdout == "The schema is up to date.\n"
        newer = await asyncpg.connect(embedded)
        await newer.execute("UPDATE alembic_version SET version_num = '9999'")
        await newer.close()
        migrated = await rollcall("migrate")
        assert (migrated.exit_code, migrated.stdout) == (0, NEWER)
        listed = await rollcall("events", "list")
        assert (listed.exit_code, listed.stderr) == (0, NEWER)


def opened(folder: str) -> Path:
    """Open to all, or for root the data would be kept elsewhere and left behind."""
    Path(folder).chmod(0o755)
    return Path(folder)


class TestTwoRoles:
    """One that owns and migrates, one that serves and owns nothing."""

    @pytest.fixture
    async def empty(self, empty_database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
        """The address for the role that serves, of a database without a schema."""
        name = urlsplit(empty_database_url).path
        serving = urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=name))
        monkeypatch.setenv("DATABASE_URL", serving)
        monkeypatch.setenv("MIGRATION_DATABASE_URL", empty_database_url)
        return serving

    async def served(self, monkeypatch: pytest.MonkeyPatch) -> tuple[Result, dict[str, str]]:
        """What `rollcall serve` says, and the environment in which it would serve."""
        environment: dict[str, str] = {}
        monkeypatch.setattr("uvicorn.run", lambda *_, **__: environment.update(os.environ))
        monkeypatch.setattr("signal.signal", lambda *_: None)  # this is not the main thread
        return await rollcall("serve"), environment

    async def test_the_owner_migrates_and_the_other_serves(
        self, empty: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert sentence(await rollcall("events", "list")) == MIGRATE_FIRST
        assert (await rollcall("migrate")).stdout == "The schema is up to date.\n"
        assert (await rollcall("events", "list")).stdout == "No events.\n"
        monkeypatch.setenv("WORKOS_REDIRECT_URI", "https://rollcall.example/auth/callback")
        result, environment = await self.served(monkeypatch)
        assert (result.exit_code, result.stderr) == (0, "")
        assert environment["DATABASE_URL"] == empty
        assert environment["MIGRATION_DATABASE_URL"] == ""

    async def test_what_the_serving_role_lacks_is_said_with_what_to_do(
        self, empty: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also where it is asked to migrate: then nobody gave the owner's address."""
        owner = os.environ["MIGRATION_DATABASE_URL"]
        monkeypatch.delenv("MIGRATION_DATABASE_URL")
        said = sentence(await rollcall("migrate"))
        assert said.startswith("The database of DATABASE_URL cannot be used: permission denied")
        assert "Run `rollcall migrate` with MIGRATION_DATABASE_URL" in said
        monkeypatch.setenv("MIGRATION_DATABASE_URL", owner)
        assert (await rollcall("migrate")).exit_code == 0
        await execute_as_owner(empty, f"REVOKE ALL ON posts, sessions FROM {SERVING}")
        for command in ("serve", "worker", "events list"):
            said = sentence(await rollcall(*command.split()))
            assert said.startswith("The role of DATABASE_URL lacks SELECT on posts, INSERT on")
            assert "Run `rollcall migrate` with MIGRATION_DATABASE_URL" in said
        assert (await rollcall("migrate")).exit_code == 0
        assert (await rollcall("events", "list")).exit_code == 0

    async def test_the_owners_address_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MIGRATION_DATABASE_URL", os.environ["DATABASE_URL"])
        monkeypatch.delenv("DATABASE_URL")
        for command in ("serve", "migrate"):
            said = sentence(await rollcall(command))
            assert said.startswith("MIGRATION_DATABASE_URL is set and DATABASE_URL is not")

    @pytest.mark.usefixtures("empty")
    async def test_what_is_wrong_with_the_owners_address_is_said_of_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MIGRATION_DATABASE_URL", "postgresql://u:p@127.0.0.1:1/x")
        said = sentence(await rollcall("migrate"))
        assert said.startswith("The database of MIGRATION_DATABASE_URL cannot be used: ")
        serving = f"{os.environ['DATABASE_URL']}?application_name=no+owner"
        monkeypatch.setenv("MIGRATION_DATABASE_URL", serving)
        said = sentence(await rollcall("migrate"))
        assert said.endswith("Give it the role that owns the tables and may create more of them")

    async def test_who_serves_as_owner_is_warned_where_others_reach_it(
        self, owner_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", owner_url)
        assert (await rollcall("migrate")).exit_code == 0
        for uri, warnings in (
            ("http://localhost:3000/auth/callback", 0),
            ("https://rollcall.example/auth/callback", 1),
        ):
            monkeypatch.setenv("WORKOS_REDIRECT_URI", uri)
            result, _ = await self.served(monkeypatch)
            monkeypatch.setenv("DATABASE_URL", owner_url)
            assert result.exit_code == 0
            assert len(result.stderr.splitlines()) == warnings, result.stderr
            assert ("of DATABASE_URL is a superuser" in result.stderr) == bool(warnings)

    async def test_a_folder_of_a_version_that_served_as_superuser(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is given the second role at the start, and keeps what it holds."""
        monkeypatch.delenv("DATABASE_URL")
        with tempfile.TemporaryDirectory() as folder:
            home = opened(folder)
            monkeypatch.setenv("ROLLCALL_HOME", folder)
            with running(home, durable=False) as (_, owner):
                database = Database(owner, pool_size=1)
                await database.migrate()
                async with database.transaction() as session:
                    await session.execute(text(AN_ORGANIZATION))
                await database.close()
                await execute_as_owner(owner, f"DROP ROLE {SERVING}")
            assert (await rollcall("events", "list")).stdout == "No events.\n"
            with running(home, durable=False) as (serving, _):
                database = Database(serving, pool_size=1)
                async with database.connect() as connection:
                    kept = text("SELECT name FROM organizations WHERE workos_id = 'org_kept'")
                    assert await connection.scalar(kept) == "Kept"
                assert await database.lacking() == []
                assert (await database.role()).name == SERVING
                await database.close()


@pytest.mark.parametrize("port", ["0", "65536", "80000", "many"])
async def test_a_number_that_is_no_port(port: str) -> None:
    """The server would listen on another port and say nothing."""
    refused = await rollcall("serve", "--port", port)
    assert refused.exit_code == 2
    assert "--port" in refused.stderr


ADDRESSES = {
    "nobody listens": "postgresql://u:p@127.0.0.1:1/x",
    "no such host": "postgresql://u:p@does-not-exist.invalid/x",
    "no such database": "{before}/there_is_none",
    "wrong password": "postgresql://u:p@{host}/rollcall",
    "no such sslmode": "{url}?sslmode=perhaps",
    "tls refused": "{url}?sslmode=require",
    "port is a word": "postgresql://u:p@127.0.0.1:port/x",
    "port too large": "postgresql://u:p@127.0.0.1:99999/x",
}


@pytest.mark.parametrize("case", ADDRESSES)
@pytest.mark.parametrize("command", ["serve", "migrate", "events list"])
async def test_a_database_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, database_url: str, case: str, command: str
) -> None:
    before, host = (
        database_url.rsplit("/", 1)[0],
        database_url.split("@")[1].split("/", maxsplit=1)[0],
    )
    address = ADDRESSES[case].format(before=before, host=host, url=database_url)
    monkeypatch.setenv("DATABASE_URL", address)
    said = sentence(await rollcall(*command.split()))
    assert "DATABASE_URL" in said


@pytest.mark.parametrize("password", ["p#a", "p/a"])
async def test_a_password_that_is_taken_for_something_else(
    monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://u:{password}@127.0.0.1:1/x")
    assert "in a password, write @ : / # as" in sentence(await rollcall("migrate"))


@pytest.mark.parametrize("command", ["serve", "migrate", "events list"])
async def test_a_setting_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("WORKOS_REDIRECT_URI", "localhost")
    said = sentence(await rollcall(*command.split()))
    assert said.startswith("WORKOS_REDIRECT_URI ")


@pytest.mark.parametrize("command", ["serve", "worker", "migrate", "events list"])
async def test_a_pooler_that_pools_transactions(
    monkeypatch: pytest.MonkeyPatch, own_database_url: str, command: str
) -> None:
    async with Pooler(own_database_url, by_transaction=True).listening() as url:
        monkeypatch.setenv("DATABASE_URL", url)
        said = sentence(await rollcall(*command.split()))
    assert said.startswith(
        "The pooler of DATABASE_URL gives connections away after each transaction"
    )


@pytest.mark.parametrize("command", ["serve", "migrate", "events list"])
async def test_a_time_limit_that_is_none(
    monkeypatch: pytest.MonkeyPatch, database_url: str, command: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"{database_url}?connect_timeout=soon")
    said = sentence(await rollcall(*command.split()))
    assert said == "DATABASE_URL: connect_timeout must be a number of seconds."
