"""The programs that are measured: started, waited for, and what they cost read from /proc."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tools.ports import free_port

HEAD = Path(__file__).parent.parent
_BENCH = Path(__file__).parent
_STARTING_SECONDS = 60
_TICKS = os.sysconf("SC_CLK_TCK")
_TRIES = 20


class ProgramError(Exception):
    """A program ended too early, with what it said last."""


@dataclass(frozen=True)
class Program:
    """One that runs; `port` is 0 for one that serves nothing."""

    process: asyncio.subprocess.Process
    log: Path
    port: int = 0

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def pids(self) -> list[int]:
        """Of its processes: the one that was started, and those that this one has started."""
        return [self.pid, *_children(self.pid)]

    @property
    def cpu_seconds(self) -> float:
        return sum(cpu_seconds(pid) for pid in self.pids)

    @property
    def most_memory_mb(self) -> float:
        """That of the largest of its processes."""
        return max(most_memory_mb(pid) for pid in self.pids)

    def check(self) -> None:
        """Raises ProgramError when it has ended."""
        if self.process.returncode is not None:
            said = self.log.read_text(errors="replace").strip().splitlines()[-12:]
            raise ProgramError("\n".join([f"{self.log.stem} has ended:", *said]))


@dataclass(frozen=True)
class Application:
    """A tree of this repository at some commit, and the Python that has its packages."""

    name: str
    tree: Path = HEAD
    python: str = sys.executable

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        """That of a program of this tree."""
        return os.environ | {"PYTHONPATH": str(self.tree)} | dict(extra)


@asynccontextmanager
async def running(
    application: Application,
    name: str,
    arguments: list[str],
    environment: Mapping[str, str],
    home: Path,
    *,
    port: int = 0,
) -> AsyncIterator[Program]:
    """A program of the application's Python; what it says goes into a file in `home`."""
    log = home / f"{application.name}-{name}.log"
    command, given = [application.python, *arguments], application.environment(environment)
    async with started(command, given, log, port=port) as program:
        yield program


@asynccontextmanager
async def started(
    command: list[str], environment: Mapping[str, str], log: Path, *, port: int = 0
) -> AsyncIterator[Program]:
    """Any program; it runs where its log is, for there is no .env."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=dict(environment),
            cwd=log.parent,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield Program(process, log, port)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


@asynccontextmanager
async def served(
    application: Application, factory: str, environment: Mapping[str, str], home: Path
) -> AsyncIterator[Program]:
    """An ASGI application of one process that answers, served as `rollcall serve` does it."""
    port = free_port()
    arguments = [str(_BENCH / "serve.py"), factory, str(port)]
    name = factory.partition(":")[0]
    async with running(application, name, arguments, environment, home, port=port) as program:
        await until_it_listens(program)
        yield program


async def until_it_listens(program: Program) -> None:
    async with asyncio.timeout(_STARTING_SECONDS):
        while not await _listens(program.port):
            program.check()
            await asyncio.sleep(0.05)


async def finish(
    application: Application,
    name: str,
    arguments: list[str],
    environment: Mapping[str, str],
    home: Path,
) -> str:
    """Run a program to its end; what it said."""
    async with running(application, name, arguments, environment, home) as program:
        if await program.process.wait():
            program.check()
    return program.log.read_text()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


# What follows is known of Linux alone; elsewhere it is left out.


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used, its threads included; 0 where there is no /proc."""
    return sum(_stat(pid)[11:13]) / _TICKS


def cpu_nanoseconds(pid: int) -> int:
    """The same, exactly, of the threads that it has now."""
    spent = 0
    for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with suppress(OSError):  # it has ended
            spent += int(thread.read_text().split()[0])
    return spent


def cpu_seconds_of_postgres(data: Path) -> float:
    """That of a server and all its processes, those that have ended included."""
    try:
        postmaster = int((data / "postmaster.pid").read_text().split()[0])
    except OSError:
        return 0
    ticks = 0
    for _ in range(_TRIES):
        own = _stat(postmaster)[11:15]
        sessions = sum(sum(fields[11:13]) for fields in _all_stats() if fields[1] == postmaster)
        ticks = sum(own) + sessions
        # One that ends meanwhile is in neither, or in both.
        if _stat(postmaster)[11:15] == own:
            break
    return ticks / _TICKS


def _all_stats() -> Iterator[list[int]]:
    for pid in _all_pids():
        yield _stat(pid)


def _all_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]


def _children(pid: int) -> list[int]:
    return [other for other in _all_pids() if _stat(other)[1] == pid]


def _stat(pid: int) -> list[int]:
    """The fields of /proc/<pid>/stat from the third on; the first of these, a letter, as 0."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:  # it has ended, or there is no /proc
        return [0] * 50
    return [0, *(int(field) for field in text.rpartition(")")[2].split()[1:])]


def most_memory_mb(pid: int) -> float:
    """The largest resident size that a process has had; 0 where there is no /proc."""
    return _memory_mb(pid, "VmHWM")


def memory_mb(pid: int) -> float:
    """Its resident size now; 0 where there is no /proc."""
    return _memory_mb(pid, "VmRSS")


def own_memory_mb(pid: int) -> float:
    """Of its resident size what it shares with no other process or file."""
    return _memory_mb(pid, "RssAnon")


def _memory_mb(pid: int, kind: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(kind)), 0)
