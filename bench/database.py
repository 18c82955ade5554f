"""The bench's PostgreSQL server: a database each for what is measured, and what it did."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from bench import programs

_STATEMENT = re.compile(rb" LOG:  (?:execute [^:]*|statement): ")


@dataclass(frozen=True)
class Server:
    """An embedded one; `url` is that of a database that nobody else uses."""

    url: str
    folder: Path

    def url_of(self, name: str) -> str:
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))

    def cpu_seconds(self) -> float:
        return programs.cpu_seconds_of_postgres(self.folder / "data")

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

    @asynccontextmanager
    async def counting(self) -> AsyncIterator["Counted"]:
        """Count the statements of all sessions for the while, by the server's log."""
        log, counted = self.folder / "server.log", Counted()
        try:
            await self.execute("ALTER SYSTEM SET log_statement = 'all'", "SELECT pg_reload_conf()")
            # New sessions have it once all others have been told.
            while await self._setting("log_statement") != "all":
                await asyncio.sleep(0.01)
            begin = log.stat().st_size
            yield counted
            with log.open("rb") as file:
                file.seek(begin)
                counted.statements = len(_STATEMENT.findall(file.read()))
        finally:
            await self.execute("ALTER SYSTEM RESET log_statement", "SELECT pg_reload_conf()")


@dataclass
class Counted:
    statements: int = 0
