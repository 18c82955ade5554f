"""The Admin Portal's pages, one for each intent, and the link that opens them."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from emulator.store import Row
from emulator.web.pages import render
from emulator.workos import connections, organizations, portal, roles, tokens, wire
from emulator.workos.api.errors import ApiError
from emulator.workos.api.guards import WorldDep
from emulator.workos.domains import DomainState, FailureReason
from emulator.workos.portal import Intent
from emulator.workos.scim.routes import ROOT
from emulator.workos.world import World

Json = dict[str, Any]
router = APIRouter(prefix="/portal", include_in_schema=False)
GROUPS_SHOWN = 100
EXPIRED = "This link has expired. An Admin Portal link lives five minutes; ask for a new one."


@router.get("/{token}", name="portal")
async def open_link(request: Request, world: WorldDep, token: str) -> HTMLResponse:
    session = portal.open_link(world, token)
    if session is None:
        raise ApiError(404, EXPIRED, "entity_not_found")
    return show(request, world, session)


def show(request: Request, world: World, session: Row, page: int = 1, q: str = "") -> HTMLResponse:
    intent = Intent(session["intent"])
    organization = organizations.get(world, session["organization_id"])
    content = CONTENT.get(intent)
    base = str(request.base_url).rstrip("/")
    return render(
        request,
        "portal.html" if content is None else f"portal_{intent}.html",
        session=session,
        organization=organization,
        **({} if content is None else content(world, session, page, q)),
        scim_root=f"{base}{ROOT}",
    )


def _sso(world: World, session: Row, _page: int, _q: str) -> Json:
    connection = organizations.connection_of(world, session["organization_id"])
    expires_at = None if connection is None else connections.certificate_expires_at(connection)
    return {"connection": connection, "certificate_expires_at": expires_at}


def _dsync(world: World, session: Row, page: int, q: str) -> Json:
    """The groups of all the organization's directories, a hundred on a page."""
    directories = world.store.rows(
        "select * from directories where organization_id = ? order by id",
        session["organization_id"],
    )
    groups = world.store.rows(
        "select g.*, count(*) over () as total,"
        " (select count(*) from scim_members m where m.group_id = g.scim_id) as people"
        " from directory_groups g join directories d on d.id = g.directory_id"
        " where d.organization_id = ? and instr(lower(g.name), lower(?)) > 0"
        " order by g.name, g.id limit ? offset ?",
        session["organization_id"],
        q.strip(),
        GROUPS_SHOWN,
        (page - 1) * GROUPS_SHOWN,
    )
    total = groups[0]["total"] if groups else 0
    return {
        "directories": [(each, tokens.active(world, each["id"])) for each in directories],
        "groups": groups,
        "assigned": {
            group_id: slug
            for each in directories
            for group_id, slug in roles.assigned(world, each["id"]).items()
        },
        "roles": world.settings.roles,
        "multiple_roles": world.settings.multiple_roles,
        "q": q,
        "page": page,
        "pages": -(-total // GROUPS_SHOWN),
        "SUFFIX_LENGTH": wire.SUFFIX_LENGTH,
    }


def _domain_verification(world: World, session: Row, _page: int, _q: str) -> Json:
    organization = organizations.get(world, session["organization_id"])
    return {
        "domains": wire.organization(organization)["domains"],
        "DomainState": DomainState,
        "FailureReason": FailureReason,
    }


CONTENT: dict[Intent, Callable[[World, Row, int, str], Json]] = {
    Intent.SSO: _sso,
    Intent.CERTIFICATE_RENEWAL: _sso,
    Intent.DSYNC: _dsync,
    Intent.DOMAIN_VERIFICATION: _domain_verification,
}
