"""Errors as the WorkOS API words them; a browser is shown a page."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from emulator.web.pages import error_page
from emulator.workos.world import RefusedError


class ApiError(Exception):
    """An answer with a status, a message and a code; `headers` and `fields` go beside them."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str,
        *,
        headers: dict[str, str] | None = None,
        fields: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"message": message, "code": code} | (fields or {})
        self.headers = headers


def _answer(
    request: Request, status: int, body: dict[str, Any], headers: dict[str, str] | None = None
) -> Response:
    if "text/html" in request.headers.get("Accept", ""):
        return error_page(request, status, HTTPStatus(status).phrase, str(body["message"]))
    return JSONResponse(body, status, headers)


async def answer_api_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, ApiError):
        raise error
    return _answer(request, error.status, error.body, error.headers)


async def answer_refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, RefusedError):
        raise error
    code = "entity_not_found" if error.status == HTTPStatus.NOT_FOUND else "invalid_request"
    return _answer(request, error.status, {"message": error.detail, "code": code})


async def answer_invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    errors = [
        {"field": ".".join(str(part) for part in each["loc"][1:]), "code": each["msg"]}
        for each in error.errors()
    ]
    body = {"message": "Validation failed", "code": "invalid_request_parameters", "errors": errors}
    if "text/html" in request.headers.get("Accept", ""):
        body["message"] = "; ".join(f"{each['field']}: {each['code']}" for each in errors)
    return _answer(request, 422, body)


async def answer_http(request: Request, error: Exception) -> Response:
    """An address that nothing answers, or not with this method."""
    if not isinstance(error, HTTPException):
        raise error
    code = HTTPStatus(error.status_code).phrase.lower().replace(" ", "_")
    told = f"Nothing answers {request.method} {request.url.path}."
    body = {"message": told, "code": code}
    return _answer(request, error.status_code, body, dict(error.headers or {}))


def install(app: FastAPI) -> None:
    app.add_exception_handler(ApiError, answer_api_error)
    app.add_exception_handler(RefusedError, answer_refused)
    app.add_exception_handler(RequestValidationError, answer_invalid)
    app.add_exception_handler(HTTPException, answer_http)
