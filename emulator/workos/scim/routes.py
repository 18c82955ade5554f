"""SCIM over HTTP: `/scim/v2.0/{directory_id}/…`."""

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from emulator.workos.api.guards import WorldDep
from emulator.workos.world import World

if TYPE_CHECKING:
    from emulator.workos.scim.server import ScimServer

router = APIRouter(include_in_schema=False)
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
ROOT = "/scim/v2.0"
SEARCH = ".search"


@router.api_route(f"{ROOT}/{{directory_id}}", methods=METHODS)
@router.api_route(f"{ROOT}/{{directory_id}}/{{path:path}}", methods=METHODS)
async def scim(request: Request, world: WorldDep, directory_id: str, path: str = "") -> Response:
    if world.clock.now_ms() < world.faults.scim_down_until:
        error = {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "status": "503",
            "detail": "Service Unavailable (a fault set by hand)",
        }
        return JSONResponse(error, 503, media_type="application/scim+json")
    server = request.app.state.scim
    if server is None:
        server = request.app.state.scim = await run_in_threadpool(make_server, world)
    body = await request.body()
    serve = partial(
        server.serve,
        method=request.method,
        base_url=f"{str(request.base_url).rstrip('/')}{ROOT}/{directory_id}",
        directory_id=directory_id,
        path=f"/{path}",
        query=request.url.query,
        headers=request.headers,
        body=body,
    )
    # A search may read everybody. Changes are made one after the other, here.
    reads = request.method == "GET" or path.endswith(SEARCH)
    answer = await run_in_threadpool(serve) if reads else serve()
    return Response(answer.body, answer.status, answer.headers)


def make_server(world: World) -> "ScimServer":
    """scim2-server takes a second to import, so nothing waits for it until somebody asks."""
    server: ScimServer = import_module("emulator.workos.scim.server").ScimServer(world)
    return server
