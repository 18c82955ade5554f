"""The emulator with a generated company, for reconciliations to read."""

import os

from fastapi import FastAPI

from emulator.scenario import generate
from emulator.testing import Emulator


def create_app() -> FastAPI:
    emulator = Emulator()
    generate.company(emulator, int(os.environ["BENCH_PEOPLE"]))
    return emulator.app
