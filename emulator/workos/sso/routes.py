"""`/sso/authorize` sends the browser to the identity provider, `/sso/acs` takes it back."""

import json
import secrets
from dataclasses import dataclass, fields
from typing import Annotated, Any
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from emulator.store import Row
from emulator.web.pages import error_page
from emulator.workos import organizations, wire
from emulator.workos.api.guards import OptionsDep, WorldDep, is_up
from emulator.workos.connections import ConnectionState
from emulator.workos.sso import codes
from emulator.workos.world import NotFoundError, World

Json = dict[str, Any]
MS = 1000
SEE_OTHER = 303
EXPIRES_IN = 600
SIGN_IN_LIVES_MS = 3_600_000

router = APIRouter(dependencies=[Depends(is_up)])


class SsoError(Exception):
    """Goes back to the callback as `error` and `error_description`."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description


@router.get("/sso/authorize")
async def authorize(
    request: Request,
    world: WorldDep,
    options: OptionsDep,
    client_id: str = "",
    redirect_uri: str = "",
    response_type: str = "",
    state: str | None = None,
    login_hint: str | None = None,
) -> Response:
    """302 to the sign-in page of the connection, or back to the application with an error.

    A wrong client_id or redirect_uri is shown as a page: nothing may be sent to that address.
    """
    if client_id != options.client_id:
        return error_page(request, 400, "client-id-invalid", "This is not a known client_id.")
    if redirect_uri != options.redirect_uri:
        told = f"The redirect_uri {redirect_uri!r} is not configured. It must be exactly"
        return error_page(request, 400, "redirect-uri-invalid", f"{told} {options.redirect_uri!r}.")
    try:
        connection = _connection_asked(world, request, response_type)
    except SsoError as error:
        return _back_with_error(redirect_uri, state, error.code, error.description)
    sign_in_id = secrets.token_urlsafe(16)
    world.store.run(
        "insert into sign_ins values (?, ?, ?, ?, ?, ?)",
        sign_in_id,
        connection["id"],
        redirect_uri,
        state,
        login_hint,
        world.clock.now_ms() + SIGN_IN_LIVES_MS,
    )
    query = {"connection": connection["id"], "request": sign_in_id}
    if login_hint:
        query["login_hint"] = login_hint
        if world.settings.sign_in_by_login_hint:
            query["skip"] = "1"
    return RedirectResponse(f"{connection['sign_in_url']}?{urlencode(query)}", 302)


def _connection_asked(world: World, request: Request, response_type: str) -> Row:
    if response_type != "code":
        raise SsoError("unsupported_response_type", "response_type must be code.")
    asked = {
        name: request.query_params[name]
        for name in ("organization", "connection", "provider", "domain")
        if request.query_params.get(name)
    }
    if len(asked) != 1:
        raise SsoError(
            "invalid_request", "Exactly one of organization, connection, provider is required."
        )
    ((name, value),) = asked.items()
    if name == "organization":
        try:
            organizations.get(world, value)
        except NotFoundError as missing:
            raise SsoError("organization_invalid", missing.detail) from missing
        connection = organizations.connection_of(world, value)
        if connection is None:
            raise SsoError("connection_unlinked", "The organization has no active connection.")
        return _active(connection)
    if name == "connection":
        try:
            return _active(organizations.connection(world, value))
        except NotFoundError as missing:
            raise SsoError("connection_invalid", missing.detail) from missing
    raise SsoError("invalid_request", f"No connection for this {name}.")


def _active(connection: Row) -> Row:
    if connection["state"] != ConnectionState.ACTIVE:
        raise SsoError("connection_unlinked", "The connection is not active.")
    return connection


@dataclass(frozen=True)
class Assertion:
    """What the identity provider says; the fields of its form."""

    connection: str
    relay_state: str = ""
    idp_id: str = ""
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    error: str = ""
    error_description: str = ""


async def read_assertion(request: Request) -> Assertion:
    given = request.query_params if request.method == "GET" else await request.form()
    names = [field.name for field in fields(Assertion)]
    return Assertion(**{name: str(given.get(name, "")) for name in names})


@router.api_route("/sso/acs", methods=["GET", "POST"])
async def assertion_consumer(
    world: WorldDep,
    options: OptionsDep,
    assertion: Annotated[Assertion, Depends(read_assertion)],
) -> Response:
    """Where the identity provider sends the browser. Without `relay_state` it began there."""
    found = organizations.connection(world, assertion.connection)
    redirect_uri, state = options.redirect_uri, None
    if assertion.relay_state:
        with world.store.transaction():
            row = world.store.row(
                "select * from sign_ins where id = ? and connection_id = ? and expires_at > ?",
                assertion.relay_state,
                assertion.connection,
                world.clock.now_ms(),
            )
            world.store.run("delete from sign_ins where id = ?", assertion.relay_state)
        if row is None:
            return _back_with_error(
                redirect_uri, None, "invalid_request", "This sign-in was used or has expired."
            )
        redirect_uri, state = row["redirect_uri"], row["state"]
    try:
        _active(found)
    except SsoError as error:
        return _back_with_error(redirect_uri, state, error.code, error.description)
    if assertion.error:
        return _back_with_error(redirect_uri, state, assertion.error, assertion.error_description)
    profile = codes.profile(
        world,
        found,
        idp_id=assertion.idp_id,
        email=assertion.email,
        first_name=assertion.first_name or None,
        last_name=assertion.last_name or None,
    )
    code = codes.issue(world, profile, redirect_uri)
    return _back(redirect_uri, {"code": code, "state": state})


@router.post("/sso/token")
async def token(request: Request, world: WorldDep, options: OptionsDep) -> JSONResponse:
    """`access_token`, `expires_in` and `profile` for a code; `invalid_grant` when it is spent."""
    given = await _form_or_json(request)
    known = given.get("client_id") == options.client_id
    if not known or not secrets.compare_digest(
        str(given.get("client_secret", "")).encode(), options.api_key.encode()
    ):
        return _oauth_error(401, "invalid_client", "Invalid client ID or secret.")
    if given.get("grant_type") != "authorization_code":
        return _oauth_error(400, "unsupported_grant_type", "Only authorization_code is offered.")
    profile = codes.redeem(world, str(given.get("code", "")))
    if profile is None:
        return _oauth_error(
            400, "invalid_grant", "The code has expired, was used before, or is not known."
        )
    return JSONResponse(
        {
            "access_token": secrets.token_urlsafe(24),
            "expires_in": EXPIRES_IN,
            "token_type": "Bearer",
            "profile": profile,
        }
    )


@router.get("/sso/connections/{connection_id}")
async def about_connection(world: WorldDep, connection_id: str) -> Json:
    """For the identity provider: which organization a sign-in is for."""
    return wire.connection(organizations.connection(world, connection_id))


async def _form_or_json(request: Request) -> Json:
    if request.headers.get("Content-Type", "").startswith("application/json"):
        try:
            body = json.loads(await request.body())
        except ValueError:
            return {}
        return body if isinstance(body, dict) else {}
    return dict(await request.form())


def _oauth_error(status: int, code: str, description: str) -> JSONResponse:
    return JSONResponse({"error": code, "error_description": description}, status)


def _back_with_error(redirect_uri: str, state: str | None, code: str, description: str) -> Response:
    return _back(
        redirect_uri, {"error": code, "error_description": description or code, "state": state}
    )


def _back(redirect_uri: str, query: dict[str, str | None]) -> Response:
    joiner = "&" if urlsplit(redirect_uri).query else "?"
    given = urlencode({name: value for name, value in query.items() if value is not None})
    return RedirectResponse(f"{redirect_uri}{joiner}{given}", SEE_OTHER)
