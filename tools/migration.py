"""Write the migration that leads to what the models and backend/sql say, by `make migration`."""

import asyncio
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from alembic import command
from backend.database import Database, alembic_config
from backend.embedded_postgres import running


def _nothing_is_nothing(_context: object, _revision: object, scripts: list[Any]) -> None:
    if scripts[0].upgrade_ops.is_empty():
        scripts.clear()


def _write(connection: Connection, what_it_does: str) -> Path | None:
    config = alembic_config(connection)
    newest = ScriptDirectory.from_config(config).get_current_head()
    written: Any = command.revision(
        config,
        what_it_does,
        autogenerate=True,
        rev_id=f"{int(newest or 0) + 1:04}",
        process_revision_directives=_nothing_is_nothing,
    )
    return Path(written.path) if written else None


async def write(url: str, what_it_does: str) -> Path | None:
    """The new migration, None where there is nothing to migrate.

    Args:
        url: of an empty database.
        what_it_does: in a few words.
    """
    database = Database(url, pool_size=1)
    try:
        await database.migrate()
        async with database.engine.connect() as connection:
            return await connection.run_sync(_write, what_it_does)
    finally:
        await database.close()


def main(what_it_does: str) -> None:
    if not what_it_does:
        sys.exit('Say what the migration does: make migration m="posts have a title"')
    with TemporaryDirectory() as home:
        # Open to all, or for root the data would be kept elsewhere and left behind.
        Path(home).chmod(0o755)
        with running(Path(home), durable=False) as (_, url):
            written = asyncio.run(write(url, what_it_does))
    if written is None:
        print("There is nothing to migrate: models, SQL and migrations agree.")
        return
    ruff = [sys.executable, "-m", "ruff"]
    subprocess.run([*ruff, "check", "--fix", "--quiet", written], check=False)
    subprocess.run([*ruff, "format", "--quiet", written], check=True)
    print("Read it, then run make test.")


if __name__ == "__main__":
    # It becomes the migration's docstring.
    main(" ".join(sys.argv[1:]).strip().replace('"', "'"))
