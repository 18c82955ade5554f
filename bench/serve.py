"""Serves one ASGI application in this process, with the settings of `rollcall serve`.

With BENCH_PROFILE a profile of all that follows SIGUSR1 is written to that file at the end.
"""

import cProfile
import os
import signal
import sys

import uvicorn

from backend.cli.main import SERVER


def main(factory: str, port: int) -> None:
    wanted = os.environ.get("BENCH_PROFILE")
    profile = cProfile.Profile()
    if wanted:
        signal.signal(signal.SIGUSR1, lambda *_: profile.enable())
        # uvicorn raises the signal again when it has shut down.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        uvicorn.run(factory, factory=True, port=port, **SERVER)
    finally:
        if wanted:
            profile.disable()
            profile.dump_stats(wanted)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
