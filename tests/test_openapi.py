"""The API's description: up to date, complete, and what operators and browsers are told."""

import json
import re
from typing import Any

import pytest

from tests.http.test_guards import STREAMS, ask, some
from tests.stack import Stack, new_event, user_data
from tools.export_openapi import TARGET, description

OPERATIONS = [
    (method.upper(), path, operation)
    for path, operations in json.loads(description())["paths"].items()
    for method, operation in operations.items()
]
NAMES = [f"{method} {path}" for method, path, _ in OPERATIONS]


def test_the_pages_types_are_made_from_this_description() -> None:
    stale = "frontend/openapi.json is stale: run `.venv/bin/python -m tools.export_openapi`"
    assert TARGET.read_text() == description(), stale


@pytest.mark.parametrize(("_method", "path", "operation"), OPERATIONS, ids=NAMES)
def test_every_operation_says_what_it_does_and_what_goes_wrong(
    _method: str, path: str, operation: dict[str, Any]
) -> None:
    assert operation["summary"]
    assert operation["tags"]
    for parameter in operation.get("parameters", ()):
        assert parameter["in"] == "path" or parameter["description"], parameter["name"]
    guarded = "401" in operation["responses"] and path != "/api/directory-sync"
    assert bool(operation.get("security")) == (guarded or path == "/api/directory-sync")
    responses = operation["responses"]
    if path == "/me" or path.startswith(("/posts", "/team")):
        assert {"401", "503"} <= set(responses)
        assert ("403" in responses) == (path != "/me")
        assert ("404" in responses) == ("{" in path)
    if operation.get("parameters") or operation.get("requestBody"):
        assert "422" in responses
    for status, response in responses.items():
        if int(status) >= 400:
            ((media_type, content),) = response["content"].items()
            assert media_type == "application/problem+json"
            assert content["schema"] == {"$ref": "#/components/schemas/Problem"}


def test_an_operation_has_a_name_of_its_own() -> None:
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(names) == len(set(names))


def test_every_answer_has_an_example() -> None:
    for method, path, operation in OPERATIONS:
        for status, answer in operation["responses"].items():
            for kind, content in answer.get("content", {}).items():
                if "json" in kind:
                    assert "example" in content, (method, path, status)


def test_tags_come_in_reading_order_and_each_is_described() -> None:
    tags = [tag["name"] for tag in json.loads(description())["tags"]]
    assert tags[:3] == ["sign-in", "posts", "team"]
    assert {tag for _, _, operation in OPERATIONS for tag in operation["tags"]} == set(tags)


def test_what_workos_sends_is_a_webhook() -> None:
    described = json.loads(description())
    ((_, webhook),) = described["webhooks"].items()
    assert webhook == described["paths"]["/api/directory-sync"]
    assert webhook["post"]["security"] == [{"webhook_signature": []}]
    assert described["components"]["securitySchemes"].keys() == {
        "session", "token", "webhook_signature", "okta"
    }  # fmt: skip
    ((path, logout),) = [each for each in described["paths"].items() if "/okta/" in each[0]]
    assert logout["post"]["security"] == [{"okta": []}], path


async def test_a_token_opens_what_is_said_to_be_opened_by_one(stack: Stack) -> None:
    admin = await stack.sign_in_as("Admins")
    body = {"name": "All", "scopes": ["read", "write"]}
    secret = (await admin.post("/tokens", json=body)).json()["secret"]
    bearer = stack.browser()
    bearer.headers["Authorization"] = f"Bearer {secret}"
    for method, path, operation in OPERATIONS:
        security = operation.get("security", [])
        if {"session": []} in security and (method, path) not in STREAMS:
            answer = await ask(bearer, method, some(re.sub(r"\{\w+\}", "{id}", path)))
            refused = "session_required" in answer.text
            assert refused == ({"token": []} not in security), (method, path)


def test_every_reference_leads_somewhere() -> None:
    text = description()
    schemas = json.loads(text)["components"]["schemas"]
    used = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert used == set(schemas)


def test_what_is_sent_has_an_example() -> None:
    schemas = json.loads(description())["components"]["schemas"]
    for _, _, operation in OPERATIONS:
        for content in operation.get("requestBody", {}).get("content", {}).values():
            name = content["schema"].get("$ref", "").rpartition("/")[2]
            assert "example" in content or schemas[name]["examples"]


async def test_for_readers(stack: Stack) -> None:
    browser = stack.browser()
    docs = await browser.get("/docs")
    assert (docs.status_code, docs.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "https://" not in docs.text  # nobody else's server is needed
    served = await browser.get("/openapi.json")
    assert served.headers["content-encoding"] == "gzip"
    assert served.json() == json.loads(description())
    assert (await browser.get("/healthz")).json() == {"status": "ok"}
    assert (await browser.get("/readyz")).json() == {"status": "ok"}


@pytest.mark.parametrize("path", ["/posts", "/healthz", "/auth", "/nothing", "/", "/docs"])
async def test_security_headers(stack: Stack, path: str) -> None:
    answer = await stack.browser().get(path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["x-frame-options"] == "DENY"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-inline" not in policy


async def test_metrics_name_routes_and_never_ids(stack: Stack) -> None:
    browser = await stack.sign_in_as("Authors")
    event = new_event("dsync.user.created", user_data(stack))
    await stack.post_event(event)
    post = (await browser.post("/posts", json={"title": "t", "content": "c"})).json()
    await browser.get(f"/posts/{post['id']}")
    await browser.get("/invitations/secret-of-somebody")
    await browser.get("/nothing/like-this")
    text = (await browser.get("/metrics")).text
    for line in (
        'rollcall_http_requests_total{method="GET",route="/posts/{post_id}",status="200"}',
        'rollcall_http_requests_total{method="GET",route="/invitations/{token}",status="302"}',
        'rollcall_http_request_duration_seconds_bucket{le="+Inf",method="POST",route="/posts"}',
        'rollcall_directory_events_total{outcome="applied"}',
    ):
        assert line in text
    for hidden in (post["id"], "secret-of-somebody", "like-this", stack.organization.id):
        assert hidden not in text
