"""WorkOS's dashboard: each organization as it stands, and the way into its Admin Portal."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from emulator.web.pages import back_to, render
from emulator.workos import connections, organizations, portal, wire
from emulator.workos.api.guards import PumpDep, WorldDep
from emulator.workos.portal import Intent

router = APIRouter(prefix="/workos", include_in_schema=False)
PAGE_SIZE = 20
SETTLE_SECONDS = 2
SEE_OTHER = 303


@router.get("")
async def dashboard(
    request: Request, world: WorldDep, page: Annotated[int, Query(ge=1, le=100_000)] = 1
) -> HTMLResponse:
    total = world.store.number("select count(*) from organizations")
    listed = world.store.rows(
        "select * from organizations order by name, id limit ? offset ?",
        PAGE_SIZE,
        (page - 1) * PAGE_SIZE,
    )
    shown = []
    for row in listed:
        connection = organizations.connection_of(world, row["id"])
        expires_at = None if connection is None else connections.certificate_expires_at(connection)
        shown.append((wire.organization(row), connection, expires_at))
    return render(
        request,
        "dashboard.html",
        organizations=shown,
        total=total,
        page=page,
        pages=-(-total // PAGE_SIZE),
        Intent=Intent,
    )


@router.post("/organizations/{organization_id}/portal")
async def open_portal(
    world: WorldDep, organization_id: str, intent: Annotated[Intent, Form()]
) -> RedirectResponse:
    token = portal.make_link(world, organization_id, intent)
    return RedirectResponse(f"/portal/{token}", SEE_OTHER)


@router.post("/connections/{connection_id}/certificate")
async def let_certificate_expire(
    world: WorldDep,
    pump: PumpDep,
    connection_id: str,
    days: Annotated[int, Form(ge=-365, le=3650)],
) -> RedirectResponse:
    connections.let_certificate_expire(world, connection_id, days)
    await pump.settle(SETTLE_SECONDS)
    return back_to("/workos", "connection.saml_certificate_renewal_required is sent.")
