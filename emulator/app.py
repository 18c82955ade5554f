"""Both halves put together: one ASGI application, two stores, HTTP in between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import formatdate

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import MutableHeaders
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from emulator.clock import Clock
from emulator.okta.console import exchanges, groups, people, revocation, sign_in
from emulator.okta.provisioning import Okta
from emulator.okta.records import OktaRefusedError, Records
from emulator.okta.schema import ADDED as OKTA_ADDED
from emulator.okta.schema import SCHEMA as OKTA_SCHEMA
from emulator.options import Options
from emulator.scenario.model import Step
from emulator.scenario.timeline import play
from emulator.store import Store
from emulator.web.pages import STATIC, back_to, error_page, page_before, render
from emulator.web.protection import LARGEST_BODY, OwnNames, Unframed
from emulator.workos.api import (
    connections,
    directory_sync,
    errors,
    events,
    organization_domains,
    organizations,
)
from emulator.workos.api import portal as portal_api
from emulator.workos.api.limits import RateLimit
from emulator.workos.console import controls, dashboard, deliveries, portal, portal_session
from emulator.workos.scim import routes as scim
from emulator.workos.settings import Settings
from emulator.workos.sso import routes as sso
from emulator.workos.webhooks.pump import Post, Pump
from emulator.workos.world import World, open_world

SCIM_TIMEOUT_SECONDS = 60


class Parts:
    """What one emulator consists of."""

    def __init__(
        self,
        options: Options,
        settings: Settings,
        clock: Clock,
        post: Post | None = None,
        application: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`post` receives the webhooks, `application` what Okta sends it, instead of HTTP."""
        folder = None if options.home is None else options.home / "emulator"
        self.options = options
        self.clock = clock
        self.world: World = open_world(
            None if folder is None else folder / "workos.sqlite", clock, settings
        )
        okta_path = None if folder is None else folder / "okta.sqlite"
        self.records = Records(Store(okta_path, OKTA_SCHEMA, OKTA_ADDED), clock)
        self.pump = Pump(self.world, options.webhook_url, options.webhook_secret, post)
        self.application = application
        self.timeline: list[Step] = []
        self.app = build_app(self)

    def close(self) -> None:
        self.world.store.close()
        self.records.store.close()


def build_app(parts: Parts) -> FastAPI:
    """The application; its lifespan sends webhooks and lets Okta talk over real HTTP."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await parts.pump.start()
        tasks = [asyncio.create_task(_warm_up(app, parts.world))]
        try:
            async with httpx.AsyncClient(
                base_url=parts.options.base_url, timeout=SCIM_TIMEOUT_SECONDS, trust_env=False
            ) as http:
                app.state.okta.http = http
                tasks.append(asyncio.create_task(play(app.state.okta, parts.timeline)))
                yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await parts.pump.stop()

    app = FastAPI(title="Rollcall emulator", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.world = parts.world
    app.state.options = parts.options
    app.state.pump = parts.pump
    app.state.rate_limit = RateLimit()
    app.state.scim = None
    app.state.okta = Okta(
        parts.records,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url=parts.options.base_url, trust_env=False
        ),
        parts.options.base_url,
        parts.application,
    )
    errors.install(app)
    app.add_exception_handler(OktaRefusedError, answer_okta_refused)
    for module in (
        organizations, organization_domains, connections, portal_api, directory_sync, events,
        sso, scim, people, groups, revocation, sign_in, exchanges, deliveries, controls, dashboard,
        portal, portal_session,
    ):  # fmt: skip
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_api_route("/", start_page, include_in_schema=False)
    app.add_api_route("/healthz", healthz, include_in_schema=False)

    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=LARGEST_BODY)
    app.add_middleware(OwnNames, names=(parts.options.host, *parts.options.allowed_hosts))
    app.add_middleware(Unframed)
    app.add_middleware(Dated, clock=parts.clock)
    return app


class Dated:
    """Middleware: the Date of each answer is by the emulator's own clock, which a test may hold."""

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self.app = app
        self.clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Date"] = formatdate(self.clock.source(), usegmt=True)
            await send(message)

        await self.app(scope, receive, send_dated if scope["type"] == "http" else send)


async def healthz() -> dict[str, str]:
    return {"status": "ok"}


async def start_page(request: Request) -> HTMLResponse:
    state = request.app.state
    store = state.okta.records.store
    counts = {
        "people": store.number("select count(*) from people"),
        "groups": store.number("select count(*) from groups"),
        "waiting": state.world.store.number(
            "select count(*) from deliveries where state = 'pending'"
        ),
    }
    return render(
        request,
        "start.html",
        counts=counts,
        companies=state.okta.records.companies(),
        options=state.options,
    )


async def answer_okta_refused(request: Request, error: Exception) -> Response:
    if request.method == "POST":
        return back_to(page_before(request), str(error), "problem")
    return error_page(request, 404, "Not in Okta", str(error))


async def _warm_up(app: FastAPI, world: World) -> None:
    """Import scim2-server while nobody waits for it."""
    server = await asyncio.to_thread(scim.make_server, world)
    if app.state.scim is None:
        app.state.scim = server
