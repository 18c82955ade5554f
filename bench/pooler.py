"""PgBouncer in front of the bench's PostgreSQL, where it is installed."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from bench import programs
from bench.database import Server
from bench.programs import Program
from tools.ports import free_port

_NAME = "pgbouncer"


def find() -> str | None:
    """Where it is; Debian has it where only root looks."""
    return shutil.which(_NAME, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


@asynccontextmanager
async def pooled(
    command: str, server: Server, database: str, mode: str, home: Path
) -> AsyncIterator[tuple[Program, str]]:
    """It pools one database in this mode; the program, and the address that it gives it."""
    behind, port = urlsplit(server.url), free_port()
    configuration = home / f"{_NAME}-{mode}.ini"
    configuration.touch(mode=0o600)
    configuration.write_text(
        f"""[databases]
{database} = host=127.0.0.1 port={behind.port} user={behind.username} password={behind.password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = 150
max_client_conn = 300
"""
    )
    # It reads that as root and then becomes somebody else, for it does not serve as root.
    somebody = ["-u", "nobody"] if os.geteuid() == 0 else []
    log = configuration.with_suffix(".log")
    arguments = [command, *somebody, str(configuration)]
    async with programs.started(arguments, os.environ, log, port=port) as program:
        await programs.until_it_listens(program)
        yield program, f"postgresql://{behind.username}@127.0.0.1:{port}/{database}"
