"""The domains of organizations, one by one."""

from typing import Any

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from emulator.workos import domains
from emulator.workos.api.guards import WorldDep, has_key, is_up

Json = dict[str, Any]
router = APIRouter(prefix="/organization_domains", dependencies=[Depends(is_up), Depends(has_key)])


class NewDomain(BaseModel):
    """What `POST /organization_domains` reads."""

    organization_id: str
    domain: str


@router.post("", status_code=201)
async def create_domain(world: WorldDep, new: NewDomain) -> Json:
    return domains.add(world, new.organization_id, new.domain)


@router.get("/{domain_id}")
async def get_domain(world: WorldDep, domain_id: str) -> Json:
    return domains.get(world, domain_id)


@router.post("/{domain_id}/verify")
async def verify_domain(world: WorldDep, domain_id: str) -> Json:
    """Begins to look for the DNS record; whether it is there is decided in the Admin Portal."""
    domain = domains.get(world, domain_id)
    if domain["state"] == domains.DomainState.FAILED:
        return domains.begin_again(world, domain_id)
    return domain


@router.delete("/{domain_id}", status_code=204)
async def delete_domain(world: WorldDep, domain_id: str) -> Response:
    domains.delete(world, domain_id)
    return Response(status_code=204)
