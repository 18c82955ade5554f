"""SSO connections."""

from typing import Any

from fastapi import APIRouter, Depends, Response

from emulator.workos import connections, organizations, wire
from emulator.workos.api.guards import WorldDep, has_key, is_up
from emulator.workos.api.paging import PageDep

Json = dict[str, Any]
router = APIRouter(dependencies=[Depends(is_up), Depends(has_key)])


@router.get("/connections")
async def list_connections(
    world: WorldDep,
    page: PageDep,
    organization_id: str | None = None,
    connection_type: str | None = None,
    domain: str | None = None,
    search: str | None = None,
) -> Json:
    by_domain = (
        "t.organization_id in (select o.id from organizations o, json_each(o.domains) d"
        " where d.value ->> 'domain' = lower(?))"
    )
    return page.answer(
        world.store,
        "select t.* from connections t",
        [
            ("t.organization_id = ?", organization_id),
            ("t.type = ?", connection_type),
            (by_domain, domain),
            ("instr(lower(t.name), lower(?)) > 0", search),
        ],
        wire.connection,
    )


@router.get("/connections/{connection_id}")
async def get_connection(world: WorldDep, connection_id: str) -> Json:
    return wire.connection(organizations.connection(world, connection_id))


@router.delete("/connections/{connection_id}", status_code=204)
async def delete_connection(world: WorldDep, connection_id: str) -> Response:
    connections.delete(world, connection_id)
    return Response(status_code=204)
