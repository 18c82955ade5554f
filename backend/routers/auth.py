"""`/auth`: signing in by SSO, and out. Everything that goes wrong ends at the sign-in page."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response, status
from fastapi.responses import RedirectResponse

from backend.http.guards import (
    CallbacksRefused,
    DatabaseDep,
    Limited,
    SessionDep,
    SessionToken,
    SettingsDep,
    WorkosDep,
    cookie_prefix,
    refuse_cross_site,
    refuse_prefetch,
    session_cookie_name,
    session_signer,
)
from backend.http.problems import SIGN_IN_REDIRECT, problems
from backend.services import sessions
from backend.services.rate_limits import SIGN_INS_BEGUN
from backend.services.sign_in import flow as sign_in
from backend.settings import Settings

router = APIRouter(tags=["sign-in"], responses=problems(422))

_LONGEST_USER_AGENT = 500

_NOT_CACHED = {"Cache-Control": "no-store"}


def _redirect(url: str) -> RedirectResponse:
    return RedirectResponse(url, status.HTTP_302_FOUND, _NOT_CACHED)


def _set_cookie(
    response: Response, settings: Settings, name: str, value: str, seconds: int
) -> None:
    response.set_cookie(
        name, value, max_age=seconds, httponly=True, secure=settings.secure_cookies, samesite="lax"
    )


def _drop_cookie(response: Response, settings: Settings, name: str) -> None:
    response.delete_cookie(name, httponly=True, secure=settings.secure_cookies, samesite="lax")


def _attempts(request: Request, settings: Settings) -> dict[str, str]:
    """The cookies of this browser's sign-ins that were begun and not finished."""
    prefix = cookie_prefix(settings) + sign_in.COOKIE_PREFIX
    return {name: value for name, value in request.cookies.items() if name.startswith(prefix)}


def _device(request: Request) -> sessions.Device:
    user_agent = request.headers.get("user-agent", "")[:_LONGEST_USER_AGENT]
    return sessions.Device(user_agent or None, request.client.host if request.client else None)


def _to_workos(request: Request, settings: Settings, begun: sign_in.Begun) -> Response:
    response = _redirect(begun.url)
    for surplus in sign_in.surplus(settings, _attempts(request, settings)):
        _drop_cookie(response, settings, surplus)
    seconds = int(sign_in.ATTEMPT_LIFETIME.total_seconds())
    name = cookie_prefix(settings) + begun.cookie_name
    _set_cookie(response, settings, name, begun.cookie, seconds)
    return response


@router.get(
    "/auth",
    status_code=302,
    response_class=RedirectResponse,
    dependencies=[Depends(refuse_prefetch), Depends(Limited(SIGN_INS_BEGUN))],
    responses=SIGN_IN_REDIRECT | problems(_503="The browser fetches it in advance."),
    summary="Begin to sign in",
    response_description="To WorkOS, or to `/?error=<code>`, the page that says what is wrong.",
)
async def begin(
    request: Request,
    database: DatabaseDep,
    settings: SettingsDep,
    client: WorkosDep,
    organization: Annotated[
        str,
        Query(
            description="WorkOS's id of the organization; without it that of `WORKOS_ORG_ID`, "
            "else the one that has the domain of `email` verified at WorkOS.",
            examples=["org_01J9ZA"],
        ),
    ] = "",
    email: Annotated[
        str, Query(description="Offered to the identity provider, so that nobody types it twice.")
    ] = "",
    return_to: Annotated[
        str,
        Query(
            description="A path within this site to go to afterwards; else `/dashboard`.",
            examples=["/dashboard/team"],
        ),
    ] = "",
) -> Response:
    begun = await sign_in.begin_by_address(
        database,
        settings,
        client,
        organization_id=organization,
        email=email or None,
        return_to=return_to,
    )
    return _to_workos(request, settings, begun)


@router.get(
    "/invitations/{token}",
    status_code=302,
    response_class=RedirectResponse,
    dependencies=[Depends(refuse_prefetch), Depends(Limited(SIGN_INS_BEGUN))],
    responses=SIGN_IN_REDIRECT | problems(_503="The browser fetches it in advance."),
    summary="Follow an invitation to the sign-in",
    response_description="To WorkOS, or to `/?error=invitation_invalid`.",
)
async def follow_invitation(
    request: Request, database: DatabaseDep, settings: SettingsDep, client: WorkosDep, token: str
) -> Response:
    begun = await sign_in.begin_invited(database, settings, client, token)
    return _to_workos(request, settings, begun)


@router.get(
    "/auth/callback",
    status_code=302,
    response_class=RedirectResponse,
    dependencies=[Depends(refuse_prefetch)],
    responses=SIGN_IN_REDIRECT | problems(_503="The browser fetches it in advance."),
    summary="Where WorkOS sends the browser back to",
    response_description="Signed in: to `return_to`, with the session cookie. Without a state: to "
    "a fresh `/auth`. Refused: to `/?error=<code>`, the page that says why.",
)
async def callback(
    request: Request,
    database: DatabaseDep,
    session: SessionDep,
    settings: SettingsDep,
    client: WorkosDep,
    earlier_token: SessionToken,
    refused: CallbacksRefused,
    code: Annotated[str, Query(description="WorkOS's, of one use.")] = "",
    state: Annotated[
        str, Query(description="Ours, of one use; it must have begun in this browser.")
    ] = "",
    error: Annotated[str, Query(description="WorkOS's, when there is no code.")] = "",
) -> Response:
    attempt_cookie = cookie_prefix(settings) + sign_in.cookie_name(state)
    finished = await sign_in.finish(
        database,
        session,
        settings,
        client,
        sign_in.Answer(code, state, error),
        cookie=request.cookies.get(attempt_cookie),
        earlier_token=earlier_token,
        device=_device(request),
        refused=refused,
    )
    response = _redirect(finished.url)
    over = {attempt_cookie, *(_attempts(request, settings) if finished.session_token else ())}
    for name in sorted(over):
        _drop_cookie(response, settings, name)
    if finished.session_token:
        request.app.state.news.note(finished.session_token.organization_id)  # who has joined by it
        _set_cookie(
            response,
            settings,
            session_cookie_name(settings),
            session_signer(settings).sign(str(finished.session_token)).decode(),
            int(sessions.LIFETIME.total_seconds()),
        )
    return response


@router.post(
    "/auth/logout",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Sign out",
    dependencies=[Depends(refuse_cross_site)],
    responses=problems(403, 503),
)
async def sign_out(
    request: Request,
    session: SessionDep,
    settings: SettingsDep,
    token: SessionToken,
    response: Response,
) -> None:
    if token is not None:
        await sign_in.sign_out(session, token)
        request.app.state.news.note(token.organization_id)  # pages are open in other tabs
    _drop_cookie(response, settings, session_cookie_name(settings))
