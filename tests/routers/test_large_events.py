"""Events with a photo in an attribute: taken as WorkOS can send them, and never lost in silence."""

import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from prometheus_client import REGISTRY

from backend.http.deliveries import MAX_EVENT_BYTES
from tests.events_api import one, polling
from tests.stack import Stack, as_body, new_event, post_webhook, signed, user_data

SCIM_BYTES = 2_000 * 1024  # what WorkOS takes of a directory

LIVE = "SELECT id FROM live_directory_users WHERE id = :id"
KEPT = "SELECT * FROM directory_events WHERE organization_id = :id AND reason = 'too_large'"


def with_photo(data: dict[str, Any], size: int, character: str = "x") -> dict[str, Any]:
    return data | {"custom_attributes": {"photo": character * size}}


async def test_a_deactivation_with_a_photo_is_applied(stack: Stack) -> None:
    """With what is and with what was, each as large as WorkOS takes it."""
    data = user_data(stack)
    assert await stack.post_event(new_event("dsync.user.created", data)) == "applied"
    left = with_photo(data, SCIM_BYTES) | {"state": "inactive"}
    left["previous_attributes"] = with_photo({}, SCIM_BYTES)
    body = as_body(new_event("dsync.user.updated", left))
    assert (await post_webhook(stack, body)).json() == {"outcome": "applied"}
    found = await one(stack, "SELECT state FROM directory_users WHERE id = :id", id=data["id"])
    assert found == {"state": "inactive"}


async def test_people_may_send_no_more_than_before(stack: Stack) -> None:
    author = await stack.sign_in_as("Authors")
    answer = await author.post("/posts", json={"title": "x", "content": "x" * 300_000})
    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")


def refused() -> float:
    return REGISTRY.get_sample_value("rollcall_directory_events_too_large_total") or 0


@pytest.mark.parametrize("character", ["x", "é"])
async def test_what_is_still_too_large_is_counted_logged_and_shown(
    stack: Stack, caplog: pytest.LogCaptureFixture, character: str
) -> None:
    admin = await stack.sign_in_as("Admins")
    data = user_data(stack)
    event = new_event("dsync.user.updated", with_photo(data, MAX_EVENT_BYTES, character))
    body = json.dumps(event, ensure_ascii=False).encode()
    before = refused()
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            answer = await post_webhook(stack, body)
            assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")
    assert refused() == before + 2
    assert event["id"] in caplog.text
    status = (await admin.get("/directory")).json()
    assert status["parked"]["count"] == 1
    (shown,) = (await admin.get("/directory/events", params={"outcome": "parked"})).json()["items"]
    assert (shown["type"], shown["reason"], shown["attempts"]) == (event["event"], "too_large", 2)
    assert (shown["body_kept"], shown["next_attempt_at"]) == (False, None)
    assert shown["person"]["directory_user_id"] == data["id"]
    assert event["id"] in shown["detail"]
    assert "Reconcile" in shown["error"]
    assert await one(stack, LIVE, id=data["id"]) is None


async def test_the_events_api_brings_it_all_the_same(own_stack: Stack) -> None:
    data = user_data(own_stack)
    event = new_event("dsync.user.created", with_photo(data, MAX_EVENT_BYTES))
    assert (await post_webhook(own_stack, as_body(event))).status_code == 413
    async with polling(own_stack) as poller:
        poller.api.inserted = [event]
        assert "parked" not in await poller.outcomes()
    assert await one(own_stack, LIVE, id=data["id"]) is not None


async def bits(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 65_536 + 1):
        yield b"x" * 65_536


async def test_strangers_leave_nothing(stack: Stack) -> None:
    """Unsigned as little is read as ever, mis-signed or without end nothing is kept."""
    event = new_event("dsync.user.updated", with_photo(user_data(stack), MAX_EVENT_BYTES))
    body = as_body(event)
    for content, headers in (
        (body, {}),
        (body[:300_000], {}),
        (body, signed(stack, b"another")),
        (bits(40 * 1024 * 1024), signed(stack, b"another")),
    ):
        async with stack.browser() as client:
            answer = await client.post("/api/directory-sync", content=content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")
    assert await one(stack, KEPT, id=stack.organization.id) is None
