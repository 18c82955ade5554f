"""Links to the Admin Portal."""

from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from emulator.workos import portal
from emulator.workos.api.guards import WorldDep, has_key, is_up
from emulator.workos.portal import Intent

Json = dict[str, Any]
router = APIRouter(prefix="/portal", dependencies=[Depends(is_up), Depends(has_key)])


class NewLink(BaseModel):
    """What `POST /portal/generate_link` reads."""

    organization: str
    intent: Intent = Intent.DSYNC
    return_url: str | None = None
    success_url: str | None = None
    external_user_id: str | None = None


class LinksOfUser(BaseModel):
    """What `POST /portal/revoke_link` reads."""

    organization: str
    external_user_id: str


@router.post("/generate_link", status_code=201)
async def generate_link(request: Request, world: WorldDep, link: NewLink) -> Json:
    token = portal.make_link(
        world,
        link.organization,
        link.intent,
        return_url=link.return_url,
        success_url=link.success_url,
        external_user_id=link.external_user_id,
    )
    return {"link": str(request.url_for("portal", token=token))}


@router.post("/revoke_link", status_code=204)
async def revoke_link(world: WorldDep, links: LinksOfUser) -> Response:
    portal.revoke_links(world, links.organization, links.external_user_id)
    return Response(status_code=204)
