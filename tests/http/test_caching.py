"""What caches are told."""

import httpx
import pytest

from backend.http.pages import PAGES
from tests.stack import ORIGIN, Stack

ACCEPT = ["text/html,application/xhtml+xml", "*/*", "text/javascript", ""]


def a_file() -> str:
    found = sorted((PAGES / "_app" / "immutable").rglob("*.js"))
    return str(found[0].relative_to(PAGES))


@pytest.mark.parametrize("accept", ACCEPT)
@pytest.mark.parametrize(
    "path",
    [
        "/_app/immutable/entry/start.GONE.js",
        "/_app/immutable/",
        "/_app/immutable/entry",
        "/_app/immutable/%2e%2e/version.json",
        "/_app/immutable/%2e%2e/%2e%2e/index.html",
        "/_app/gone.js",
    ],
)
async def test_a_file_that_is_not_there_is_404_and_never_stored(
    stack: Stack, path: str, accept: str
) -> None:
    url = httpx.URL(ORIGIN).copy_with(raw_path=path.encode())
    headers = {"Accept": accept, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    async with stack.browser() as browser:
        for method in ("GET", "HEAD"):
            answer = await browser.request(method, url, headers=headers)
            assert answer.status_code == 404
            assert answer.headers["cache-control"] == "no-store"


async def test_only_a_file_that_is_there_is_immutable(stack: Stack) -> None:
    path = f"/{a_file()}"
    async with stack.browser() as browser:
        found = await browser.get(path, headers={"Accept": "text/html"})
        unchanged = await browser.get(path, headers={"If-None-Match": found.headers["etag"]})
        refused = await browser.post(path)
        beyond = await browser.get(path, headers={"Range": "bytes=99999999-"})
    assert (found.status_code, unchanged.status_code) == (200, 304)
    for answer in (found, unchanged):
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert (refused.status_code, beyond.status_code) == (405, 416)
    for answer in (refused, beyond):
        assert answer.headers["cache-control"] == "no-store"


async def test_a_page_is_asked_for_again(stack: Stack) -> None:
    async with stack.browser() as browser:
        page = await browser.get("/dashboard/anything", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["cache-control"]) == (200, "no-cache")
