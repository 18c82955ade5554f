"""What browsers are told about every page."""

import pytest

from backend.database import Database
from tests.stack import running_stack

ANSWERS = [("/healthz", 200), ("/docs", 200), ("/me", 401), ("/auth", 302), ("/posts/x/y/z", 404)]


@pytest.mark.parametrize(
    ("redirect_uri", "told"),
    [
        ("https://rollcall.example/auth/callback", "max-age=31536000"),
        ("http://localhost:3000/auth/callback", None),
    ],
)
async def test_only_https_where_there_is_https(
    database: Database, redirect_uri: str, told: str | None
) -> None:
    async with (
        running_stack(database, workos_redirect_uri=redirect_uri) as stack,
        stack.browser() as browser,
    ):
        for path, status in ANSWERS:
            answer = await browser.get(path)
            assert (path, answer.status_code) == (path, status)
            assert answer.headers.get("strict-transport-security") == told
