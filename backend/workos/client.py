"""WorkOS's API, by the SDK, whose dataclasses break on fields that nobody reads.

So answers are parsed by our own models.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx2
from pydantic import BaseModel
from workos import AsyncWorkOSClient, BadRequestError, NotFoundError, WorkOSError

from backend.errors import CodeRejected, CursorExpired, TooManyExchanges
from backend.settings import Settings
from backend.workos.answers import answer_of, parse, unavailable
from backend.workos.clock import answer_time, note_date
from backend.workos.models import (
    Directory,
    DirectoryCounts,
    DirectoryGroup,
    DirectoryUser,
    ListedConnection,
    Organization,
    Profile,
)
from backend.workos.paging import EventPage, NotListed, Pace, Page, Pages, parse_page
from backend.workos.scope import DirectoryScope

_TIMEOUT_SECONDS = 5
_RETRIES = 1  # by the SDK, while a person is waiting

# Anybody can have a made-up code exchanged, or a domain looked for: they wait for their turn, and
# not for long.
_MOST_EXCHANGES = 8
_LONGEST_TURN = 3.0

PAGE_SIZE = 100  # of whole listings; the largest that WorkOS gives

ModelT = TypeVar("ModelT", bound=BaseModel)


class WorkosClient:
    """One connection pool to WorkOS, and the `scope` in which it is used.

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
        self.scope = DirectoryScope.of(settings)
        self._pace = Pace(listings_per_second)
        self._exchanges = asyncio.Semaphore(_MOST_EXCHANGES)
        self._http = httpx2.AsyncClient(
            timeout=_TIMEOUT_SECONDS, transport=transport, event_hooks={"response": [note_date]}
        )
        self._redirect_uri = settings.workos_redirect_uri
        self._sdk = AsyncWorkOSClient(
            api_key=settings.workos_api_key.get_secret_value() or "not-configured",
            client_id=settings.workos_client_id or "not-configured",
            base_url=settings.workos_base_url,
            request_timeout=_TIMEOUT_SECONDS,
            max_retries=_RETRIES,
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
            TooManyExchanges: others wait for WorkOS already.
            WorkosUnavailable: no usable answer.
        """
        async with self._turn():
            try:
                answer = await answer_of(self._exchange(code), expected=BadRequestError)
            except BadRequestError as error:
                raise CodeRejected from error
        return parse(Profile, answer)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Raises TooManyExchanges."""
        try:
            async with asyncio.timeout(_LONGEST_TURN):
                await self._exchanges.acquire()
        except TimeoutError as error:
            raise TooManyExchanges from error
        try:
            yield
        finally:
            self._exchanges.release()

    async def _exchange(self, code: str) -> dict[str, Any]:
        # Never retried: the first try may have used the code up.
        answer = await self._sdk.sso.get_profile_and_token(
            code=code, request_options={"max_retries": 0}
        )
        return answer.profile.to_dict()

    async def organization(self, organization_id: str) -> Organization | None:
        """Raises WorkosUnavailable."""
        return await self._one(Organization, "organizations", organization_id)

    async def organizations_with(self, domain: str) -> list[Organization]:
        """Those that have the domain, whether or not it is verified.

        Raises:
            TooManyExchanges: others wait for WorkOS already.
            WorkosUnavailable: no usable answer.
        """
        async with self._turn():
            return await self._list(Organization, "organizations", {"domains[]": domain})

    async def portal_link(self, organization_id: str, intent: str, *, return_url: str) -> str:
        """A link to the Admin Portal, for whoever opens it within five minutes.

        Raises:
            WorkosUnavailable: no usable answer.
        """
        link = await answer_of(
            self._sdk.admin_portal.generate_link(
                organization=organization_id, intent=intent, return_url=return_url
            )
        )
        return link.link

    async def connections(self, organization_id: str) -> list[ListedConnection] | None:
        """The SSO connections of an organization; None where WorkOS knows no such list.

        Raises:
            WorkosUnavailable: no usable answer.
        """
        of: dict[str, str | None] = {"organization_id": organization_id}
        try:
            return await self._list(ListedConnection, "connections", of, NotFoundError)
        except NotFoundError:
            return None

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

    def event_pages(self, types: Collection[str], after: str | None) -> Pages[EventPage]:
        """The events of these types that follow `after`, or all that WorkOS still has.

        Each page is asked for once only: whoever polls has a backoff of its own.

        Raises:
            CursorExpired: WorkOS does not know the event to go on from, or no longer.
            WorkosUnavailable: no usable answer.
        """

        async def fetch(after: str | None) -> EventPage:
            filters = {"events": ",".join(types)}
            try:
                page = await self._page("events", filters, after, BadRequestError, retries=0)
            except BadRequestError as error:
                if after is None:
                    raise unavailable(error) from error
                raise CursorExpired from error
            return EventPage(page.items, page.following, answer_time())

        return Pages("events", fetch, after)

    async def directory_counts(self, directory_id: str) -> DirectoryCounts | None:
        """Raises WorkosUnavailable."""
        return await self._one(DirectoryCounts, "directories", directory_id)

    async def group(self, group_id: str) -> DirectoryGroup | None:
        """Raises WorkosUnavailable."""
        return await self._one(DirectoryGroup, "directory_groups", group_id)

    def pages(self, resource: str, **filters: str) -> Pages[Page[object]]:
        """A whole listing, as `list_page` reads it."""

        async def fetch(after: str | None) -> Page[object]:
            return await self.list_page(resource, after, **filters)

        return Pages(resource, fetch)

    async def list_page(
        self, resource: str, after: str | None, *, pace: str = "", **filters: str
    ) -> Page[object]:
        """One page of a whole listing: none of its items is parsed.

        Asked once only: whoever reads whole listings has a backoff of its own. `pace` is the
        directory whose limit of requests this counts for, if any.

        Raises:
            NotListed: WorkOS does not know what is filtered by.
            WorkosUnavailable: no usable answer.
        """
        if pace:
            await self._pace.wait(pace)
        try:
            return await self._page(resource, filters, after, NotFoundError, retries=0)
        except NotFoundError as error:
            raise NotListed from error

    async def _one(self, model: type[ModelT], resource: str, row_id: str) -> ModelT | None:
        request = self._sdk.request_raw("get", (resource, row_id))
        try:
            return parse(model, await answer_of(request, expected=NotFoundError))
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

        async def fetch(after: str | None) -> Page[object]:
            return await self._page(resource, filters, after, expected, retries=_RETRIES)

        pages = Pages(resource, fetch)
        return [parse(model, item) async for page in pages for item in page.items]

    async def _page(
        self,
        resource: str,
        filters: Mapping[str, str | None],
        after: str | None,
        expected: type[WorkOSError] | None,
        *,
        retries: int,
    ) -> Page[object]:
        asked = {**filters, "limit": str(PAGE_SIZE), "after": after}
        request = self._sdk.request_raw(
            "get",
            (resource,),
            params={name: value for name, value in asked.items() if value is not None},
            request_options={"max_retries": retries},
        )
        return parse_page(await answer_of(request, expected=expected))
