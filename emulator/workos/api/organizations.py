"""Organizations."""

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from emulator.workos import organizations, wire
from emulator.workos.api.guards import WorldDep, has_key, is_up
from emulator.workos.api.paging import PageDep, listed

Json = dict[str, Any]
router = APIRouter(dependencies=[Depends(is_up), Depends(has_key)])


class Domain(BaseModel):
    """A domain as the API takes it."""

    domain: str
    state: Literal["verified", "pending"] = "pending"


class NewOrganization(BaseModel):
    """What `POST /organizations` reads."""

    name: str
    domain_data: list[Domain] = []
    external_id: str | None = None
    metadata: dict[str, str] | None = None


class OrganizationChange(BaseModel):
    """What `PUT /organizations/{id}` reads."""

    name: str | None = None
    external_id: str | None = None
    metadata: dict[str, str] | None = None


@router.get("/organizations")
async def list_organizations(
    world: WorldDep,
    page: PageDep,
    domains: Annotated[list[str], Depends(listed("domains"))],
    search: str | None = None,
) -> Json:
    by_domain = (
        "exists (select 1 from json_each(t.domains) d, json_each(?) asked"
        " where lower(d.value ->> 'domain') = lower(asked.value))"
    )
    return page.answer(
        world.store,
        "select t.* from organizations t",
        [
            ("instr(lower(t.name), lower(?)) > 0", search),
            (by_domain, json.dumps(domains) if domains else None),
        ],
        wire.organization,
    )


@router.post("/organizations", status_code=201)
async def create_organization(world: WorldDep, new: NewOrganization) -> Json:
    row = organizations.create(
        world,
        new.name,
        domains={each.domain: each.state for each in new.domain_data},
        external_id=new.external_id,
        metadata=new.metadata,
    )
    return wire.organization(row)


@router.get("/organizations/{organization_id}")
async def get_organization(world: WorldDep, organization_id: str) -> Json:
    return wire.organization(organizations.get(world, organization_id))


@router.put("/organizations/{organization_id}")
async def update_organization(
    world: WorldDep, organization_id: str, change: OrganizationChange
) -> Json:
    row = organizations.update(
        world,
        organization_id,
        name=change.name,
        external_id=change.external_id,
        metadata=change.metadata,
    )
    return wire.organization(row)


@router.delete("/organizations/{organization_id}", status_code=204)
async def delete_organization(world: WorldDep, organization_id: str) -> Response:
    organizations.delete(world, organization_id)
    return Response(status_code=204)
