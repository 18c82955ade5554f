"""The API's OpenAPI description: the framework's, with what it cannot know."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import TypeAdapter

from backend.errors import ProblemCode, RollcallError, SignInRefusal
from backend.http.examples import example_of
from backend.http.guards import WEBHOOK_PATH, GuardedRoute, SessionGuard, session_cookie_name
from backend.okta.subjects import LogoutRequest
from backend.schemas.problem import Problem
from backend.services.universal_logout import PATH as LOGOUT_PATH

_WEBHOOK = "directory_event"


def describe(app: FastAPI) -> None:
    """Have the application describe itself so."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _description(app)
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]  # the documented way to extend it


def _description(app: FastAPI) -> dict[str, Any]:
    schema = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        tags=app.openapi_tags,
        routes=app.routes,
    )
    models = schema["components"]["schemas"]
    for model in (Problem, SignInRefusal, LogoutRequest):
        described = TypeAdapter(model).json_schema(ref_template="#/components/schemas/{model}")
        models |= described.pop("$defs", {}) | {model.__name__: described}
    for unused in ("HTTPValidationError", "ValidationError"):
        models.pop(unused, None)
    _say_who_may(app, schema)
    _give_examples(schema)
    # What somebody else calls is no part of what one can call.
    schema["webhooks"] = {_WEBHOOK: schema["paths"][WEBHOOK_PATH]}
    return schema


def _say_who_may(app: FastAPI, schema: dict[str, Any]) -> None:
    schema["components"]["securitySchemes"] = {
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": session_cookie_name(app.state.settings),
            "description": "The session of a browser, which [/auth](/auth) opens.",
        },
        "token": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "rc_…",
            "description": "An API token: made on one's own page, or by "
            "`POST /tokens`. It may do what its person may at that moment, within its scopes: "
            "`read` for GET, `write` for everything else.",
        },
        "webhook_signature": {
            "type": "apiKey",
            "in": "header",
            "name": "WorkOS-Signature",
            "description": "`t=<epoch milliseconds>, v1=<hex HMAC-SHA256 of t.body>`, with the "
            "secret of the webhook's endpoint.",
        },
        "okta": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "Of the type `global-token-revocation+jwt`, signed with RS256 by the "
            "organization's Okta, for this very address.",
        },
    }
    for route in iter_route_contexts(app.routes):
        original = route.original_route
        if isinstance(original, GuardedRoute):
            security = _security(original)
        elif route.path == WEBHOOK_PATH:
            security = [{"webhook_signature": []}]
        elif route.path is not None and route.path.startswith(LOGOUT_PATH):
            security = [{"okta": []}]
        else:
            continue
        for method in route.methods or ():
            schema["paths"][route.path_format][method.lower()]["security"] = security


def _security(route: APIRoute) -> list[dict[str, list[str]]]:
    in_session = any(isinstance(of.call, SessionGuard) for of in route.dependant.dependencies)
    return [{"session": []}] if in_session else [{"session": []}, {"token": []}]


def _give_examples(schema: dict[str, Any]) -> None:
    """Of each answer, unless it has one."""
    for operations in schema["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                for content in answer.get("content", {}).values():
                    if "schema" not in content or "example" in content:
                        continue
                    if int(status) >= HTTPStatus.BAD_REQUEST:
                        content["example"] = _problem(HTTPStatus(int(status)), answer)
                    else:
                        of = content["schema"]
                        content["example"] = example_of(of, schema["components"]["schemas"])


def _problem(status: HTTPStatus, answer: dict[str, Any]) -> dict[str, Any]:
    codes = {error.code for error in _family(RollcallError) if error.status == status} or {
        ProblemCode.BAD_REQUEST
    }
    return {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": answer["description"],
        "code": min(codes),
    }


def _family(of: type[RollcallError]) -> Iterator[type[RollcallError]]:
    for error in of.__subclasses__():
        yield error
        yield from _family(error)
