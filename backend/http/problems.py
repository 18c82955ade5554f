"""The error family on the wire: every error is a problem document (RFC 9457)."""

import http
import logging
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend import logs
from backend.database import (
    CONNECTION_FAULTS,
    DRIVER_FAULTS,
    ends_connection,
    is_content_error,
    is_our_fault,
    lacks_privilege,
    remedy,
)
from backend.errors import (
    InvalidInput,
    NotFound,
    PayloadTooLarge,
    ProblemCode,
    RollcallError,
    SignInRefusal,
    SignInRefused,
    StaleVersion,
    TemporarilyUnavailable,
    TooManyRequests,
)
from backend.http.guards import WEBHOOK_PATH
from backend.http.second_try import note_dead_connection
from backend.metrics import REFUSALS, WEBHOOKS_REFUSED
from backend.services.sign_in.flow import refusal_page

_log = logging.getLogger(__name__)

_RETRY = {"Retry-After": "1"}

_NOT_ALLOWED = (
    "Rollcall lacks a privilege in its database, as its log says. Nothing was changed; tell those "
    "who run it, and send the request again."
)

# The framework's own: of an address, and of a page's file that may not be read.
_FRAMEWORK = {
    401: ("Unauthorized", ProblemCode.UNAUTHORIZED),
    404: ("Not found", ProblemCode.NOT_FOUND),
    405: ("Method not allowed", ProblemCode.METHOD_NOT_ALLOWED),
}

_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")


class ProblemResponse(JSONResponse):
    media_type = "application/problem+json"


def _respond(problem: dict[str, Any], headers: dict[str, str] | None = None) -> ProblemResponse:
    body = {"type": "about:blank", **problem, "request_id": logs.request_id()}
    return ProblemResponse(body, status_code=int(problem["status"]), headers=headers)


def _of(error: RollcallError) -> dict[str, Any]:
    return {
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
    }


def route_of(scope: Scope) -> str:
    """The route's template: a path may hold an invitation's secret."""
    return str(getattr(scope.get("route"), "path", "other"))


def problem_response(scope: Scope, error: RollcallError) -> ProblemResponse:
    """A refusal where there is no request yet that the framework would handle."""
    _note(scope, error)
    return _respond(_of(error))


def _note(scope: Scope, error: RollcallError) -> None:
    REFUSALS.labels(error.code).inc()
    reason = error.reason
    webhook = scope["path"] == WEBHOOK_PATH
    if webhook:
        WEBHOOKS_REFUSED.labels(reason).inc()
    if error.logged:
        what = "webhook refused" if webhook else "request refused"
        client = (scope.get("client") or [None])[0]
        about = {"reason": reason, "method": scope["method"], "client": client}
        _log.warning("%s: %s", what, reason, extra=about | {"route": route_of(scope)})


async def _too_many(request: Request, error: Exception) -> Response:
    if _is_signing_in(request.scope):
        return _sign_in_page(SignInRefusal.TOO_MANY_ATTEMPTS)
    return await _refusal(request, error)


async def _refusal(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, RollcallError)
    _note(request.scope, error)
    problem = _of(error)
    headers = _RETRY if error.status == http.HTTPStatus.SERVICE_UNAVAILABLE else None
    if isinstance(error, InvalidInput):
        problem["errors"] = [{"field": error.field, "message": error.message}]
    elif isinstance(error, StaleVersion):
        problem["current"] = error.current
    elif isinstance(error, TooManyRequests):
        headers = {"Retry-After": str(error.seconds)}
    return _respond(problem, headers)


def _sign_in_page(reason: SignInRefusal) -> RedirectResponse:
    return RedirectResponse(refusal_page(reason), 302, {"Cache-Control": "no-store"})


def _is_signing_in(scope: Scope) -> bool:
    """Whether a person is looking at the answer, on the way to or from WorkOS."""
    path: str = scope["path"]
    return scope["method"] in {"GET", "HEAD"} and path.startswith(("/auth", "/invitations/"))


async def _sign_in_refusal(_request: Request, error: Exception) -> RedirectResponse:
    assert isinstance(error, SignInRefused)
    return _sign_in_page(error.reason)


async def _validation(_request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(item["loc"][0] == "path" for item in found):
        return _respond(_of(NotFound()))
    errors = [
        {"field": _field(item), "message": str(item["msg"]).removeprefix("Value error, ")}
        for item in found
    ]
    detail = "; ".join(f"{item['field']}: {item['message']}" for item in errors)
    return _respond(
        {
            "title": "Invalid input",
            "status": 422,
            "detail": detail,
            "code": ProblemCode.INVALID_INPUT,
            "errors": errors,
        }
    )


def _field(item: dict[str, Any]) -> str:
    where, *parts = item["loc"]
    if not parts or item["type"] == "json_invalid":  # there the part is a position in the text
        return str(where)
    return ".".join(str(part) for part in parts)


def _allowed_methods(app: FastAPI, scope: Scope) -> str:
    """The value of `Allow`: what any route takes at this path; a page's file is only read."""
    methods = {
        method
        for method in _METHODS
        for route in app.routes
        if route.matches({**scope, "method": method})[0] is Match.FULL
    } or {"GET"}
    return ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))


async def _http(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, HTTPException)
    if error.status_code == PayloadTooLarge.status:
        return await _refusal(request, PayloadTooLarge())
    if error.status_code == http.HTTPStatus.BAD_REQUEST:
        # The framework's, for a body on which reading JSON fails in another way than by syntax.
        return await _refusal(request, InvalidInput("body", "cannot be read as JSON"))
    headers = dict(error.headers or {})
    if error.status_code == http.HTTPStatus.METHOD_NOT_ALLOWED:
        # The framework knows the methods of the first route only, and none of a file.
        headers["Allow"] = _allowed_methods(request.app, request.scope)
    title, code = _FRAMEWORK.get(error.status_code, (RollcallError.title, RollcallError.code))
    return _respond(
        {
            "title": title,
            "status": error.status_code,
            "detail": f"{error.detail}. The addresses of the API are listed at /docs.",
            "code": code,
        },
        headers,
    )


async def _database(request: Request, error: Exception) -> Response:
    if is_content_error(error) or is_our_fault(error):
        raise error
    route = route_of(request.scope)
    _log.warning("%s %s: database fault: %s%s", request.method, route, error, remedy(error))
    if _is_signing_in(request.scope):
        return _sign_in_page(SignInRefusal.TEMPORARILY_UNAVAILABLE)
    if ends_connection(error):
        note_dead_connection(request.scope)
    fault = TemporarilyUnavailable(_NOT_ALLOWED if lacks_privilege(error) else None)
    return _respond(_of(fault), _RETRY)


def unexpected(scope: Scope) -> Response:
    """What is answered when we fail."""
    if _is_signing_in(scope):
        return _sign_in_page(SignInRefusal.SIGN_IN_FAILED)
    return _respond(
        {
            "title": "Something went wrong here",
            "status": 500,
            "detail": "This is a fault of ours; it has been logged. Try again later.",
            "code": ProblemCode.INTERNAL_ERROR,
        }
    )


def register(app: FastAPI) -> None:
    app.add_exception_handler(RollcallError, _refusal)
    app.add_exception_handler(TooManyRequests, _too_many)
    app.add_exception_handler(SignInRefused, _sign_in_refusal)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DBAPIError, _database)
    for fault in {*CONNECTION_FAULTS, *DRIVER_FAULTS}:
        app.add_exception_handler(fault, _database)


class TooLargeAsProblem:
    """The framework's own answer to an oversized body is plain text: say it as a problem."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        replaced = False

        async def send_problem(message: Message) -> None:
            nonlocal replaced
            if (
                message["type"] == "http.response.start"
                and message["status"] == PayloadTooLarge.status
            ):
                replaced = (b"content-type", b"application/problem+json") not in message["headers"]
                if replaced:
                    _note(scope, PayloadTooLarge())
                    await _respond(_of(PayloadTooLarge()))(scope, receive, send)
            if not replaced:
                await send(message)

        await self.app(scope, receive, send_problem if scope["type"] == "http" else send)


_MEANINGS = {
    401: "Not signed in, or access has ended.",
    403: "The role is missing, or the request came from another site.",
    404: "Nothing is there that the person asking may see.",
    409: "What is asked does not fit the state it is in now.",
    410: "The event's body was purged, so that it cannot be applied again.",
    413: "The body is too large.",
    422: "The input cannot be used; `errors` names the fields.",
    429: "Too often; `Retry-After` says how many seconds to wait.",
    503: "A passing fault; nothing was changed. Send it again.",
}


_HEADERS: dict[int, dict[str, Any]] = {
    429: {
        "headers": {
            "Retry-After": {
                "description": "Seconds until it may be tried again.",
                "schema": {"type": "integer"},
            },
            "RateLimit-Policy": {
                "description": "The limit: how many (`q`) in how many seconds (`w`). With it "
                "`RateLimit`: how many are left (`r`) for how many seconds (`t`). Both are on "
                "every answer to what is limited.",
                "schema": {"type": "string"},
                "example": '"writes";q=300;w=60',
            },
            "RateLimit": {"schema": {"type": "string"}, "example": '"writes";r=0;t=17'},
        }
    }
}


# `x-error` because no keyword of OpenAPI says of what the query of an address is made.
SIGN_IN_REDIRECT: dict[int | str, dict[str, Any]] = {
    http.HTTPStatus.FOUND.value: {
        "headers": {
            "Location": {
                "description": "After a refusal `/?error=<code>`; `x-error` lists the codes. One "
                "that WorkOS reports and that is not among them is passed on as it is.",
                "schema": {
                    "type": "string",
                    "format": "uri-reference",
                    "x-error": {"$ref": "#/components/schemas/SignInRefusal"},
                },
            }
        }
    }
}


def problems(*statuses: int, **meanings: str) -> dict[int | str, dict[str, Any]]:
    """The error answers of an operation, for its OpenAPI description.

    Args:
        statuses: each with its usual meaning.
        meanings: those that mean something else here, as `_401="…"`.
    """
    schema = {"$ref": "#/components/schemas/Problem"}
    special = {int(name.removeprefix("_")): meaning for name, meaning in meanings.items()}
    usual = {status: _MEANINGS[status] for status in statuses}
    return {
        status: {
            "description": meaning,
            "content": {"application/problem+json": {"schema": schema}},
        }
        | _HEADERS.get(status, {})
        for status, meaning in (usual | special).items()
    }
