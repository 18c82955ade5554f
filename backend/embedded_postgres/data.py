"""Makes the data of an embedded PostgreSQL that has none yet."""

import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

from backend.embedded_postgres.place import Place
from backend.embedded_postgres.roles import NAME

ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC"}
"""Nothing of ours: the server's user may be shared, and our environment holds secrets."""


def make_data(place: Place, alive: int) -> None:
    """Complete or not at all: the folder gets its name last. `alive` is held until all is done."""
    for leftover in place.folder.glob("unfinished-*"):
        shutil.rmtree(leftover)
    place.password.unlink(missing_ok=True)
    descriptor = os.open(place.password, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(24))
    data = tempfile.mkdtemp(prefix="unfinished-", dir=place.folder)
    if place.owner:
        for path in (place.password, data):
            os.chown(path, place.owner.uid, place.owner.gid)
    _run(
        place,
        *("initdb", "--pgdata", data, "--username", NAME, "--pwfile", str(place.password)),
        *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"),
        *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--no-sync"),
        alive=alive,
    )
    _run(
        place,
        *("postgres", "--single", "-D", data, "-c", "log_checkpoints=off", "postgres"),
        alive=alive,
        text=f"CREATE DATABASE {NAME}\n",
    )
    _run(place, "initdb", "--pgdata", data, "--sync-only", alive=alive)
    Path(data).rename(place.data)


def _run(place: Place, program: str, *arguments: str, alive: int, text: str = "") -> None:
    owner = place.owner
    subprocess.run(
        [place.binaries / program, *arguments],
        check=True,
        capture_output=True,
        input=text,
        text=True,
        env=ENVIRONMENT,
        cwd="/",
        pass_fds=[alive],
        user=owner.uid if owner else None,
        group=owner.gid if owner else None,
        extra_groups=[] if owner else None,
    )
