"""Errors as the WorkOS API words them."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

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


async def answer_api_error(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, ApiError):
        raise error
    return JSONResponse(error.body, error.status, error.headers)


async def answer_refused(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RefusedError):
        raise error
    code = "entity_not_found" if error.status == HTTPStatus.NOT_FOUND else "invalid_request"
    return JSONResponse({"message": error.detail, "code": code}, error.status)


async def answer_invalid(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    errors = [
        {"field": ".".join(str(part) for part in each["loc"][1:]), "code": each["msg"]}
        for each in error.errors()
    ]
    body = {"message": "Validation failed", "code": "invalid_request_parameters", "errors": errors}
    return JSONResponse(body, 422)


def install(app: FastAPI) -> None:
    app.add_exception_handler(ApiError, answer_api_error)
    app.add_exception_handler(RefusedError, answer_refused)
    app.add_exception_handler(RequestValidationError, answer_invalid)
