"""The webhook's door. Invariant 6: a forged or malformed delivery leaves no row, never a 5xx."""

import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import func, select

from backend.database import Database
from backend.http.deliveries import MAX_EVENT_BYTES
from backend.models import DirectoryEvent
from backend.workos.signatures import sign
from tests.stack import (
    Stack,
    as_body,
    new_event,
    post_webhook,
    running_stack,
    signed,
    user_data,
)

PROBLEM = "application/problem+json"


async def is_stored(stack: Stack, event_id: str) -> bool:
    async with stack.database.connect() as session:
        query = select(DirectoryEvent.id).where(DirectoryEvent.id == event_id)
        return await session.scalar(query) is not None


async def stored_under(stack: Stack, body: bytes) -> int:
    async with stack.database.connect() as session:
        query = select(func.count()).where(DirectoryEvent.body == body)
        return int(await session.scalar(query) or 0)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "nonsense",
        "t=1, v1=",
        "other secret",
        "other body",
        "stale",
        "future",
        "seconds",
        "non-ascii",
    ],
)
async def test_forged_is_refused_and_leaves_no_row(stack: Stack, header: str | None) -> None:
    event = new_event("dsync.user.created", user_data(stack))
    body = as_body(event)
    right = signed(stack, body)["WorkOS-Signature"]
    at, proof = right.split(", v1=")
    headers: dict[str, Any] = {
        "other secret": f"{at}, v1={'0' * 64}",
        "other body": stack.emulator.sign(body + b" ", now_ms()),
        "stale": stack.emulator.sign(body, now_ms() - 181_000),
        "future": stack.emulator.sign(body, now_ms() + 190_000),
        "seconds": stack.emulator.sign(body, int(time.time())),
        "non-ascii": f"{at}, v1={proof[:-1]}é".encode(),
    }
    sent = {} if header is None else {"WorkOS-Signature": headers.get(header, header)}
    answer = await post_webhook(stack, body, sent)
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_signature")
    assert answer.headers["content-type"] == PROBLEM
    assert not await is_stored(stack, event["id"])
    # The very same body is taken with the right header: only the proof was wrong.
    assert (await post_webhook(stack, body)).json() == {"outcome": "applied"}


@pytest.mark.parametrize("space", [", ", ",", ",  "])
async def test_signature_with_and_without_the_space(stack: Stack, space: str) -> None:
    body = as_body(new_event("dsync.user.created", user_data(stack)))
    header = signed(stack, body)["WorkOS-Signature"].replace(", ", ",").replace(",", space)
    answer = await post_webhook(stack, body, {"WorkOS-Signature": header})
    assert (answer.status_code, answer.json()) == (200, {"outcome": "applied"})


async def test_signature_is_over_the_raw_bytes(stack: Stack) -> None:
    event = new_event("dsync.user.created", user_data(stack, first_name="Zoë"))
    body = json.dumps(event, indent=3, ensure_ascii=False).encode()
    assert (await post_webhook(stack, body)).json() == {"outcome": "applied"}


async def test_without_a_secret_everything_is_refused(database: Database) -> None:
    async with running_stack(database, workos_webhook_secret=SecretStr("")) as stack:
        body = as_body(new_event("dsync.user.created", user_data(stack)))
        at = now_ms()
        unkeyed = {"WorkOS-Signature": f"t={at}, v1={sign(body, '', at)}"}
        for headers in (None, {}, unkeyed):
            assert (await post_webhook(stack, body, headers)).status_code == 401
        assert await stored_under(stack, body) == 0


async def chunks(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 60_000):
        yield body[start : start + 60_000]


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("proved", [False, True])
async def test_over_the_size_limit(stack: Stack, *, chunked: bool, proved: bool) -> None:
    event = new_event("dsync.user.created", user_data(stack), padding="x" * MAX_EVENT_BYTES)
    body = as_body(event)
    async with stack.browser() as client:
        answer = await client.post(
            "/api/directory-sync",
            content=chunks(body) if chunked else body,
            headers=signed(stack, body) if proved else {},
        )
    assert (answer.status_code, answer.headers["content-type"]) == (413, PROBLEM)
    assert answer.json()["code"] == "payload_too_large"
    assert answer.json()["status"] == 413
    assert not await is_stored(stack, event["id"])


async def test_just_within_the_size_limit(stack: Stack) -> None:
    event = new_event("dsync.user.created", user_data(stack), padding="")
    event["padding"] = "x" * (MAX_EVENT_BYTES - len(as_body(event)))
    assert len(as_body(event)) == MAX_EVENT_BYTES
    assert (await post_webhook(stack, as_body(event))).json() == {"outcome": "applied"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"event",
        b"{",
        b'{"id": "event_1"',
        b"\xff\xfe\x00",
        b'{"id": "' + b"\xff" + b'"}',
        b"[" * 100_000,
        b'{"a":' * 40_000,
        b"1" * 10_000,
        b"null",
        b"[]",
        b'"event"',
        b"NaN",
    ],
)
async def test_not_json_or_not_an_event(stack: Stack, body: bytes) -> None:
    answer = await post_webhook(stack, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "not_an_event")
    assert answer.headers["content-type"] == PROBLEM
    assert await stored_under(stack, body) == 0


WRONG = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.just(""),
    st.lists(st.text(max_size=3), max_size=2),
)
NOT_A_TIME = st.sampled_from(
    ["yesterday", "2026-13-01T00:00:00Z", "0000-01-01", "10000-01-01T00:00:00Z", "١٢", "\ud800"]
)


@st.composite
def broken_envelopes(draw: st.DrawFn) -> dict[str, Any]:
    event = new_event("dsync.user.created", {})
    field = draw(st.sampled_from(["id", "event", "data", "created_at"]))
    if draw(st.booleans()):
        del event[field]
    elif field == "created_at":
        event[field] = draw(WRONG | NOT_A_TIME)
    elif field == "data":
        event[field] = draw(WRONG | st.text(max_size=5))
    else:
        event[field] = draw(WRONG | st.just({}) | st.just("x" * 256))
    return event


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(event=broken_envelopes())
async def test_json_that_is_no_event(stack: Stack, event: dict[str, Any]) -> None:
    body = as_body(event)
    answer = await post_webhook(stack, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "not_an_event"), answer.text
    assert await stored_under(stack, body) == 0


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None), max_size=5)
    | st.sampled_from(["\0", "\ud800", "active", "9" * 300]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "state", "name", "x", "\0"]), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = ["id", "directory_id", "organization_id", "idp_id", "email", "first_name", "name", "state"]


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    kind=st.sampled_from(["dsync.user.created", "dsync.group.created", "dsync.group.user_added"]),
    changes=st.dictionaries(
        st.sampled_from([*FIELDS, "custom_attributes", "user", "group"]), JSON, max_size=3
    ),
)
async def test_signed_events_of_any_content_never_fail(
    stack: Stack, kind: str, changes: dict[str, Any]
) -> None:
    event = new_event(kind, user_data(stack) | changes)
    body = as_body(event)
    answer = await post_webhook(stack, body)
    assert answer.status_code in {200, 422}, answer.text
    # Accepted means kept (invariant 5); refused leaves nothing (invariant 6).
    assert await stored_under(stack, body) == (answer.status_code == 200)


@pytest.mark.parametrize("depth", [50, 150, 250, 400, 600, 800, 900, 950, 980, 2000, 30_000])
async def test_deep_nesting_never_fails(stack: Stack, depth: int) -> None:
    event = new_event("dsync.user.created", user_data(stack, custom_attributes={"deep": "HERE"}))
    body = as_body(event).replace(b'"HERE"', b"[" * depth + b"]" * depth)
    answer = await post_webhook(stack, body)
    assert answer.status_code in {200, 422}, answer.text
    assert await stored_under(stack, body) == (answer.status_code == 200)
