"""The application put together."""

import gc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI
from fastapi.routing import APIRoute
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from backend import jobs, logs
from backend.database import BACKGROUND, Database
from backend.database.news import Teller
from backend.http import problems
from backend.http.addresses import Addressed
from backend.http.body_limit import BodyLimit
from backend.http.compression import CompressedPages
from backend.http.description import describe
from backend.http.guards import session_signer
from backend.http.headers import SecurityHeaders
from backend.http.pages import FOLDERS_OF_FILES, PAGES
from backend.http.request_log import IdentifyRequests
from backend.http.request_metrics import CountRequests
from backend.http.second_try import TryReadsAgain
from backend.okta.keys import KeySets
from backend.routers import (
    audit_log,
    auth,
    break_glass,
    directory,
    directory_gone,
    directory_sync,
    docs,
    grants,
    health,
    invitations,
    live,
    me,
    organization,
    people,
    posts,
    reconciliations,
    roles,
    sessions,
    team,
    tokens,
    universal_logout,
)
from backend.services.last_uses import LastUses
from backend.services.live import Live
from backend.services.rate_limits import RateLimiter
from backend.settings import Settings, get_settings
from backend.workos.client import WorkosClient

_DESCRIPTION = """
A team's notebook whose access is decided by the company's directory, at every request.

A browser that has signed in at [/auth](/auth) has a session cookie. A program sends a token:

    curl -H "Authorization: Bearer rc_…" https://rollcall.example/posts

Errors are `application/problem+json` (RFC 9457): `code` is for programs, `detail` says what to do.
Lists come in pages: give `next_cursor` as `cursor` for the next one.
The list ends where it is null: a page of a filtered list may have few items, or none.
"""

# In this order they are looked at: first what is asked for most.
_ROUTERS = (
    directory_sync,
    posts,
    me,
    team,
    invitations,
    sessions,
    tokens,
    people,
    directory,
    directory_gone,
    break_glass,
    reconciliations,
    roles,
    grants,
    live,
    audit_log,
    organization,
    auth,
    universal_logout,
    health,
    docs,
)
_TAGS = [
    {"name": "sign-in", "description": "SSO through WorkOS, and who is signed in."},
    {"name": "posts", "description": "The notebook. `permissions` of `/me` say who may do what."},
    {"name": "team", "description": "The people of the organization, and invitations."},
    {"name": "sessions", "description": "The browsers in which somebody is signed in."},
    {
        "name": "tokens",
        "description": "For API clients: `Authorization: Bearer rc_…`, on every route that a "
        "session opens, with the person's access as it is at that request.",
    },
    {
        "name": "people",
        "description": "For admins: everyone of the organization, and what is decided by hand.",
    },
    {
        "name": "directory",
        "description": "What WorkOS tells us about the customer's directory, and what follows.",
    },
    {"name": "roles", "description": "What gives which role: mappings, and grants by hand."},
    {
        "name": "audit",
        "description": "What was done, by whom or by what; as a list, as a file, and by days.",
    },
    {"name": "live", "description": "What changes while one looks."},
    {
        "name": "organization",
        "description": "For admins: settings, and WorkOS's Admin Portal.",
    },
    {"name": "operations", "description": "Health and metrics."},
]


def create_app(
    settings: Settings | None = None,
    *,
    database: Database | None = None,
    workos: WorkosClient | None = None,
    okta_keys: KeySets | None = None,
    check_pages: bool = True,
    with_worker: bool = False,
) -> FastAPI:
    """The application.

    Args:
        settings: of this process; read from the environment when not given.
        database: one that the caller closes; made from the settings when not given.
        workos: one that the caller closes; made from the settings when not given.
        okta_keys: those that the caller closes; made when not given.
        check_pages: whether the built pages must be there.
        with_worker: whether this process does the background work, too.

    Raises:
        SettingsError: the environment cannot be used.
    """
    settings = settings or get_settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.database = database or Database(settings.database_url)
        app.state.workos = workos or WorkosClient(settings)
        app.state.okta_keys = okta_keys or KeySets(inner=settings.is_local)
        app.state.rate_limiter = RateLimiter(app.state.database, on=settings.rate_limits == "on")
        app.state.last_uses = LastUses(app.state.database)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(app.state.last_uses.writing())
            app.state.news = Teller(app.state.database)
            stack.push_async_callback(app.state.news.close)
            app.state.live = Live(app.state.database)
            await stack.enter_async_context(app.state.live.running())
            if with_worker:
                # What nobody waits for has its own connections, and longer timeouts.
                behind = database or Database(
                    settings.database_url, pool_size=4, overflow=16, timeouts=BACKGROUND
                )
                if database is None:
                    stack.push_async_callback(behind.close)
                await stack.enter_async_context(jobs.working(settings, behind, app.state.workos))
            yield
        if workos is None:
            await app.state.workos.close()
        if okta_keys is None:
            await app.state.okta_keys.close()
        if database is None:
            await app.state.database.close()

    app = FastAPI(
        title="Rollcall",
        version="0.1.0",
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_name,
        redirect_slashes=False,  # it is built from the Host header, and repeats a POST
    )
    app.state.settings = settings
    app.state.session_signer = session_signer(settings)
    app.state.enqueue = jobs.enqueue
    problems.register(app)
    for module in _ROUTERS:
        app.include_router(module.router)
    app.frontend("/", directory=PAGES, fallback="index.html", check_dir=check_pages)
    for folder in FOLDERS_OF_FILES:  # a file that is not there is no page to go to
        app.frontend(folder, directory=f"{PAGES}{folder}", fallback=None, check_dir=check_pages)
    app.add_middleware(BodyLimit, without=directory_sync.PATH)
    app.add_middleware(TryReadsAgain)
    app.add_middleware(CompressedPages)  # within `Addressed`: HEAD has the headers of GET
    app.add_middleware(Addressed, settings=settings)
    app.add_middleware(CountRequests)
    app.add_middleware(IdentifyRequests)
    app.add_middleware(SecurityHeaders, https=settings.secure_cookies)
    if settings.proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=settings.proxies)
    describe(app)
    return app


def _name(route: APIRoute) -> str:
    """Of an operation, for programs that make a client of the description."""
    return route.name


def create_served_app() -> FastAPI:
    """For a process that serves beside others."""
    return _settled(_served())


def create_served_app_with_worker() -> FastAPI:
    """For a process that is alone."""
    return _settled(_served(with_worker=True))


def _served(*, with_worker: bool = False) -> FastAPI:
    settings = get_settings()
    logs.configure(settings.log_format)
    return create_app(settings, with_worker=with_worker)


def _settled(app: FastAPI) -> FastAPI:
    """Spare the garbage collector what lives as long as the process.

    Going through it took a quarter of the time of `GET /posts`, in pauses of a tenth of a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 20)
    return app
