"""The schema's migrations."""

from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from alembic import command
from backend.settings import SettingsError

_OLDEST_SERVER = 160_000

_ROOT = Path(__file__).parent.parent.parent


def alembic_config(connection: Connection | None = None) -> Config:
    config = Config(toml_file=_ROOT / "pyproject.toml")
    config.set_main_option("script_location", str(_ROOT / "alembic"))
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection) -> None:
    """Bring the schema to the newest revision; a lock keeps two programs from racing."""
    version = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one())
    if version < _OLDEST_SERVER:
        raise SettingsError(
            f"The database of DATABASE_URL is PostgreSQL {version // 10_000}: "
            f"Rollcall needs {_OLDEST_SERVER // 10_000} or later."
        )
    connection.exec_driver_sql("SELECT pg_advisory_lock(hashtextextended('migrations', 0))")
    connection.commit()
    try:
        if not _heads(connection) <= {script.revision for script in _scripts().walk_revisions()}:
            raise SettingsError(
                "The database has the schema of a newer Rollcall: run that version, "
                "or choose another database with DATABASE_URL or ROLLCALL_HOME."
            )
        command.upgrade(alembic_config(connection), "head")
        connection.commit()
    finally:
        connection.rollback()
        connection.exec_driver_sql("SELECT pg_advisory_unlock(hashtextextended('migrations', 0))")


def is_at_head(connection: Connection) -> bool:
    return _heads(connection) == set(_scripts().get_heads())


def _heads(connection: Connection) -> set[str]:
    """The revisions that the database is at; none in an empty one."""
    return set(MigrationContext.configure(connection).get_current_heads())


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(alembic_config())
