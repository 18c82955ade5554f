"""Every answer of the API that is an error is a problem document (RFC 9457)."""

import pytest

from backend.errors import RollcallError
from backend.services.posts import lists
from tests.stack import Stack

PROBLEM = "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing/here", 404, "not_found"),
        ("PUT", "/posts", 405, "method_not_allowed"),
        ("GET", "/api/directory-sync", 405, "method_not_allowed"),
        ("GET", "/auth/logout", 405, "method_not_allowed"),
        ("GET", "/me", 401, "not_signed_in"),
    ],
)
async def test_shape(stack: Stack, method: str, path: str, status: int, code: str) -> None:
    answer = await stack.browser().request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    problem = answer.json()
    assert (problem["status"], problem["code"], problem["type"]) == (status, code, "about:blank")
    assert problem["title"]
    assert problem["detail"].endswith(".")
    assert answer.headers["x-content-type-options"] == "nosniff"
    if status == 405:
        assert answer.headers["allow"]


async def test_a_fault_of_ours_says_nothing_of_its_inside(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the password is hunter2")

    browser = await stack.sign_in_as(None)
    monkeypatch.setattr(lists, "list_page", fail)
    answer = await browser.get("/posts")
    assert (answer.status_code, answer.headers["content-type"]) == (500, PROBLEM)
    assert answer.json()["code"] == "internal_error"
    assert "hunter2" not in answer.text


def test_every_refusal_has_a_code_of_its_own() -> None:
    family = RollcallError.__subclasses__()
    assert len({error.code for error in family}) == len(family)
    for error in family:
        assert 400 <= error.status <= 503
        assert error.title
        assert error.detail.endswith(".")
