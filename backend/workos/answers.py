"""An answer of WorkOS's that can be used, or the fault in a word: nothing it sends is trusted."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

import httpx2
from pydantic import BaseModel, ValidationError
from workos import AuthenticationError, AuthorizationError, RateLimitExceededError, WorkOSError

from backend.errors import WorkosFault, WorkosUnavailable
from backend.schemas.text import storable_json

_DEADLINE_SECONDS = 12  # for one call with its retry: a person is waiting
_NONSENSE = (ValueError, KeyError, TypeError, AttributeError)  # the SDK's, for other shapes

ModelT = TypeVar("ModelT", bound=BaseModel)
T = TypeVar("T")


async def answer_of(request: Awaitable[T], *, expected: type[WorkOSError] | None = None) -> T:
    """Await one call; whatever goes wrong is WorkosUnavailable, but for the `expected` error."""
    try:
        async with asyncio.timeout(_DEADLINE_SECONDS):
            return await request
    except (WorkOSError, httpx2.HTTPError, TimeoutError, *_NONSENSE) as error:
        if expected is not None and isinstance(error, expected):
            raise
        raise unavailable(error) from error


def unavailable(error: Exception) -> WorkosUnavailable:
    """What an error of the SDK's means."""
    status = getattr(error, "status_code", None)
    match error:
        case AuthenticationError() | AuthorizationError():
            return WorkosUnavailable(WorkosFault.KEY_REFUSED)
        case RateLimitExceededError():
            return WorkosUnavailable(WorkosFault.RATE_LIMITED, retry_after=error.retry_after or 0)
        case WorkOSError() if status is not None:
            return WorkosUnavailable(WorkosFault.UNEXPECTED_STATUS, status=status)
        case WorkOSError() | httpx2.HTTPError() | TimeoutError():
            return WorkosUnavailable(WorkosFault.UNREACHABLE)
        case _:
            return WorkosUnavailable(WorkosFault.UNREADABLE)


def parse(model: type[ModelT], value: object) -> ModelT:
    """One object of WorkOS's.

    Raises:
        WorkosUnavailable: it has not the fields that are read.
    """
    try:
        return model.model_validate(storable_json(value))
    except ValidationError as error:
        first = error.errors()[0]
        raise WorkosUnavailable(
            WorkosFault.UNREADABLE_OBJECT,
            field=".".join(str(part) for part in first["loc"]) or model.__name__,
            problem=first["msg"],
        ) from error
