"""What browsers are told about every page."""

from pathlib import Path

import pytest

from backend.database import Database
from backend.http import headers
from backend.http.pages import build_of
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


async def test_every_answer_names_the_build_of_the_pages(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By it an open page knows that a newer one is out."""
    monkeypatch.setattr(headers, "build_of", lambda: "b-17")
    async with running_stack(database) as stack, stack.browser() as browser:
        for path, status in ANSWERS:
            answer = await browser.get(path)
            assert (answer.status_code, answer.headers.get("rollcall-build")) == (status, "b-17")

    assert build_of(tmp_path) is None
    (tmp_path / "_app").mkdir()
    for written, build in (
        ('{"version": "17"}', "17"),
        ('{"version": "a\\nb"}', None),
        ("[]", None),
        ("{", None),
    ):
        (tmp_path / "_app" / "version.json").write_text(written)
        assert build_of(tmp_path) == build
