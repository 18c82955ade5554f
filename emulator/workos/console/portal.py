"""What an Admin Portal link opens here."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from emulator.web.pages import error_page, render
from emulator.workos import organizations
from emulator.workos.api.guards import WorldDep

router = APIRouter(include_in_schema=False)


@router.get("/portal/{token}", name="portal")
async def portal(request: Request, world: WorldDep, token: str) -> HTMLResponse:
    """The real one configures a connection or directory; this one only leads back."""
    link = world.store.row(
        "select * from portal_links where token = ? and expires_at > ?", token, world.clock.now_ms()
    )
    if link is None:
        return error_page(
            request, 404, "This link has expired", "An Admin Portal link lives five minutes."
        )
    organization = organizations.get(world, link["organization_id"])
    return render(request, "portal.html", link=link, organization=organization)
