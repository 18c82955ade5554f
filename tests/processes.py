"""What runs on this machine, on Linux as on macOS."""

from pathlib import Path

import psutil


def is_alive(pid: int) -> bool:
    """Whether it still runs; one that has ended and is only not yet reaped does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def with_argument(path: Path) -> list[int]:
    """Those in whose command line the path is."""
    return [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if any(str(path) in argument for argument in process.info["cmdline"] or ())
    ]


def resident(pid: int) -> int:
    """Bytes of memory."""
    return int(psutil.Process(pid).memory_info().rss)
