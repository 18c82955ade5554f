"""`/organization`: for admins, what their organization decides."""

from fastapi import APIRouter, status

from backend.http.guards import (
    Admin,
    ClaimDep,
    GuardedRoute,
    SessionDep,
    SettingsDep,
    SnapshotDep,
    WorkosDep,
)
from backend.http.problems import problems
from backend.schemas.organization import (
    OrganizationDetails,
    OrganizationUpdate,
    PortalLink,
    PortalLinkCreate,
)
from backend.services import organization

router = APIRouter(
    route_class=GuardedRoute,
    prefix="/organization",
    tags=["organization"],
    responses=problems(401, 403, 422, 429, 503),
)


@router.get("", summary="The organization, its settings, domains and SSO")
async def show_organization(
    connection: SnapshotDep, settings: SettingsDep, admin: Admin
) -> OrganizationDetails:
    return await organization.look(connection, settings, admin.organization_id)


@router.patch(
    "",
    summary="Change settings",
    responses=problems(
        _409="They were changed meanwhile, and `current` is what they are now; or no admin would "
        "be left."
    ),
)
async def change_settings(
    session: SessionDep, settings: SettingsDep, admin: Admin, wanted: OrganizationUpdate
) -> OrganizationDetails:
    return await organization.change(session, settings, admin, wanted)


@router.post(
    "/portal-link",
    status_code=status.HTTP_201_CREATED,
    summary="Make a link to WorkOS's Admin Portal",
    responses=problems(_503="WorkOS, or the database, does not answer; nothing was changed."),
)
async def link_to_portal(
    settings: SettingsDep,
    client: WorkosDep,
    _admin: Admin,
    claim: ClaimDep,
    wanted: PortalLinkCreate,
) -> PortalLink:
    return await organization.link_to_portal(settings, client, claim, wanted.intent)
