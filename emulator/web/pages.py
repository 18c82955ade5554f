"""Render a page, redirect after a form with a notice, show an error."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import quote, unquote, urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

STATIC = Path(__file__).parent / "static"
NOTICE = "emulator_notice"
NOTICE_LIVES_SECONDS = 30
MS = 1000

NAVIGATION = (
    ("/", "Start"),
    ("/people", "People"),
    ("/groups", "Groups"),
    ("/exchanges", "SCIM exchanges"),
    ("/workos", "WorkOS"),
    ("/deliveries", "Deliveries"),
    ("/faults", "Faults"),
    ("/settings", "Settings"),
)


def _clock_time(ms: int | None) -> str:
    """Time of day of a moment in milliseconds, UTC."""
    if ms is None:
        return "—"
    return f"{datetime.fromtimestamp(ms / MS, tz=UTC):%H:%M:%S}"


def _date(ms: int) -> str:
    """Day of a moment in milliseconds, UTC."""
    return f"{datetime.fromtimestamp(ms / MS, tz=UTC):%Y-%m-%d}"


def _pretty(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("emulator.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"clock_time": _clock_time, "date": _date, "pretty": _pretty}
    return environment


TEMPLATES = _environment()


def render(
    request: Request, template: str, *, status: int = 200, **context: object
) -> HTMLResponse:
    """The page, with the notice that the redirect before it left."""
    notice = None
    if NOTICE in request.cookies:
        notice = json.loads(unquote(request.cookies[NOTICE]))
    text = TEMPLATES.get_template(template).render(
        path=request.url.path,
        navigation=NAVIGATION,
        notice=notice,
        application_url=request.app.state.options.application_url,
        **context,
    )
    response = HTMLResponse(text, status)
    if notice is not None:
        response.delete_cookie(NOTICE)
    return response


def back_to(url: str, notice: str, kind: Literal["done", "problem"] = "done") -> RedirectResponse:
    """303 to `url`, which shows the notice once."""
    response = RedirectResponse(url, 303)
    response.set_cookie(
        NOTICE,
        quote(json.dumps({"text": notice, "kind": kind})),
        max_age=NOTICE_LIVES_SECONDS,
        httponly=True,
        samesite="lax",
    )
    return response


def page_before(request: Request) -> str:
    """The path of the page with the form, wherever the browser says that it is."""
    before = urlsplit(request.headers.get("Referer", ""))
    path = "/" + before.path.lstrip("/")
    return f"{path}?{before.query}" if before.query else path


def error_page(request: Request, status: int, title: str, text: str) -> HTMLResponse:
    return render(request, "error.html", status=status, title=title, text=text)
