"""Which hosts, methods and paths are answered, and that no answer is built from `Host`."""

import asyncio

import httpx
import pytest

from backend.database import Database
from backend.http.pages import PAGES
from backend.main import create_app
from backend.settings import Settings
from tests.http.test_guards import STREAMS
from tests.stack import ORIGIN, Stack, running_stack

PUBLIC = {"workos_redirect_uri": "https://rollcall.example/auth/callback"}


def read_paths() -> list[str]:
    """Every address that GET is answered at, with something for each parameter."""
    paths = create_app(
        Settings(session_secret="for the routes, and for nothing else"), check_pages=False
    ).openapi()
    read = [path for path, operations in paths["paths"].items() if "get" in operations]
    read = [path for path in read if ("GET", path) not in STREAMS]  # they have no end
    pages = ["/", "/dashboard", "/favicon.svg", "/nothing.js", "/_app/version.json", "/docs"]
    scripts = sorted((PAGES / "_app").rglob("*.js"), key=lambda script: script.stat().st_size)
    pages += [f"/{script.relative_to(PAGES)}" for script in scripts[-1:]]
    return [path.replace("{", "0").replace("}", "0") for path in [*read, *pages, "/openapi.json"]]


@pytest.mark.parametrize("path", read_paths())
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
async def test_head_is_answered_like_get(stack: Stack, path: str, accept: str) -> None:
    browser = await stack.sign_in_as("Admins")
    got = await browser.get(path, headers={"Accept": accept})
    head = await browser.head(path, headers={"Accept": accept})
    assert head.status_code == got.status_code
    assert head.content == b""
    assert head.headers.keys() == got.headers.keys()
    if path != "/metrics":  # it counts the requests meanwhile
        assert head.headers.get("content-length") == got.headers.get("content-length")


@pytest.mark.parametrize("path", [path for _, path in STREAMS])
async def test_head_is_answered_where_get_has_no_end(stack: Stack, path: str) -> None:
    browser = await stack.sign_in_as("Admins")
    async with asyncio.timeout(10):
        head = await browser.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"].startswith("text/event-stream")


async def test_head_is_counted_as_head_at_its_route(stack: Stack) -> None:
    async with stack.browser() as browser:
        await browser.head("/healthz")
        metrics = (await browser.get("/metrics")).text
    assert 'rollcall_http_requests_total{method="HEAD",route="/healthz",status="200"}' in metrics


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/posts", "GET, HEAD, POST"),
        ("POST", "/posts/0", "DELETE, GET, HEAD, PATCH"),
        ("OPTIONS", "/me", "GET, HEAD"),
        ("HEAD", "/auth/logout", "POST"),
        ("GET", "/api/directory-sync", "POST"),
        ("POST", "/", "GET, HEAD"),
        ("DELETE", "/favicon.svg", "GET, HEAD"),
        ("POST", "/openapi.json", "GET, HEAD"),
    ],
)
async def test_allow_is_complete(stack: Stack, method: str, path: str, allow: str) -> None:
    async with stack.browser() as browser:
        answer = await browser.request(method, path)
    assert (answer.status_code, answer.headers.get("allow")) == (405, allow)


def all_paths(stack: Stack) -> list[tuple[str, str]]:
    document = stack.app.openapi()["paths"]
    return [(verb.upper(), path) for path, operations in document.items() for verb in operations]


async def test_a_slash_too_many_redirects_nothing(stack: Stack) -> None:
    async with stack.browser() as browser:
        for method, path in all_paths(stack):
            answer = await browser.request(method, f"{path}/")
            assert answer.status_code == 404, (method, path)
            assert "location" not in answer.headers


@pytest.mark.parametrize(
    "path",
    [
        "/%2e",
        "/%2e/",
        "/_app",
        "/_app/%2e",
        "/_app/%2e%2e",
        "//",
        "/posts/",
        "/docs/",
    ],
)
async def test_no_redirect_is_built_from_host(stack: Stack, path: str) -> None:
    url = httpx.URL(ORIGIN).copy_with(raw_path=path.encode())
    async with stack.browser() as browser:
        answer = await browser.get(url, headers={"Host": "evil.example", "Accept": "text/html"})
    assert answer.status_code in {200, 404}
    assert "evil.example" not in answer.headers.get("location", "")


@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        (["rollcall.example"], 401),
        (["Rollcall.Example:443"], 401),
        (["further.example"], 401),
        (["evil.example"], 421),
        (["rollcall.example.evil.example"], 421),
        (["10.0.0.7:3000"], 421),
        (["localhost:3000"], 421),
        (["[::1"], 421),
        ([""], 421),
        (["rollcall.example@evil.example"], 421),
        (["rollcall.example", "rollcall.example"], 400),
        ([], 400),
    ],
)
async def test_only_known_hosts_where_the_public_address_is_known(
    database: Database, hosts: list[str], status: int
) -> None:
    async with running_stack(database, **PUBLIC | {"allowed_hosts": "further.example"}) as stack:
        answer = await as_sent(stack, "/me", hosts)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_health_is_looked_at_under_any_address(database: Database, path: str) -> None:
    async with running_stack(database, **PUBLIC) as stack:
        assert (await as_sent(stack, path, ["10.0.0.7:3000"])).status_code == 200
        assert (await as_sent(stack, path, ["10.0.0.7", "10.0.0.8"])).status_code == 400


async def test_any_host_on_a_developers_machine(stack: Stack) -> None:
    assert (await as_sent(stack, "/me", ["my-laptop.local:3000"])).status_code == 401


async def as_sent(stack: Stack, path: str, hosts: list[str]) -> httpx.Response:
    """The answer to a request with exactly these `Host` headers."""
    async with stack.browser() as browser:
        request = browser.build_request("GET", path)
        request.headers = httpx.Headers([("Host", host) for host in hosts])
        return await browser.send(request)
