"""The schema's migrations."""

from enum import StrEnum
from pathlib import Path
from typing import assert_never

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from alembic import command
from backend.database import privileges
from backend.settings import SettingsError

_OLDEST_SERVER = 160_000

_ROOT = Path(__file__).parent.parent.parent


def alembic_config(connection: Connection | None = None) -> Config:
    config = Config(toml_file=_ROOT / "pyproject.toml")
    config.set_main_option("script_location", str(_ROOT / "alembic"))
    config.attributes["connection"] = connection
    return config


class Schema(StrEnum):
    """What the database's schema is to this program."""

    CURRENT = "current"
    OUTDATED = "outdated"  # or not there at all
    NEWER = "newer"  # as in a rolling deployment, and after a rollback
    FOREIGN = "foreign"

    @property
    def usable(self) -> bool:
        """A migration leaves the version before it working: so what is newer serves."""
        match self:
            case Schema.CURRENT | Schema.NEWER:
                return True
            case Schema.OUTDATED | Schema.FOREIGN:
                return False
            case _:
                assert_never(self)

    @property
    def sentence(self) -> str:
        match self:
            case Schema.CURRENT:
                return "The schema is up to date."
            case Schema.OUTDATED:
                return "The database has an older version's schema: run `rollcall migrate`."
            case Schema.NEWER:
                return (
                    "The database has the schema of a newer Rollcall, which serves this one, too."
                )
            case Schema.FOREIGN:
                return (
                    "The database has the migrations of another program: choose another one "
                    "with DATABASE_URL or ROLLCALL_HOME."
                )
            case _:
                assert_never(self)


def upgrade(connection: Connection, serving_role: str | None) -> Schema:
    """Bring the schema to the newest revision; a lock keeps two programs from racing.

    Args:
        connection: of the owner.
        serving_role: is given what it needs; None: the owner serves, too.

    Returns:
        What it is now: one that is newer than this program is left as it is.
    """
    version = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one())
    if version < _OLDEST_SERVER:
        raise SettingsError(
            f"The database of DATABASE_URL is PostgreSQL {version // 10_000}: "
            f"Rollcall needs {_OLDEST_SERVER // 10_000} or later."
        )
    connection.exec_driver_sql("SELECT pg_advisory_lock(hashtextextended('migrations', 0))")
    connection.commit()
    try:
        if schema(connection) is Schema.OUTDATED:
            command.upgrade(alembic_config(connection), "head")
        connection.commit()
        found = schema(connection)
        if serving_role is not None and found is Schema.CURRENT:
            privileges.grant(connection, serving_role)
            connection.commit()
        return found
    finally:
        connection.rollback()
        connection.exec_driver_sql("SELECT pg_advisory_unlock(hashtextextended('migrations', 0))")


def schema(connection: Connection) -> Schema:
    scripts = ScriptDirectory.from_config(alembic_config())
    found = set(MigrationContext.configure(connection).get_current_heads())
    if found == set(scripts.get_heads()):
        return Schema.CURRENT
    if found <= {script.revision for script in scripts.walk_revisions()}:
        return Schema.OUTDATED
    # Revisions that we do not know. Every version of ours has this view.
    ours = connection.exec_driver_sql("SELECT to_regclass('access')").scalar_one()
    return Schema.FOREIGN if ours is None else Schema.NEWER
