"""What every request to the API passes: a server that is up, and the API key."""

import secrets
from typing import Annotated

from fastapi import Depends, Request

from emulator.options import Options
from emulator.workos.api.errors import ApiError
from emulator.workos.webhooks.pump import Pump
from emulator.workos.world import World


def get_world(request: Request) -> World:
    world: World = request.app.state.world
    return world


def get_options(request: Request) -> Options:
    options: Options = request.app.state.options
    return options


def get_pump(request: Request) -> Pump:
    pump: Pump = request.app.state.pump
    return pump


WorldDep = Annotated[World, Depends(get_world)]
OptionsDep = Annotated[Options, Depends(get_options)]
PumpDep = Annotated[Pump, Depends(get_pump)]


def is_up(world: WorldDep) -> None:
    if world.clock.now_ms() < world.faults.api_down_until:
        raise ApiError(503, "Service Unavailable (a fault set by hand)", "service_unavailable")


def has_key(request: Request, options: OptionsDep) -> None:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    expected = options.api_key.encode()
    if scheme.lower() != "bearer" or not secrets.compare_digest(given.encode(), expected):
        raise ApiError(401, "Unauthorized", "unauthorized")
