"""Universal Logout: that a customer's Okta asks is proved before anything else is done."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Path, Request, Response
from fastapi.routing import APIRoute

from backend.errors import (
    LogoutFault,
    LogoutKeysUnavailable,
    LogoutNotSetUp,
    LogoutRefused,
)
from backend.http.rate_limits import allowance_of_client, client_of_request
from backend.okta import subjects, tokens
from backend.okta.keys import KeySets
from backend.okta.subjects import ByEmail, ById, ByIssuerAndSubject
from backend.schemas.audit import AuditAction
from backend.schemas.events import RowId
from backend.services import universal_logout
from backend.services.audit_log import refusals
from backend.services.rate_limits import LOGOUTS_REFUSED

OrganizationId = Annotated[RowId, Path(description="WorkOS's id of it.", examples=["org_01J9ZA"])]


class Logout(NamedTuple):
    """Who is to be signed out, and where."""

    organization_id: str
    subject: ByEmail | ByIssuerAndSubject | ById


async def signed_by_okta(request: Request, organization_id: OrganizationId) -> Logout:
    """A request that the organization's Okta has signed now, for us.

    Only what is not proved is limited, and noted in the organization's audit log.

    Raises:
        LogoutNotSetUp: the organization has told us of no Okta.
        LogoutRefused: before anything of the body is parsed.
        LogoutKeysUnavailable: Okta's keys cannot be read.
        TooManyRequests: instead of these, when too many came from the same client.
        LogoutSubjectInvalid: it does not say who is meant.
    """
    allowance = allowance_of_client(request, LOGOUTS_REFUSED)
    await allowance.check()
    state = request.app.state
    keys: KeySets = state.okta_keys
    try:
        expected = await universal_logout.find_expected(
            state.database, state.settings, organization_id
        )
        await tokens.verify(_bearer(request), expected, keys)
    except LogoutNotSetUp:
        await allowance.use()
        raise
    except (LogoutRefused, LogoutKeysUnavailable) as error:
        await allowance.use()
        client = client_of_request(request)
        await refusals.note(
            state.database,
            AuditAction.UNIVERSAL_LOGOUT_REFUSED,
            client,
            organization_id=organization_id,
            reason=error.reason,
        )
        raise
    return Logout(organization_id, subjects.read(await request.body()))


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise LogoutRefused(LogoutFault.UNAUTHORIZED)
    return token.strip()


class LogoutRoute(APIRoute):
    """A route after which open pages of the organization are told: some may have ended."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def told(request: Request) -> Response:
            answer = await handle(request)
            request.app.state.news.note(request.path_params["organization_id"])
            return answer

        return told


SignedLogout = Annotated[Logout, Depends(signed_by_okta)]
