"""What is needed of WorkOS: a sign-in of person 0, and the Events API with events made before."""

import json
import os

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bench.company import ORGANIZATION, Company, Json

PAGE = 100


def stream(people: int, changes: int) -> list[bytes]:
    """The events of a company's founding, and then so many changes."""
    company = Company(people)
    events = [*company.beginning(), *company.arrivals()]
    return events + company.mixed(changes)


def event_id(event: bytes) -> str:
    return str(json.loads(event)["id"])


def _pages(events: list[bytes]) -> dict[str, bytes]:
    """Each page's body by the id of the event that it follows, "" for the first."""
    pages = {}
    after = ""
    for begin in range(0, len(events), PAGE):
        page = events[begin : begin + PAGE]
        last = event_id(page[-1])
        following = last if begin + PAGE < len(events) else None
        metadata = json.dumps({"before": None, "after": following}).encode()
        pages[after] = b'{"object": "list", "data": [%b], "list_metadata": %b}' % (
            b",".join(page),
            metadata,
        )
        after = last
    return pages


def create_app() -> Starlette:
    events = stream(*(int(number) for number in os.environ["BENCH_STREAM"].split(",")))
    pages = _pages(events)
    nothing = json.dumps({"object": "list", "data": [], "list_metadata": {"after": None}}).encode()
    person = Company(1).user(0)

    async def list_events(request: Request) -> Response:
        page = pages.get(request.query_params.get("after", ""), nothing)
        return Response(page, media_type="application/json")

    async def token(_request: Request) -> Response:
        profile: Json = {
            "object": "profile",
            "id": "prof_01BENCH",
            "organization_id": ORGANIZATION,
            "connection_id": "conn_01BENCH",
            "connection_type": "OktaSAML",
            "role": None,
            "roles": None,
            "groups": None,
            "custom_attributes": {},
            "raw_attributes": {},
        }
        names = ("idp_id", "email", "first_name", "last_name", "name")
        return JSONResponse(
            {
                "access_token": "of the bench",
                "token_type": "Bearer",
                "expires_in": 600,
                "profile": profile | {name: person[name] for name in names},
            }
        )

    return Starlette(
        routes=[
            Route("/events", list_events),
            Route("/sso/token", token, methods=["POST"]),
        ]
    )
