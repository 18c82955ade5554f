"""What is needed of WorkOS: a sign-in of person 0, and the Events API with events made before."""

import json
import os

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bench.company import ORGANIZATION, Company, Json, event_id

PAGE = 100


def stream(people: int, changes: int) -> list[bytes]:
    """The events of a company's founding, and then so many changes."""
    company = Company(people)
    events = [*company.beginning(), *company.arrivals()]
    return events + company.mixed(changes)


def page_after(events: list[bytes], known: int) -> bytes:
    """The page that follows so many events, as the Events API answers it."""
    page = events[known : known + PAGE]
    following = event_id(known + len(page)) if known + PAGE < len(events) else None
    metadata = json.dumps({"before": None, "after": following}).encode()
    return b'{"object": "list", "data": [%b], "list_metadata": %b}' % (b",".join(page), metadata)


def create_app() -> Starlette:
    events = stream(*(int(number) for number in os.environ["BENCH_STREAM"].split(",")))
    numbers = {"": 0} | {event_id(number): number for number in range(1, len(events) + 1)}
    person = Company(1).user(0)

    async def list_events(request: Request) -> Response:
        page = page_after(events, numbers[request.query_params.get("after", "")])
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
