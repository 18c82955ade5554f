"""Okta's sign-in page, where one picks who signs in, and the tile on its dashboard."""

from contextlib import suppress
from typing import Annotated
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from emulator.okta.console.guards import PAGE_SIZE, CompanyDep, OktaDep, Search, SearchDep
from emulator.okta.provisioning import Okta
from emulator.okta.records import OktaRefusedError, Status
from emulator.store import Row
from emulator.web.pages import back_to, render

router = APIRouter(include_in_schema=False)
ACS = "/sso/acs"
SEE_OTHER = 303
ERRORS = {
    "access_denied": "Okta refuses the person.",
    "connection_domain_invalid": "The connection has no verified domain.",
    "connection_invalid": "There is no such connection.",
    "connection_strategy_invalid": "The provider's credentials are not set up.",
    "connection_unlinked": "The connection is not linked.",
    "domain_connection_selector_not_allowed": "Signing in by domain is switched off.",
    "idp_initiated_sso_disabled": "Sign-in begun at Okta is switched off.",
    "invalid_request": "The request is malformed.",
    "oauth_failed": "The provider's answer cannot be read.",
    "organization_invalid": "There is no such organization.",
    "profile_not_allowed_outside_organization": "The address is not of the organization's domains.",
    "server_error": "Something went wrong at WorkOS.",
    "signin_consent_denied": "The person declined.",
}


@router.get("/okta/sign-in")
async def sign_in(
    request: Request,
    okta: OktaDep,
    search: SearchDep,
    connection: str,
    login_hint: str = "",
    skip: str = "",
) -> Response:
    """`request` in the query is WorkOS's; it goes back with whoever is picked."""
    company = await _company_of(okta, connection)
    relay_state = request.query_params.get("request", "")
    hinted = okta.records.store.row(
        "select * from people where company_id = ? and email_key = ?",
        company["id"],
        login_hint.casefold(),
    )
    if skip and hinted is not None and hinted["status"] == Status.ACTIVE:
        assertion = assertion_of(company, hinted) | {"relay_state": relay_state}
        return RedirectResponse(f"{ACS}?{urlencode(assertion)}", SEE_OTHER)
    people, total = _found(okta, company["id"], search)
    return render(
        request,
        "sign_in.html",
        company=company,
        people=[(row, assertion_of(company, row)) for row in people],
        hinted=hinted,
        hinted_assertion=None if hinted is None else assertion_of(company, hinted),
        login_hint=login_hint,
        relay_state=relay_state,
        search=search,
        total=total,
        errors=ERRORS,
        acs=ACS,
        Status=Status,
    )


@router.get("/tile")
async def tile(
    request: Request, okta: OktaDep, company: CompanyDep, search: SearchDep
) -> HTMLResponse:
    """Sign-in begun at Okta: no request of the application's, so no state."""
    people, total = _found(okta, company["id"], search)
    return render(
        request,
        "tile.html",
        company=company,
        people=[(row, assertion_of(company, row)) for row in people if _may_enter(row)],
        search=search,
        total=total,
        PAGE_SIZE=PAGE_SIZE,
        acs=ACS,
    )


@router.post("/companies/choose")
async def choose_company(okta: OktaDep, company: Annotated[str, Form()]) -> RedirectResponse:
    row = okta.records.company(company)
    response = back_to("/people", f"Now showing {row['name']}.")
    response.set_cookie("emulator_company", row["id"], httponly=True, samesite="lax")
    return response


@router.post("/companies/{company_id}")
async def change_company(
    okta: OktaDep,
    company_id: str,
    app: Annotated[str, Form(pattern="^(catalogue|custom)$")],
    saml_id: Annotated[str, Form(pattern=r"^(user\.id|email)$")],
    scim_endpoint: Annotated[str, Form(max_length=300)] = "",
    scim_token: Annotated[str, Form(max_length=200)] = "",
) -> RedirectResponse:
    """Without a `scim_endpoint` or a `scim_token` the one there is stays."""
    okta.records.company(company_id)
    if scim_endpoint.strip():
        path = urlsplit(scim_endpoint.strip()).path.rstrip("/")
        okta.records.store.run(
            "update companies set scim_path = ?, directory_id = ? where id = ?",
            path,
            path.rpartition("/")[2],
            company_id,
        )
    if scim_token.strip():
        okta.records.store.run(
            "update companies set scim_token = ? where id = ?", scim_token.strip(), company_id
        )
    okta.records.store.run(
        "update companies set app = ?, saml_id = ? where id = ?", app, saml_id, company_id
    )
    return back_to("/settings", "Okta's settings are saved.")


async def _company_of(okta: Okta, connection_id: str) -> Row:
    """WorkOS says whose a connection is that was set up after the company's first."""
    with suppress(OktaRefusedError):
        return okta.records.company_of_connection(connection_id)
    answer = await okta.http.get(f"/sso/connections/{connection_id}")
    if answer.is_success:
        okta.records.store.run(
            "update companies set connection_id = ? where organization_id = ?",
            connection_id,
            answer.json()["organization_id"],
        )
    return okta.records.company_of_connection(connection_id)


def assertion_of(company: Row, person: Row) -> dict[str, str]:
    """What Okta says of the person; the id is theirs only where the app maps `id` to `user.id`."""
    mapped = company["saml_id"] == "user.id"
    return {
        "connection": company["connection_id"],
        "idp_id": person["id"] if mapped else person["email"],
        "email": person["email"],
        "first_name": person["first_name"],
        "last_name": person["last_name"],
    }


def _may_enter(person: Row) -> bool:
    return bool(person["status"] == Status.ACTIVE)


def _found(okta: Okta, company_id: str, search: Search) -> tuple[list[Row], int]:
    rows = okta.records.store.rows(
        "select *, count(*) over () as total from people where company_id = ?"
        " and (? = '' or email like ? escape '\\'"
        " or first_name || ' ' || last_name like ? escape '\\')"
        " order by first_name, last_name, id limit ? offset ?",
        company_id,
        search.q,
        search.like,
        search.like,
        PAGE_SIZE,
        search.offset,
    )
    return rows, rows[0]["total"] if rows else 0
