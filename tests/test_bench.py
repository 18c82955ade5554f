"""The parts of the benchmark do what they say; no time is asserted."""

import asyncio
import itertools
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx
import pytest
import uvicorn
from starlette.types import ASGIApp

from backend.cli.main import SERVER
from backend.database import Database
from backend.main import create_app
from backend.services.mirror.facts import HANDLERS
from backend.settings import Settings
from backend.workos.client import WorkosClient
from bench import bare, catch_up, fake_workos, programs, reconciliation, sides, statements, table
from bench.company import Company, event_id
from bench.database import Server
from bench.measures import MEASURES, Measure
from bench.programs import Application, ProgramError
from bench.sides import Refused
from bench.statements import Statement
from tests.owner import owning
from tests.working import until

PEOPLE, CHANGES = 60, 40

needs_proc = pytest.mark.skipif(
    not Path("/proc").exists(), reason="processor time is read from /proc"
)


def settings(**more: str) -> Settings:
    """Those that the benchmark gives the application."""
    given = sides.environment("", Path()) | more
    return Settings.model_validate({name.lower(): value for name, value in given.items()})


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[int]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", **SERVER))
    task = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await until(started)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await task


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[WorkosClient]:
    """Of the WorkOS that the benchmark has, with a founding and forty changes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_STREAM", f"{PEOPLE},{CHANGES}")
        app = fake_workos.create_app()
    async with serving(app) as port:
        url = f"http://127.0.0.1:{port}"
        client = WorkosClient(settings(workos_base_url=url))
        yield client
        await client.close()


@pytest.fixture(scope="module")
async def told(database: Database, client: WorkosClient) -> AsyncIterator[tuple[Company, int]]:
    """A company that the application at this port was told of, as the benchmark tells it."""
    app = create_app(settings(), database=database, workos=client, check_pages=False)
    company = Company(4)
    async with app.router.lifespan_context(app), serving(app) as port:
        await sides.found(company, port)
        yield company, port


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.name)
async def test_each_request_does_what_its_measure_says(
    told: tuple[Company, int], measure: Measure
) -> None:
    company, port = told
    await sides.sent(port, measure.make(company, 7), 1, measure.shows)


def test_each_change_of_the_company_changes_something() -> None:
    company = Company(4)
    for _ in range(2):
        for event in map(json.loads, company.profiles(6)):
            data = event["data"]
            assert data["first_name"] != data["previous_attributes"]["first_name"]
    kinds: dict[tuple[str, str], list[str]] = {}
    for event in map(json.loads, company.roles(24)):
        about = event["data"]["user"]["id"], event["data"]["group"]["name"]
        kinds.setdefault(about, []).append(event["event"])
    assert {group for _, group in kinds} == {"Authors", "Admins"}
    for of_one in kinds.values():
        assert len(of_one) > 1
        assert all(one != following for one, following in itertools.pairwise(of_one))


async def test_an_answer_that_does_not_show_it_ends_the_measurement(
    told: tuple[Company, int],
) -> None:
    company, port = told
    again = next(measure for measure in MEASURES if measure.shows == b'"duplicate"')
    with pytest.raises(Refused, match="duplicate"):
        await sides.sent(port, again.make(company, 1), 1, sides.APPLIED)


async def test_the_limit_answers_what_the_application_answered(
    told: tuple[Company, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    company, port = told
    monkeypatch.setenv("BENCH_ANSWERS", str(tmp_path))
    headers = {"Cookie": company.cookie}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
        answers = {path: (await client.get(path)).json() for path in ("/me", "/posts", "/team")}
        for path in answers:
            (tmp_path / path[1:]).write_bytes((await client.get(path)).content)
    transport = httpx.ASGITransport(app=bare.create_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://limit") as client:
        assert {path: (await client.get(path)).json() for path in answers} == answers


async def test_the_events_api_has_each_event_once_and_in_order(client: WorkosClient) -> None:
    async def ids_after(event: str | None) -> list[object]:
        pages = client.event_pages(HANDLERS, event)
        return [event["id"] async for page in pages for event in page.events]  # type: ignore[index]  # as it came

    ids = [event_id(1 + number) for number in range(len(fake_workos.stream(PEOPLE, CHANGES)))]
    assert len(ids) > fake_workos.PAGE
    assert await ids_after(None) == ids
    assert await ids_after(event_id(7)) == ids[7:]
    assert await ids_after(ids[-1]) == []


async def test_statements_of_the_log_can_be_sent_again(
    database_url: str,
) -> None:
    log = (
        "2026-11-26 06:51:12.123 UTC [12] LOG:  statement: BEGIN;\n"
        "2026-11-26 06:51:12.124 UTC [12] LOG:  execute __asyncpg_1__: SELECT $1::text,\n"
        "\t  $2::int\n"
        "2026-11-26 06:51:12.124 UTC [12] DETAIL:  Parameters: $1 = 'Ann''s, $2 = 3', $2 = NULL\n"
        "2026-11-26 06:51:12.125 UTC [13] ERROR:  it failed\n"
        "2026-11-26 06:51:12.125 UTC [12] LOG:  execute <unnamed>: SELECT 1\n"
    )
    found = statements.of_log(log)
    assert found == [
        Statement("BEGIN;", None),
        Statement("SELECT $1::text,\n  $2::int", ("'Ann''s, $2 = 3'", "NULL")),
        Statement("SELECT 1", ()),
    ]
    requests = [[*found, Statement("COMMIT", None)]] * 20
    sent = await statements.send(database_url, requests, 2, lambda: 0.0)
    assert len(sent.latencies) == 20 - 2 * statements.WARMING


@needs_proc
async def test_processor_time_and_memory_of_a_program(tmp_path: Path) -> None:
    busy = ["-c", "while True: pass"]
    async with programs.running(Application("test"), "busy", busy, {}, tmp_path) as program:

        async def has_worked() -> bool:
            return programs.cpu_seconds(program.pid) > 0.05

        await until(has_worked)
        assert programs.most_memory_mb(program.pid) > 1
    assert programs.cpu_seconds(program.pid) == 0


@needs_proc
async def test_a_program_is_all_of_its_processes(tmp_path: Path) -> None:
    """As several workers are: the one that was started does next to nothing."""
    busy = "while True: pass"
    starting = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}])"
    async with programs.running(
        Application("test"), "starting", ["-c", starting], {}, tmp_path
    ) as program:

        async def has_worked() -> bool:
            return program.cpu_seconds > programs.cpu_seconds(program.pid) + 0.05

        await until(has_worked)
        child = next(pid for pid in program.pids if pid != program.pid)
        assert program.most_memory_mb >= programs.most_memory_mb(child)
        os.kill(child, signal.SIGKILL)


@needs_proc
@pytest.mark.parametrize("ended", [False, True])
async def test_processor_time_of_postgres_includes_each_session(
    database: Database, database_url: str, *, ended: bool
) -> None:
    server = Server(database_url, Path(await data_folder(database)).parent)
    connection = await asyncpg.connect(database_url)
    before = server.cpu_seconds()
    await connection.execute("SELECT count(*) FROM generate_series(1, 2000000)")
    if ended:
        await connection.close()
    seen = server.cpu_seconds()
    await connection.close()
    assert seen > before


async def data_folder(database: Database) -> str:
    async with owning(database) as connection:
        return str(await connection.fetchval("SELECT current_setting('data_directory')"))


async def test_a_program_that_ends_early_is_said_with_its_last_words(tmp_path: Path) -> None:
    failing = ["-c", "import sys; sys.exit('no pages')"]
    with pytest.raises(ProgramError, match="no pages"):
        await programs.finish(Application("test"), "failing", failing, {}, tmp_path)


def test_a_program_sees_the_tree_of_its_application(tmp_path: Path) -> None:
    base = Application("base", tmp_path, sys.executable)
    assert base.environment({})["PYTHONPATH"].split(os.pathsep) == [str(tmp_path)]


@pytest.mark.parametrize("aim", table.AIMS)
def test_an_aim_is_of_something_that_is_measured(aim: table.Aim) -> None:
    names = {measure.name for measure in MEASURES} | {*catch_up.NAMES, *reconciliation.NAMES}
    assert aim.measure in names


def test_between_two_commits_there_is_a_line_of_one_by_the_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table.show("GET /me", {"base": {"rate": 1000.0}, "rollcall": {"rate": 1500.0}})
    assert capsys.readouterr().out.splitlines()[-1].split()[:5] == [
        *("GET", "/me", "by", "base", "1.50"),
    ]
