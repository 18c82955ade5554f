"""`make bench`: what a request, an event and a reconciliation cost, each beside its limit."""

import argparse
import json
import pstats
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).parent.parent))

from backend.embedded_postgres import running
from bench import measures, sides
from bench.database import Server
from bench.programs import Application

Figures = dict[str, dict[str, dict[str, float]]]
"""By the measure's name, and the side's."""

_COLUMNS = [
    ("rate", "/s", ".0f"),
    ("ratio", "ratio", ".2f"),
    ("p50_ms", "p50 ms", ".1f"),
    ("p99_ms", "p99 ms", ".1f"),
    ("program_us", "CPU us", ".0f"),
    ("postgres_us", "PG us", ".0f"),
    ("statements", "statements", ".1f"),
    ("memory_mb", "MB", ".0f"),
]


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="measures whose name holds this")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=2000, help="of a round")
    parser.add_argument("--people", type=int, default=1000, help="of the company")
    parser.add_argument("--profile", action="store_true", help="where the application's time goes")
    parser.add_argument("--json", type=Path, help="where to write the figures to")
    return parser.parse_args()


@contextmanager
def home_and_server() -> Iterator[tuple[Path, Server]]:
    with tempfile.TemporaryDirectory(prefix="rollcall-bench-") as folder:
        home = Path(folder)
        home.chmod(0o755)  # or for root the data would be kept elsewhere and left behind
        with running(home) as url:
            yield home, Server(url, home / "postgres")


def show(name: str, by_side: dict[str, dict[str, float]]) -> None:
    for side, figures in by_side.items():
        cells = "".join(f"{figures[key]:>{len(head) + 3}{form}}" for key, head, form in _COLUMNS)
        print(f"{name:<24}{side:<10}{cells}", flush=True)


async def requests(
    home: Path, server: Server, applications: list[Application], given: argparse.Namespace
) -> Figures:
    """The measures over HTTP."""
    chosen = [measure for measure in measures.MEASURES if given.only in measure.name]
    figures: Figures = {}
    if not chosen:
        return figures
    profile = home / "profile" if given.profile else None
    async with AsyncExitStack() as stack:
        taking_turns = [
            await stack.enter_async_context(
                sides.founded(application, server, home, given.people, profile)
            )
            for application in applications
        ]
        taking_turns.append(await stack.enter_async_context(sides.bare(taking_turns[0], home)))
        print(f"{'':<34}" + "".join(f"{head:>{len(head) + 3}}" for _, head, _ in _COLUMNS))
        for measure in chosen:
            figures[measure.name] = await measures.run(
                measure, taking_turns, server, rounds=given.rounds, count=given.requests
            )
            show(measure.name, figures[measure.name])
    if profile:
        pstats.Stats(str(profile)).sort_stats("tottime").print_stats(45)
    return figures


async def main(given: argparse.Namespace) -> None:
    with home_and_server() as (home, server):
        figures = await requests(home, server, [Application("rollcall")], given)
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    uvloop.run(main(options()))
