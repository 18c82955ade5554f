"""Runs the migrations on the connection that `backend.database` hands over, or on its own."""

import asyncio
from contextlib import suppress
from typing import Any

from alembic.runtime.plugins import Plugin
from sqlalchemy import Connection

from alembic import context
from backend.database import Database, sql_objects
from backend.models import Base
from backend.settings import get_settings

# Once a program: it may migrate several databases, and this file is run for each.
_PLUGIN = "rollcall.sql_objects"
with suppress(ValueError):  # it is there already
    Plugin.setup_plugin_from_module(sql_objects, _PLUGIN)


def _ours(_object: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
    return not (kind == "table" and name is not None and name.startswith("pgqueuer"))


def _run(connection: Connection) -> None:
    options: dict[str, Any] = {"include_object": _ours, "compare_type": True}
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_server_default=True,
        transaction_per_migration=True,
        autogenerate_plugins=["alembic.autogenerate.*", _PLUGIN],
        **options,
    )
    with context.begin_transaction():
        context.run_migrations()


async def _run_by_itself() -> None:
    settings = get_settings()
    database = Database(settings.migration_database_url or settings.database_url)
    try:
        async with database.engine.connect() as connection:
            await connection.run_sync(_run)
    finally:
        await database.close()


given: Connection | None = context.config.attributes.get("connection")
if given is None:
    asyncio.run(_run_by_itself())
else:
    _run(given)
