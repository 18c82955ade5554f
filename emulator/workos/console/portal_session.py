"""An opened Admin Portal: what the customer's IT administrator sees and changes there."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from emulator.store import Row
from emulator.web.pages import back_to
from emulator.workos import connections, directories, domains, organizations, roles, tokens
from emulator.workos import portal as portals
from emulator.workos.api.errors import ApiError
from emulator.workos.api.guards import PumpDep, WorldDep
from emulator.workos.connections import ConnectionState
from emulator.workos.console.portal import EXPIRED, show
from emulator.workos.domains import FailureReason
from emulator.workos.portal import Intent
from emulator.workos.world import NotFoundError, RefusedError

router = APIRouter(prefix="/portal/sessions/{session_id}", include_in_schema=False)
SETTLE_SECONDS = 2
ROLE_OF = "role_of_"


def get_session(world: WorldDep, session_id: str) -> Row:
    found = portals.session(world, session_id)
    if found is None:
        raise ApiError(404, EXPIRED, "entity_not_found")
    return found


SessionDep = Annotated[Row, Depends(get_session)]


class Portal:
    """One session: what it may reach, and the way back to its page."""

    def __init__(self, world: WorldDep, session: SessionDep, pump: PumpDep) -> None:
        self.world = world
        self.session = session
        self._pump = pump

    @property
    def organization_id(self) -> str:
        return str(self.session["organization_id"])

    def is_for(self, *intents: Intent) -> None:
        """Raises ApiError 403: a link opens nothing but its intent."""
        if self.session["intent"] not in intents:
            raise ApiError(403, "This link is for something else.", "forbidden")

    def own(self, row: Row | domains.Json, kind: str) -> None:
        """Raises NotFoundError for what is another organization's."""
        if row["organization_id"] != self.organization_id:
            raise NotFoundError(kind, row["id"])

    async def back(self, done: str) -> RedirectResponse:
        await self._pump.settle(SETTLE_SECONDS)
        return back_to(self.page, done)

    @property
    def page(self) -> str:
        return f"/portal/sessions/{self.session['id']}"


PortalDep = Annotated[Portal, Depends()]


@router.get("")
async def page(
    request: Request,
    portal: PortalDep,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    q: str = "",
) -> HTMLResponse:
    return show(request, portal.world, portal.session, page, q)


@router.post("/connection")
async def set_up_connection(portal: PortalDep) -> RedirectResponse:
    portal.is_for(Intent.SSO)
    organization = organizations.get(portal.world, portal.organization_id)
    connections.create(portal.world, organization["id"], f"{organization['name']} Okta")
    return await portal.back("Set up, and active.")


@router.post("/connections/{connection_id}/state")
async def switch_connection(
    portal: PortalDep, connection_id: str, state: Annotated[ConnectionState, Form()]
) -> RedirectResponse:
    portal.is_for(Intent.SSO)
    _own_connection(portal, connection_id)
    connections.switch(portal.world, connection_id, state)
    return await portal.back(f"The connection is {state}.")


@router.post("/connections/{connection_id}/delete")
async def delete_connection(portal: PortalDep, connection_id: str) -> RedirectResponse:
    portal.is_for(Intent.SSO)
    _own_connection(portal, connection_id)
    connections.delete(portal.world, connection_id)
    return await portal.back("The connection is deleted.")


@router.post("/connections/{connection_id}/certificate")
async def renew_certificate(portal: PortalDep, connection_id: str) -> RedirectResponse:
    portal.is_for(Intent.SSO, Intent.CERTIFICATE_RENEWAL)
    _own_connection(portal, connection_id)
    connections.renew_certificate(portal.world, connection_id)
    return await portal.back("The certificate is renewed.")


@router.post("/directory")
async def set_up_directory(portal: PortalDep) -> RedirectResponse:
    portal.is_for(Intent.DSYNC)
    organization = organizations.get(portal.world, portal.organization_id)
    row = directories.create(portal.world, organization["id"], f"{organization['name']} Okta")
    return await portal.back(
        f"Set up. Enter its SCIM endpoint and the token {row['token']} in Okta."
    )


@router.post("/directories/{directory_id}/tokens")
async def create_token(portal: PortalDep, directory_id: str) -> RedirectResponse:
    portal.is_for(Intent.DSYNC)
    directory = directories.get(portal.world, directory_id)
    portal.own(directory, "Directory")
    row = tokens.create(portal.world, directory)
    return await portal.back(f"The new token is {row['token']}. Enter it in Okta.")


@router.post("/tokens/{token_id}/revoke")
async def revoke_token(portal: PortalDep, token_id: str) -> RedirectResponse:
    portal.is_for(Intent.DSYNC)
    row = tokens.get(portal.world, token_id)
    portal.own(directories.get(portal.world, row["directory_id"]), "Directory Token")
    tokens.revoke(portal.world, token_id)
    return await portal.back("The token is revoked. A push that carries it is answered 401.")


@router.post("/roles")
async def assign_roles(request: Request, portal: PortalDep) -> RedirectResponse:
    """`role_of_<directory group id>` is a slug, or empty; a group not named stays as it is."""
    portal.is_for(Intent.DSYNC)
    form = await request.form()
    given = {
        name.removeprefix(ROLE_OF): str(slug) or None
        for name, slug in form.items()
        if name.startswith(ROLE_OF)
    }
    with portal.world.store.transaction():
        for group_id, slug in given.items():
            _assign(portal, group_id, slug)
    return await portal.back("The role assignment is saved.")


@router.post("/domains")
async def add_domain(portal: PortalDep, domain: Annotated[str, Form()]) -> RedirectResponse:
    portal.is_for(Intent.DOMAIN_VERIFICATION)
    try:
        domains.add(portal.world, portal.organization_id, domain)
    except RefusedError as refused:
        return back_to(portal.page, refused.detail, "problem")
    return await portal.back("Added. It is pending until its DNS record is found.")


@router.post("/domains/{domain_id}/verify")
async def verify_domain(portal: PortalDep, domain_id: str) -> RedirectResponse:
    _own_domain(portal, domain_id)
    domain = domains.verify(portal.world, domain_id)
    return await portal.back(f"{domain['domain']} is {domain['state']}.")


@router.post("/domains/{domain_id}/fail")
async def fail_domain(
    portal: PortalDep, domain_id: str, reason: Annotated[FailureReason, Form()]
) -> RedirectResponse:
    _own_domain(portal, domain_id)
    domain = domains.fail(portal.world, domain_id, reason)
    return await portal.back(f"{domain['domain']} is {domain['state']}.")


@router.post("/domains/{domain_id}/again")
async def begin_again(portal: PortalDep, domain_id: str) -> RedirectResponse:
    _own_domain(portal, domain_id)
    domain = domains.begin_again(portal.world, domain_id)
    return await portal.back(f"{domain['domain']} is {domain['state']}.")


@router.post("/domains/{domain_id}/delete")
async def delete_domain(portal: PortalDep, domain_id: str) -> RedirectResponse:
    _own_domain(portal, domain_id)
    domains.delete(portal.world, domain_id)
    return await portal.back("Removed.")


def _own_connection(portal: Portal, connection_id: str) -> None:
    portal.own(organizations.connection(portal.world, connection_id), "Connection")


def _own_domain(portal: Portal, domain_id: str) -> None:
    portal.is_for(Intent.DOMAIN_VERIFICATION)
    portal.own(domains.get(portal.world, domain_id), "Organization Domain")


def _assign(portal: Portal, group_id: str, slug: str | None) -> None:
    group = portal.world.store.row("select * from directory_groups where id = ?", group_id)
    if group is None:
        raise NotFoundError("Directory Group", group_id)
    portal.own(group, "Directory Group")
    roles.assign(portal.world, group_id, slug)
