"""`make bench`: what a request, an event and a reconciliation cost, each beside its limit."""

import argparse
import json
import os
import pstats
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).parent.parent))

from backend.embedded_postgres import running
from bench import base, catch_up, measures, programs, reconciliation, sides, table
from bench.database import Server
from bench.programs import Application

Figures = dict[str, dict[str, table.Figures]]
"""By the measure's name, and the side's."""


def options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="the measures whose name holds this")
    parser.add_argument("--base", help="a commit to compare with")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=1000, help="of a round")
    parser.add_argument("--people", type=int, default=1000, help="of the company")
    parser.add_argument("--events", type=int, default=50_000, help="of each catch-up")
    parser.add_argument("--listed", type=int, default=10_000, help="people to reconcile")
    parser.add_argument("--profile", action="store_true", help="where the time of requests goes")
    parser.add_argument("--json", type=Path, help="the file to write the figures to")
    return parser.parse_args(arguments)


@contextmanager
def home_and_server() -> Iterator[tuple[Path, Server]]:
    """A folder for what is made, and a PostgreSQL server in it; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="rollcall-bench-") as folder:
        home = Path(folder)
        home.chmod(0o755)  # or for root the data would be kept elsewhere and left behind
        with running(home) as addresses:
            yield home, Server(addresses.owner, home / "postgres")


class Bench:
    """One run: where, of which applications, and the figures so far."""

    def __init__(
        self,
        home: Path,
        server: Server,
        applications: list[Application],
        given: argparse.Namespace,
    ) -> None:
        self.home = home
        self.server = server
        self.applications = applications
        self.given = given
        self.figures: Figures = {}

    def chosen(self, name: str) -> bool:
        return self.given.only in name

    def note(self, name: str, by_side: dict[str, table.Figures]) -> None:
        self.figures[name] = by_side
        table.show(name, by_side)

    async def run(self) -> None:
        table.show_heads()
        await self.measure_requests()
        if any(self.chosen(name) for name in catch_up.NAMES):
            await self.measure_catch_up()
        if any(self.chosen(name) for name in reconciliation.NAMES):
            await self.measure_reconciliation()

    async def measure_requests(self) -> None:
        chosen = [measure for measure in measures.MEASURES if self.chosen(measure.name)]
        if not chosen:
            return
        given, profile = self.given, self.home / "profile" if self.given.profile else None
        async with AsyncExitStack() as stack:
            taking_turns = [
                await stack.enter_async_context(
                    sides.founded(application, self.server, self.home, given.people, profile)
                )
                for application in self.applications
            ]
            limit = sides.bare(taking_turns[-1], self.home)
            taking_turns.append(await stack.enter_async_context(limit))
            for measure in chosen:
                by_side = await measures.run(
                    measure, taking_turns, self.server, rounds=given.rounds, count=given.requests
                )
                self.note(measure.name, by_side)
        if profile:
            pstats.Stats(str(profile)).sort_stats("tottime").print_stats(45)

    async def measure_catch_up(self) -> None:
        by_application = {
            application.name: await catch_up.run(
                application, self.server, self.home, self.given.events
            )
            for application in self.applications
        }
        self.note_all(by_application)

    async def measure_reconciliation(self) -> None:
        by_application = {}
        for application in self.applications:
            try:
                by_application[application.name] = await reconciliation.run(
                    application, self.server, self.home, self.given.listed
                )
            except programs.ProgramError as error:
                # It is called as Python, without WorkOS's limit of requests; a base may differ.
                print(f"{application.name} cannot be measured reconciling: {error}")
        self.note_all(by_application)

    def note_all(self, by_application: Figures) -> None:
        names = {name: None for figures in by_application.values() for name in figures}
        for name in names:
            by_side = {side: figures[name] for side, figures in by_application.items()}
            self.note(name, by_side)


async def main(given: argparse.Namespace) -> None:
    processors, load = os.cpu_count(), os.getloadavg()[0]
    with home_and_server() as (home, server), ExitStack() as stack:
        applications = [Application("rollcall")]
        if given.base:
            applications.insert(0, stack.enter_context(base.checked_out(given.base, home)))
        bench = Bench(home, server, applications, given)
        try:
            await bench.run()
        except (programs.ProgramError, sides.Refused) as error:
            raise SystemExit(f"The benchmark ends here.\n{error}") from error
    table.show_aims(bench.figures)
    print(f"{processors} processors, a load of {load:.1f} before it began")
    if given.json:
        told = {"processors": processors, "load_before": load, "figures": bench.figures}
        given.json.write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    uvloop.run(main(options(sys.argv[1:])))
