"""A PostgreSQL of our own, for machines on which nobody has set one up."""

from backend.embedded_postgres.place import EmbeddedPostgresError
from backend.embedded_postgres.roles import SERVING, Addresses
from backend.embedded_postgres.server import running

__all__ = ["SERVING", "Addresses", "EmbeddedPostgresError", "running"]
