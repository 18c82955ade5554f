"""The two roles of an embedded PostgreSQL: one owns everything, one serves."""

import hashlib
import subprocess
from typing import NamedTuple

from backend.embedded_postgres.place import Place

NAME = "rollcall"
"""Of the owner and of the database."""

SERVING = "rollcall_serving"

_MAKE = """
SELECT $$CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
    PASSWORD '{password}'$$
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') \\gexec
"""


class Addresses(NamedTuple):
    """Of one database, for its two roles.

    Attributes:
        serving: of the role that owns nothing; what it may do, migrations say.
        owner: of the role that migrates.
    """

    serving: str
    owner: str


def addresses(place: Place, port: int) -> Addresses:
    """The addresses; the serving role is made, where an earlier version had none.

    Raises:
        CalledProcessError: it cannot be made.
    """
    password = place.password.read_text(encoding="ascii")
    # Of the owner's, which it does not give away: nothing beside the data could come apart from it.
    serving = hashlib.sha256(f"{SERVING} {password}".encode()).hexdigest()
    ask(place, port, _MAKE.format(role=SERVING, password=serving)).check_returncode()
    at = f"127.0.0.1:{port}/{NAME}"
    return Addresses(
        f"postgresql://{SERVING}:{serving}@{at}", f"postgresql://{NAME}:{password}@{at}"
    )


def ask(place: Place, port: int, statements: str) -> "subprocess.CompletedProcess[str]":
    """Run statements of `psql` as the owner."""
    target = f"host=127.0.0.1 port={port} user={NAME} dbname={NAME} sslmode=disable"
    return subprocess.run(
        [str(place.binaries / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-", target],
        check=False,
        capture_output=True,
        input=statements,
        text=True,
        env={"PGPASSWORD": place.password.read_text(encoding="ascii"), "PGCONNECT_TIMEOUT": "5"},
        cwd="/",
    )
