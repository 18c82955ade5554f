"""The bench's PostgreSQL server: a database each for what is measured, and what it did."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from bench import programs, statements
from bench.statements import Statement


@dataclass(frozen=True)
class Server:
    """An embedded one; `url` is that of a database that nobody else uses."""

    url: str
    folder: Path

    def url_of(self, name: str) -> str:
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))

    def cpu_seconds(self) -> float:
        return programs.cpu_seconds_of_postgres(self.folder / "data")

    async def sessions(self, name: str) -> list[int]:
        """The processes of a database's clients."""
        connection = await asyncpg.connect(self.url)
        try:
            found = await connection.fetch(
                "SELECT pid FROM pg_stat_activity"
                " WHERE datname = $1 AND backend_type = 'client backend'",
                name,
            )
            return [row["pid"] for row in found]
        finally:
            await connection.close()

    async def execute(self, *statements: str) -> None:
        connection = await asyncpg.connect(self.url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    async def _setting(self, name: str) -> object:
        connection = await asyncpg.connect(self.url)
        try:
            return await connection.fetchval("SELECT current_setting($1)", name)
        finally:
            await connection.close()

    async def create(self, name: str) -> str:
        """A new database; its address."""
        await self.execute(f"CREATE DATABASE {name}")
        return self.url_of(name)

    async def copy(self, name: str) -> str:
        """A copy of a database that nobody is connected to; its address."""
        await self.execute(f"CREATE DATABASE {name}_copy TEMPLATE {name}")
        return self.url_of(f"{name}_copy")

    @asynccontextmanager
    async def noting(self) -> AsyncIterator["Noted"]:
        """Note the statements of all sessions for the while, by the server's log."""
        log, noted = self.folder / "server.log", Noted()
        try:
            await self.execute("ALTER SYSTEM SET log_statement = 'all'", "SELECT pg_reload_conf()")
            # New sessions have it once all others have been told.
            while await self._setting("log_statement") != "all":
                await self.execute("SELECT pg_sleep(0.01)")
            begin = log.stat().st_size
            yield noted
            with log.open("rb") as file:
                file.seek(begin)
                noted.statements = statements.of_log(file.read().decode())
        finally:
            await self.execute("ALTER SYSTEM RESET log_statement", "SELECT pg_reload_conf()")


@dataclass
class Noted:
    statements: list[Statement] = field(default_factory=list)
