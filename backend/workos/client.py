"""WorkOS's API: the only module that imports the SDK.

Answers are parsed by our own models: the SDK's dataclasses break on fields that nobody reads.
"""

import asyncio
from collections.abc import Awaitable, Collection
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import httpx2
from pydantic import BaseModel, ValidationError
from workos import (
    AsyncWorkOSClient,
    AuthenticationError,
    AuthorizationError,
    BadRequestError,
    NotFoundError,
    RateLimitExceededError,
    WorkOSError,
)

from backend.errors import CodeRejected, CursorExpired, WorkosUnavailable
from backend.schemas.text import storable_json
from backend.settings import Settings
from backend.workos.models import (
    Directory,
    DirectoryCounts,
    DirectoryGroup,
    DirectoryUser,
    Organization,
    Profile,
)
from backend.workos.paging import EventPage, ListPage, Pace

_TIMEOUT_SECONDS = 5
_PATIENCE_SECONDS = 12  # for one call with its retry: a person is waiting
_READING_MARGIN = timedelta(seconds=10)

PAGE_SIZE = 100  # of whole listings; the largest that WorkOS gives
_UNREADABLE = "WorkOS gave an answer that cannot be read."
_NONSENSE = (ValueError, KeyError, TypeError, AttributeError)  # the SDK's, for other shapes

_answered_at: ContextVar[datetime | None] = ContextVar("answered_at", default=None)

ModelT = TypeVar("ModelT", bound=BaseModel)
T = TypeVar("T")


async def _note_date(response: httpx2.Response) -> None:
    date = response.headers.get("date")
    moment = parsedate_to_datetime(date) if date else None
    if moment is not None and moment.tzinfo is None:  # "-0000", which is UTC all the same
        moment = moment.replace(tzinfo=UTC)
    _answered_at.set(moment)


def _answer_time() -> datetime:
    answered_at = _answered_at.get()
    if answered_at is None:
        raise WorkosUnavailable(_UNREADABLE)
    return answered_at


def reading_time() -> datetime:
    """The version of what the last call of this task read: WorkOS's clock, less a margin.

    Raises:
        WorkosUnavailable: the answer carried no date.
    """
    return _answer_time() - _READING_MARGIN


class WorkosClient:
    """One connection pool to WorkOS.

    Args:
        settings: where WorkOS is, and with which credentials.
        transport: another way to reach it, for tests.
        listings_per_second: pages of people asked for, of each directory; 0: no limit. WorkOS
            answers four requests a second; the rest is for sign-ins.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
        listings_per_second: float = 3.7,
    ) -> None:
        self._pace = Pace(listings_per_second)
        self._http = httpx2.AsyncClient(
            timeout=_TIMEOUT_SECONDS, transport=transport, event_hooks={"response": [_note_date]}
        )
        self._redirect_uri = settings.workos_redirect_uri
        self._sdk = AsyncWorkOSClient(
            api_key=settings.workos_api_key.get_secret_value() or "not-configured",
            client_id=settings.workos_client_id or "not-configured",
            base_url=settings.workos_base_url,
            request_timeout=_TIMEOUT_SECONDS,
            max_retries=1,
            http_client=self._http,
        )

    async def close(self) -> None:
        await self._http.aclose()

    def authorization_url(self, *, organization: str, state: str, email: str | None) -> str:
        return self._sdk.sso.get_authorization_url(
            redirect_uri=self._redirect_uri,
            organization=organization,
            state=state,
            login_hint=email,
        )

    async def profile(self, code: str) -> Profile:
        """Exchange a code, which can be done once.

        Raises:
            CodeRejected: it was used, has expired, or was never given.
            WorkosUnavailable: no usable answer.
        """
        try:
            return _parse(Profile, await _patiently(self._exchange(code), expected=BadRequestError))
        except BadRequestError as error:
            raise CodeRejected from error

    async def _exchange(self, code: str) -> dict[str, Any]:
        # Never retried: the first try may have used the code up.
        answer = await self._sdk.sso.get_profile_and_token(
            code=code, request_options={"max_retries": 0}
        )
        return answer.profile.to_dict()

    async def organization(self, organization_id: str) -> Organization | None:
        """Raises WorkosUnavailable."""
        return await self._one(Organization, "organizations", organization_id)

    async def directory(self, directory_id: str) -> Directory | None:
        """Raises WorkosUnavailable."""
        return await self._one(Directory, "directories", directory_id)

    async def directories(self, organization_id: str) -> list[Directory]:
        """Raises WorkosUnavailable."""
        return await self._list(Directory, "directories", {"organization_id": organization_id})

    async def users(
        self, directory_id: str, *, idp_id: str | None = None, email: str | None = None
    ) -> list[DirectoryUser]:
        """Nobody in a directory that is gone. Raises WorkosUnavailable."""
        filters = {"directory": directory_id, "idp_id": idp_id, "email": email}
        try:
            return await self._list(DirectoryUser, "directory_users", filters, NotFoundError)
        except NotFoundError:
            return []

    async def groups_of(self, user_id: str) -> list[DirectoryGroup]:
        """Raises WorkosUnavailable."""
        return await self._list(DirectoryGroup, "directory_groups", {"user": user_id})

    async def user(self, user_id: str) -> DirectoryUser | None:
        """Raises WorkosUnavailable."""
        return await self._one(DirectoryUser, "directory_users", user_id)

    async def events(self, types: Collection[str], after: str | None) -> EventPage:
        """The events of these types that follow `after`, or the oldest that WorkOS still has.

        Asked once only: whoever polls has a backoff of its own.

        Raises:
            CursorExpired: WorkOS does not know `after`, or no longer.
            WorkosUnavailable: no usable answer.
        """
        asked = {"events": ",".join(types), "limit": "100"}
        if after is not None:
            asked["after"] = after
        request = self._sdk.request_raw(
            "get", ("events",), params=asked, request_options={"max_retries": 0}
        )
        try:
            page = await _patiently(request, expected=BadRequestError)
        except BadRequestError as error:
            if after is None:
                raise WorkosUnavailable(_because(error)) from error
            raise CursorExpired from error
        match page:
            case {"data": list(events), "list_metadata": {"after": str(following)}}:
                return EventPage(events, following or None, _answer_time())
            case {"data": list(events)}:
                return EventPage(events, None, _answer_time())
            case _:
                raise WorkosUnavailable(_UNREADABLE)

    async def directory_counts(self, directory_id: str) -> DirectoryCounts | None:
        """Raises WorkosUnavailable."""
        return await self._one(DirectoryCounts, "directories", directory_id)

    async def group(self, group_id: str) -> DirectoryGroup | None:
        """Raises WorkosUnavailable."""
        return await self._one(DirectoryGroup, "directory_groups", group_id)

    async def list_page(
        self, resource: str, after: str | None, *, pace: str = "", **filters: str
    ) -> ListPage | None:
        """One page of a whole listing; None when WorkOS does not know what is filtered by.

        Asked once only: whoever reads whole listings has a backoff of its own. `pace` is the
        directory whose limit of requests this counts for, if any.

        Raises:
            WorkosUnavailable: no usable answer.
        """
        if pace:
            await self._pace.wait(pace)
        params = {**filters, "limit": str(PAGE_SIZE)} | ({"after": after} if after else {})
        request = self._sdk.request_raw(
            "get", (resource,), params=params, request_options={"max_retries": 0}
        )
        try:
            page = await _patiently(request, expected=NotFoundError)
        except NotFoundError:
            return None
        return _list_page(page)

    async def _one(self, model: type[ModelT], resource: str, row_id: str) -> ModelT | None:
        try:
            return _parse(model, await self._get((resource, row_id), {}, NotFoundError))
        except NotFoundError:
            return None

    async def _list(
        self,
        model: type[ModelT],
        resource: str,
        filters: dict[str, str | None],
        expected: type[WorkOSError] | None = None,
    ) -> list[ModelT]:
        """All of it or an error: a list that breaks off would tell of less than there is."""
        found: list[ModelT] = []
        seen: set[str] = set()
        after: str | None = None
        while True:
            asked = {**filters, "limit": str(PAGE_SIZE), "after": after}
            items, after = _list_page(await self._get((resource,), asked, expected))
            found += [_parse(model, item) for item in items]
            if after is None:
                return found
            if after in seen:
                raise WorkosUnavailable(_UNREADABLE)
            seen.add(after)

    async def _get(
        self,
        path: tuple[str, ...],
        params: dict[str, str | None],
        expected: type[WorkOSError] | None,
    ) -> dict[str, Any]:
        given = {name: value for name, value in params.items() if value is not None}
        request = self._sdk.request_raw("get", path, params=given)
        return await _patiently(request, expected=expected)


def _list_page(page: object) -> ListPage:
    match page:
        case {"data": list(items), "list_metadata": {"after": str() | None as following}}:
            return ListPage(items, following or None)
        case _:
            raise WorkosUnavailable(_UNREADABLE)


def _parse(model: type[ModelT], value: object) -> ModelT:
    try:
        return model.model_validate(storable_json(value))
    except ValidationError as error:
        raise WorkosUnavailable(_UNREADABLE) from error


async def _patiently(request: Awaitable[T], *, expected: type[WorkOSError] | None = None) -> T:
    """Await one call; whatever goes wrong is WorkosUnavailable, but for the `expected` error."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await request
    except (WorkOSError, httpx2.HTTPError, TimeoutError, *_NONSENSE) as error:
        if expected is not None and isinstance(error, expected):
            raise
        retry_after = error.retry_after if isinstance(error, RateLimitExceededError) else None
        raise WorkosUnavailable(_because(error), retry_after=retry_after or 0) from error


def _because(error: Exception) -> str:
    status = getattr(error, "status_code", None)
    match error:
        case AuthenticationError() | AuthorizationError():
            return "WorkOS refuses the key in WORKOS_API_KEY."
        case RateLimitExceededError():
            return "WorkOS was asked too often, and wants to be left alone for a while (429)."
        case WorkOSError() if status is not None:
            return f"WorkOS answered with status {status}. Nothing was changed."
        case WorkOSError() | httpx2.HTTPError() | TimeoutError():
            return WorkosUnavailable.detail
        case _:
            return _UNREADABLE
