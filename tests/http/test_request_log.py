"""Every request has an id; what is refused and what fails leaves a line and a count."""

import logging
import re
from typing import Any

import pytest
from prometheus_client import REGISTRY

from backend.http.guards import WEBHOOK_PATH
from backend.services.posts import lists
from tests.stack import Stack, as_body, new_event, post_webhook, signed, user_data
from tests.working import execute

MADE = re.compile(r"[0-9a-f]{16}")


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0


def lines(caplog: pytest.LogCaptureFixture, level: int = logging.WARNING) -> list[Any]:
    return [record for record in caplog.records if record.levelno == level]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("req-7.a_b~c", True),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736/00", True),
        ("", False),
        ("two words", False),
        ('"}{"level":"error', False),
        ("x" * 129, False),
    ],
)
@pytest.mark.parametrize("path", ["/healthz", "/me", "/nothing"])
async def test_a_request_keeps_its_id_or_is_given_one(
    stack: Stack, path: str, given: str, *, kept: bool
) -> None:
    async with stack.browser() as browser:
        answer = await browser.get(path, headers={"X-Request-ID": given})
    request_id = answer.headers["x-request-id"]
    assert request_id == given if kept else MADE.fullmatch(request_id)
    if answer.status_code != 200:
        assert answer.json()["request_id"] == request_id


async def test_each_request_has_an_id_of_its_own(stack: Stack) -> None:
    async with stack.browser() as browser:
        ids = {(await browser.get("/me")).json()["request_id"] for _ in range(3)}
    assert len(ids) == 3


async def test_a_fault_of_ours_is_a_traceback_with_the_requests_id(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the password is hunter2")

    browser = await stack.sign_in_as(None)
    monkeypatch.setattr(lists, "list_page", fail)
    answer = await browser.get("/posts", headers={"X-Request-ID": "of-this"})
    assert (answer.status_code, answer.json()["request_id"]) == (500, "of-this")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-request-id"] == "of-this"
    (line,) = lines(caplog, logging.ERROR)
    assert line.getMessage() == "GET /posts failed"
    assert line.exc_info[0] is RuntimeError


@pytest.mark.parametrize("webhook", [False, True])
async def test_a_schema_that_does_not_fit_is_our_fault(
    own_stack: Stack, caplog: pytest.LogCaptureFixture, *, webhook: bool
) -> None:
    """It does not pass, so it is no 503 without a traceback."""
    browser = await own_stack.sign_in_as(None)
    table = "directory_events" if webhook else "posts"
    await execute(own_stack, f"ALTER TABLE {table} RENAME TO gone")
    if webhook:
        event = new_event("dsync.user.created", user_data(own_stack))
        answer = await post_webhook(own_stack, as_body(event))
    else:
        answer = await browser.get("/posts")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    (line,) = lines(caplog, logging.ERROR)
    assert "UndefinedTable" in line.exc_text
    assert "retry-after" not in answer.headers


async def test_a_schema_that_does_not_fit_ends_a_sign_in(
    own_stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    ann = own_stack.person("Ann")
    await own_stack.deliver()
    await execute(own_stack, "ALTER TABLE used_states RENAME TO gone")
    _, location = await own_stack.try_sign_in(ann)
    assert location == "/?error=sign_in_failed"
    assert len(lines(caplog, logging.ERROR)) == 1


BODY = as_body({"id": "event_forged"})


def forged(stack: Stack) -> dict[str, tuple[bytes, dict[str, str]]]:
    right = signed(stack, BODY)
    return {
        "signature_missing": (BODY, {}),
        "signature_malformed": (BODY, {"WorkOS-Signature": "v1=0"}),
        "signature_wrong": (BODY + b" ", right),
        "signature_stale": (BODY, signed(stack, BODY, at_ms=1_000_000)),
        "not_an_event": (BODY, right),
        "not_json": (b"{", signed(stack, b"{")),
        "payload_too_large": (b" " * 300_000, {}),
    }


@pytest.mark.parametrize("reason", ["signature_missing", "signature_malformed", "signature_wrong",
    "signature_stale", "not_an_event", "not_json", "payload_too_large"])  # fmt: skip
async def test_a_forged_webhook_is_a_line_and_a_count(
    stack: Stack, caplog: pytest.LogCaptureFixture, reason: str
) -> None:
    body, headers = forged(stack)[reason]
    before = counted("rollcall_webhooks_refused_total", reason=reason)
    for _ in range(3):
        answer = await post_webhook(stack, body, headers)
        assert answer.status_code in {401, 413, 422}
        assert "signature_" not in answer.text  # what is wrong with it is for operators
    assert counted("rollcall_webhooks_refused_total", reason=reason) == before + 3
    written = lines(caplog)
    assert [line.getMessage() for line in written] == [f"webhook refused: {reason}"] * 3
    assert (written[0].reason, written[0].method) == (reason, "POST")
    assert written[0].client
    assert written[0].route in {WEBHOOK_PATH, "other"}


async def test_a_cross_site_request_is_a_line_and_a_count(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    browser = await stack.sign_in_as("Authors")
    before = counted("rollcall_refusals_total", code="cross_site")
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert (await browser.post("/posts", json={}, headers=headers)).status_code == 403
    assert counted("rollcall_refusals_total", code="cross_site") == before + 1
    (line,) = lines(caplog)
    assert line.getMessage() == "request refused: cross_site"
    assert (line.route, line.reason) == ("/posts", "cross_site")


async def test_what_is_usual_is_counted_without_a_line(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    before = counted("rollcall_refusals_total", code="not_signed_in")
    async with stack.browser() as browser:
        await browser.get("/me")
    assert counted("rollcall_refusals_total", code="not_signed_in") == before + 1
    assert lines(caplog) == []


class TestSignIns:
    async def test_one_that_succeeds_is_counted(self, stack: Stack) -> None:
        before = counted("rollcall_sign_ins_total", result="signed_in")
        await stack.sign_in_as(None)
        assert counted("rollcall_sign_ins_total", result="signed_in") == before + 1

    @pytest.mark.parametrize(
        ("path", "result"),
        [
            ("/auth/callback?code=made-up&state=made-up", "state_invalid"),
            ("/auth/callback?code=made-up", "code_rejected"),
            ("/auth/callback?error=access_denied", "access_denied"),
            ("/auth/callback?error=made_up_by_somebody", "other"),
            ("/auth", "organization_required"),
            ("/invitations/made-up", "invitation_invalid"),
        ],
    )
    async def test_one_that_is_refused_is_a_line_and_a_count(
        self, stack: Stack, caplog: pytest.LogCaptureFixture, path: str, result: str
    ) -> None:
        before = counted("rollcall_sign_ins_total", result=result)
        async with stack.browser() as browser:
            assert (await browser.get(path)).status_code == 302
        assert counted("rollcall_sign_ins_total", result=result) == before + 1
        (line,) = lines(caplog)
        assert (line.getMessage(), line.reason) == (f"sign-in refused: {result}", result)
