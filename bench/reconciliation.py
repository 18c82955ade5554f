"""A reconciliation from an empty mirror, and one that finds nothing changed, beside a COPY."""

import json
from pathlib import Path

from bench import programs
from bench.copying import seconds_of_copy
from bench.database import Server
from bench.programs import Application
from bench.sides import migrated
from bench.table import Figures
from emulator.scenario.generate import ORGANIZATION_ID

NAMES = ("reconciliation: first", "reconciliation: unchanged")
WRITTEN = ("users", "directory_users", "directory_groups", "directory_memberships")


async def run(
    application: Application, server: Server, home: Path, people: int
) -> dict[str, Figures]:
    """By the name of the measure."""
    figures = {}
    async with (
        programs.served(
            Application("emulator"),
            "bench.emulated:create_app",
            {"BENCH_PEOPLE": str(people)},
            home,
        ) as emulator,
        migrated(application, server, "reconciled", home) as given,
    ):
        from_emulator = {
            "WORKOS_BASE_URL": f"http://127.0.0.1:{emulator.port}",
            "WORKOS_API_KEY": "sk_test_emulator",
            "WORKOS_CLIENT_ID": "client_emulator",
        }
        program = [str(Path(__file__).parent / "reconcile.py"), ORGANIZATION_ID]
        for name in NAMES:
            postgres = server.cpu_seconds()
            said = await programs.finish(
                application, "reconcile", program, given | from_emulator, home
            )
            postgres = server.cpu_seconds() - postgres
            seen = json.loads(said.splitlines()[-1])
            copy = await seconds_of_copy(given["DATABASE_URL"], WRITTEN, home)
            figures[name] = seen | {
                "postgres_us": postgres / seen["rows"] * 1e6,
                "copy_seconds": copy,
                "of_copy": seen["seconds"] / copy,
            }
    return figures
